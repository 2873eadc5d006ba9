"""Sessions room: the delta xDS protocol without I/O, clock or logger. Pure.

`delta_session` is one stream. It has a `type_state` for every type, which is made of what the client wants
(`subscription`), what it has (`client_state`), what it was sent and has not answered (`in_flight`) and what a NACK
left to be done (`refusals`). Between the types stand `push_order`, `pacing` and `warming`; `policy` says how types
differ.

"Rule 33" in these modules is rule 33 of the delta xDS checklist; `tests/transcripts/RULES.md` says which tests hold
it, and each of those tests is a transcript that shows it. What is said to be seen was seen with Envoy 1.40.
"""
