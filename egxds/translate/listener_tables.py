"""Routes of listeners that share a port → their Envoy Listener, doing again only what changed. Pure.

    HTTP, HTTPS      the Listener changes with none of their routes: it refers to RouteConfigurations
    TLS, TCP         each route has a filter chain of its own in it (`streams`)
    UDP              the one route that has the listener stands in its one listener filter

A table is made for a plan and keeps it. A route that changes, comes or goes changes its own chain, and perhaps the
closed one of its listener: of all others the interpreter copies references and joins the bytes. Another plan makes
another table, from nothing.

What a listener's own hostname is not routed for is closed by a chain of its own. Without it a listener with a wider
hostname would have those connections, past whatever this one asks of its clients (`model.resolve.closed_hostnames`),
and a Listener without routes would have no chain, which Envoy refuses. For the same reason a route has none of its
hostnames here that belong to another listener of the port (`routes.isolation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from envoy.config.listener.v3.listener_pb2 import Listener

from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.model.resolve.listener_protocols import Transport
from egxds.model.resolve.resolved import AttachedRoute, ResolvedListener
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.listener import FilterChain
from egxds.resources.resource import Resource
from egxds.settings.client_traffic import ClientTrafficSettings
from egxds.translate.listeners import StreamListener, translate_listener
from egxds.translate.ports import Port
from egxds.translate.routes.isolation import ListenerHostnames
from egxds.translate.streams import closed_chain, datagram_filter, stream_chains

_Routes = Revision[ObjectKey, AttachedRoute]


class ListenerTable:
    """The Envoy Listener of one TCP port.

    Attributes:
        plan: what it was made for.
        resource: the Listener as it is now.
    """

    def __init__(self, port: Port, traffic: ClientTrafficSettings) -> None:
        """Write the Listener as a whole.

        Args:
            port: its listeners.
            traffic: how requests are taken.
        """
        self.plan = port.plan
        self._streams = {stream.listener: stream for stream in port.plan.streams}
        self._hostnames = ListenerHostnames(port.with_server_names, (chain.hostname for chain in port.plan.chains))
        self._listener = translate_listener(port.plan, traffic)
        self._seen: dict[str, _Routes] = {}
        self._chains: dict[tuple[str, ObjectKey], _Served] = {}
        self._routed: set[tuple[str, str]] = set()
        self.resource: Resource = self._listener.resource()
        self.update(port.streams)

    def update(self, listeners: Iterable[ResolvedListener]) -> Resource:
        """Return the Listener with the routes that some of its listeners have now.

        Args:
            listeners: at least those that have others than before; the plan is the same.
        """
        there: dict[str, FilterChain] = {}
        gone: set[str] = set()
        for listener in listeners:
            stream = self._streams[listener.name]
            self._edit(stream, listener, there, gone)
            closed = closed_chain(stream)
            if (stream.listener, stream.hostname) in self._routed:
                gone.add(closed.name)
            else:
                there[closed.name] = closed
        chains = self._listener.chains
        known = {name: keep_equal(chains.by_name.get(name), chain) for name, chain in there.items()}
        edited = chains.edited(known, gone)
        if edited is not chains:
            self._listener = replace(self._listener, chains=edited)
            self.resource = self._listener.resource()
        return self.resource

    def _edit(
        self, stream: StreamListener, listener: ResolvedListener, there: dict[str, FilterChain], gone: set[str]
    ) -> None:
        """Write the chains of the routes at a listener that are others than before."""
        changed = sorted(listener.routes.changed_since(self._seen.get(listener.name)))
        self._seen[listener.name] = listener.routes
        # All that go before any that come: a hostname may pass from one route to another.
        for key in changed:
            before = self._chains.pop((stream.listener, key), None)
            if before is not None:
                gone.update(before.chains)
                self._routed.difference_update((stream.listener, hostname) for hostname in before.hostnames)
        for key in changed:
            attached = listener.routes.get(key)
            hostnames = self._hostnames_of(stream, listener, attached)
            if attached is not None and hostnames:
                chains = {each.name: each for each in stream_chains(attached, hostnames, stream, self.plan)}
                there |= chains
                self._chains[stream.listener, key] = _Served(tuple(chains), hostnames)
                self._routed.update((stream.listener, hostname) for hostname in hostnames)

    def _hostnames_of(
        self, stream: StreamListener, listener: ResolvedListener, attached: AttachedRoute | None
    ) -> tuple[str, ...]:
        """Return the hostnames for which a route takes connections at a listener."""
        if attached is None or stream.is_denied:
            return ()
        if not stream.protocol.has_server_names:
            return attached.hostnames
        return tuple(self._hostnames.kept(listener, attached.hostnames))


@dataclass(frozen=True, slots=True)
class _Served:
    """The chains of a route at a listener: their names, and for which hostnames they take connections."""

    chains: tuple[str, ...]
    hostnames: tuple[str, ...]


class DatagramTable:
    """The Envoy Listener of one UDP port.

    Attributes:
        plan: what it was made for.
        resource: the Listener as it is now.
    """

    def __init__(self, port: Port, traffic: ClientTrafficSettings) -> None:
        """Write the Listener as a whole.

        Args:
            port: its listener, which is one.
            traffic: how requests are taken; plays no part.
        """
        self.plan = port.plan
        (self._stream,) = port.plan.streams
        self._listener = translate_listener(port.plan, traffic)
        self._routes: _Routes = Revision()
        self._served: dict[ObjectKey, AttachedRoute] = {}
        self.resource: Resource = self._written()
        self.update(port.streams)

    def update(self, listeners: Iterable[ResolvedListener]) -> Resource:
        """Return the Listener with the routes that its listener has now.

        Args:
            listeners: it, where it has others than before; the plan is the same.
        """
        for listener in listeners:
            for key in listener.routes.changed_since(self._routes):
                self._served.pop(key, None)
                attached = listener.routes.get(key)
                if attached is not None and attached.hostnames and not self._stream.is_denied:
                    self._served[key] = attached
            self._routes = listener.routes
        self.resource = keep_equal(self.resource, self._written())
        return self.resource

    def _written(self) -> Resource:
        message = Listener.FromString(self._listener.tail)
        for attached in self._served.values():
            found = datagram_filter(attached, self._stream, self.plan)
            if found is not None:
                message.listener_filters.append(found)
        sources = tuple(sorted({*self.plan.sources, *self._served}))
        return replace(self._listener, tail=encode(message), sources=sources).resource()


TABLES: Mapping[Transport, type[ListenerTable | DatagramTable]] = {
    Transport.TCP: ListenerTable,
    Transport.UDP: DatagramTable,
}
"""What a port is numbered for → what makes its Envoy Listener."""
