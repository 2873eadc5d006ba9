"""Hooks room: a Gateway's resources in, what its extensions make of them out, or what is published when one fails.

`plan` says what to ask, in which order, and what the replies change; `replies` says whether a reply can be used;
`policy` says what is published when one cannot. They know no network: `plan.order` is a generator that yields batches
of calls and is sent what came of them. `run` drives it, by `remote` (gRPC) or `inprocess` (Python functions), and
`health` decides when to try again what fails. So every failure, at every call, under every policy can be tested
without a socket.
"""
