"""Which listeners of a Gateway share an Envoy Listener, and which share a RouteConfiguration. Pure.

All listeners of a port share an Envoy Listener, since Envoy binds an address and port once; TCP and UDP number their
ports apart. Its HTTP listeners share one RouteConfiguration, since only the Host of a request tells them apart; an
HTTPS listener is told apart by its server name, before there is a request, and has its own. Those that look at no
requests have none: their routes stand in the Envoy Listener (`listener_tables`).

An Envoy Listener, and the RouteConfiguration of HTTP, are named after the first of the listeners that share them,
which is Envoy Gateway's scheme and what extensions and patches go by. Its price is that a listener which comes to
stand before the first renames both, and drains the port's connections.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds import names
from egxds.model.api.object import ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.resolve.listener_protocols import HTTP, HTTPS, Transport
from egxds.model.resolve.resolved import ResolvedGateway, ResolvedListener
from egxds.object_key import ObjectKey
from egxds.translate.listeners import AskedOfClients, ListenerPlan, StreamListener, TlsChain
from egxds.translate.routes.served_at import ServedAt


@dataclass(frozen=True, slots=True)
class HostGroup:
    """Listeners that share a RouteConfiguration.

    Attributes:
        name: of the RouteConfiguration.
        served_at: how clients reach them.
        listeners: in the Gateway's order.
        elsewhere: hostnames of the other listeners on the port, sorted, where connections are made for one of them.
    """

    name: str
    served_at: ServedAt
    listeners: tuple[ResolvedListener, ...]
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """The listeners of a Gateway on one port of a transport.

    Attributes:
        plan: of the Envoy Listener.
        groups: of its RouteConfigurations.
        streams: those that look at no requests, in the Gateway's order.
        with_server_names: those to which connections come by the server name that a client asks for.
        policies: those of extensions on any of the listeners, or on the Gateway; some are there more than once.
    """

    plan: ListenerPlan
    groups: tuple[HostGroup, ...]
    streams: tuple[ResolvedListener, ...]
    with_server_names: tuple[ResolvedListener, ...]
    policies: tuple[ApiObject[PolicyBody], ...]

    @property
    def listeners(self) -> tuple[ResolvedListener, ...]:
        """All of them."""
        return (*(each for group in self.groups for each in group.listeners), *self.streams)


def ports_of(gateway: ResolvedGateway) -> tuple[Port, ...]:
    """Group the listeners of a Gateway by port, in the order in which the Gateway first names each."""
    by_port: dict[tuple[int, Transport], list[ResolvedListener]] = {}
    for listener in gateway.listeners:
        by_port.setdefault((listener.port, listener.protocol.transport), []).append(listener)
    return tuple(_port(gateway, *bound, listeners) for bound, listeners in by_port.items())


def envoy_listener_name(gateway: ResolvedGateway, number: int, transport: Transport) -> str | None:
    """Return the name of the Envoy Listener of a port; None where no listener of the Gateway has the port."""
    bound = (number, transport)
    sharing = (each for each in gateway.listeners if (each.port, each.protocol.transport) == bound)
    return next((_name(gateway, listener.name) for listener in sharing), None)


def _port(gateway: ResolvedGateway, number: int, transport: Transport, listeners: list[ResolvedListener]) -> Port:
    with_names = tuple(each for each in listeners if each.protocol.has_server_names)
    http = tuple(each for each in listeners if each.protocol is HTTP)
    https = tuple(each for each in listeners if each.protocol is HTTPS)
    streams = tuple(each for each in listeners if not each.protocol.reads_requests)
    closed = tuple(each for each in gateway.closed if each.port == number) if with_names else ()
    hostnames = {each.hostname for each in with_names} | {each.hostname for each in closed}
    plan = ListenerPlan(
        name=_name(gateway, listeners[0].name),
        addresses=gateway.addresses,
        port=number,
        transport=transport,
        http=_name(gateway, http[0].name) if http else "",
        chains=(
            *(TlsChain(_name(gateway, each.name), each.hostname, _secrets(each), _asked(each)) for each in https),
            *(TlsChain(_name(gateway, each.listener), each.hostname, ()) for each in closed),
        ),
        streams=tuple(_stream(gateway, each) for each in streams),
        sources=_sources(gateway, listeners, with_names),
    )
    shared = [HostGroup(plan.http, ServedAt("http", number), http)] if http else []
    own = [
        HostGroup(
            _name(gateway, listener.name),
            ServedAt("https", number),
            (listener,),
            tuple(sorted(hostnames - {listener.hostname})),
        )
        for listener in https
    ]
    policies = tuple(policy for listener in listeners for policy in listener.policies)
    return Port(plan, (*shared, *own), streams, with_names, policies)


def _stream(gateway: ResolvedGateway, listener: ResolvedListener) -> StreamListener:
    return StreamListener(
        listener.name,
        _name(gateway, listener.name),
        listener.protocol,
        listener.hostname,
        _secrets(listener),
        bool(listener.denials),
        _asked(listener),
    )


def _name(gateway: ResolvedGateway, listener: str) -> str:
    return names.listener_name(gateway.gateway.key.namespace, gateway.gateway.key.name, listener)


def _secrets(listener: ResolvedListener) -> tuple[str, ...]:
    """Return the names of a listener's certificates, each once."""
    return tuple(dict.fromkeys(names.secret_name(each.key.namespace, each.key.name) for each in listener.certificates))


def _asked(listener: ResolvedListener) -> AskedOfClients | None:
    trust = listener.trust
    return AskedOfClients(trust.authorities.name, trust.check) if trust is not None else None


def _sources(
    gateway: ResolvedGateway, listeners: list[ResolvedListener], with_tls: tuple[ResolvedListener, ...]
) -> tuple[ObjectKey, ...]:
    certificates = {certificate.key for listener in with_tls for certificate in listener.certificates}
    return tuple(sorted({gateway.gateway.key, *(listener.owner for listener in listeners), *certificates}))
