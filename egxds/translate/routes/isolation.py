"""Which listener of a port a hostname belongs to. Pure.

Gateway API's listener isolation is kept here: of the listeners on one port, a request belongs to the one with the most
specific hostname that covers its host, and to no other, even where that one has no route for it.

Envoy knows no listeners inside of a RouteConfiguration, only domains, of which the most specific one takes a request.
With HTTP listeners `*.a.test` and `b.a.test` on one port:

- a route of `*.a.test` for `b.a.test` is left out there: the other listener has that host (`kept`);
- `b.a.test` gets a virtual host though it may have no route: without one the domain `*.a.test` of the other listener
  would answer for it (`is_shielded`). Empty, it answers 404.

Two listeners of one hostname may come to one domain. The first of them counts (`sharing`), as it does in every look:
Envoy refuses a RouteConfiguration in which a domain stands twice.

An HTTPS listener has a RouteConfiguration of its own. Requests for the hostnames of the others on its port reach it
over connections that clients use twice; they belong to those others all the same, and are `elsewhere` here.

Of two hostnames that cover a third one, one covers the other. So those that cover a hostname are a chain, the narrowest
first, as long as the hostname has labels: looking them up, one after the other, finds the owner, however many listeners
there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from egxds.model.resolve.hostnames import patterns_of
from egxds.model.resolve.resolved import ResolvedListener


class ListenerHostnames:
    """The hostnames of listeners that share a RouteConfiguration."""

    def __init__(self, listeners: Iterable[ResolvedListener], elsewhere: Iterable[str] = ()) -> None:
        """Take listeners in the order of their Gateway.

        Args:
            listeners: those that share it.
            elsewhere: hostnames of others on their port, none of which is one of theirs.
        """
        self._listeners: dict[str, tuple[str, ...]] = dict.fromkeys(elsewhere, ())
        for listener in listeners:
            self._listeners[listener.hostname] = (*self._listeners.get(listener.hostname, ()), listener.name)

    def kept(self, listener: ResolvedListener, hostnames: Iterable[str]) -> list[str]:
        """Return the hostnames of a route at a listener that no more specific listener takes."""
        return [hostname for hostname in hostnames if self._owner(hostname) == listener.hostname]

    def sharing(self, hostname: str) -> tuple[str, ...]:
        """Return the names of the listeners that a hostname belongs to, the first one first."""
        return self._listeners[self._owner(hostname)]

    def of_others_than(self, before: ListenerHostnames) -> set[str]:
        """Return the hostnames that other listeners have than before, or nobody any more; by the interpreter alone."""
        return {hostname for hostname, _ in self._listeners.items() ^ before._listeners.items()}

    def covering(self, hostname: str) -> Iterator[tuple[str, str]]:
        """Yield the listeners with a hostname that covers another, and those that have it: name and hostname."""
        for pattern in patterns_of(hostname):
            yield from ((name, pattern) for name in self._listeners.get(pattern, ()))

    def is_shielded(self, listener: ResolvedListener) -> bool:
        """Whether a listener without a route for its own hostname must answer 404 by a virtual host of its own.

        It must where a listener with a wider hostname would answer otherwise.
        """
        return any(wider in self._listeners for wider in islice(patterns_of(listener.hostname), 1, None))

    def _owner(self, hostname: str) -> str:
        """Return the most specific listener hostname that covers a hostname."""
        return next(pattern for pattern in patterns_of(hostname) if pattern in self._listeners)
