"""One reply: read, checked, remembered. Pure.

A reply is a failure of its call, whatever the extension meant by it, where it is over the size limit, does not parse,
is of a type or under a name that was not asked about, breaks one of the rules that Envoy has for its fields
(`egxds.resources.validation` reads them from the descriptors), or puts one match into two filter chains of a listener.
Envoy would refuse such a resource, and apply a random part of what travels with it; and a listener or a cluster whose
new child is refused goes live without it at once, though what it had before was good. So nothing is sent on trust.

What depends on other resources is judged where those are known: one address of two listeners and one domain of two
virtual hosts by the stages of `egxds.hooks.plan`, references to nothing by its `dangling_references`.

What passes is encoded again, deterministically: an extension may write its maps in another order each time, and equal
content in other bytes would be a change, which in a listener drains connections (envoyproxy/gateway 8889).
"""
