"""Which listeners of a Gateway share an Envoy Listener, and which share a RouteConfiguration. Pure.

All listeners of a port share an Envoy Listener, since Envoy binds an address and port once; TCP and UDP number their
ports apart. (Where several Gateways are served as one, each may have addresses of its own.) Its HTTP listeners share
one RouteConfiguration, since only the Host of a request tells them apart; an HTTPS listener is told apart by its server
name, before there is a request, and has its own. Those that look at no requests have none: their routes stand in the
Envoy Listener (`listener_tables`).

An Envoy Listener, and the RouteConfiguration of HTTP, are named after the first of the listeners that share them,
which is Envoy Gateway's scheme and what extensions and patches go by. Its price is that a listener which comes to
stand before the first renames both, and drains the port's connections.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from egxds import names
from egxds.model.api.object import ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.resolve.connection_access import access_at
from egxds.model.resolve.listener_protocols import HTTP, HTTPS, Transport
from egxds.model.resolve.resolved import ANY_HOST, ResolvedGateway, ResolvedListener
from egxds.object_key import ObjectKey
from egxds.translate.client_traffic.table import LISTENER_FIELDS, Asked
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
        counts_hosts: whether requests are counted for each virtual host.
    """

    name: str
    served_at: ServedAt
    listeners: tuple[ResolvedListener, ...]
    elsewhere: tuple[str, ...] = ()
    counts_hosts: bool = False


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


def ports_of(gateway: ResolvedGateway, upgrades: tuple[str, ...] = ()) -> tuple[Port, ...]:
    """Group the listeners of a Gateway by port, in the order in which the Gateway first names each.

    Args:
        gateway: the Gateway.
        upgrades: as `ListenerPlan` has them.
    """
    by_port: dict[tuple[tuple[str, ...], int, Transport], list[ResolvedListener]] = {}
    for listener in gateway.listeners:
        addresses = listener.addresses or gateway.addresses
        by_port.setdefault((addresses, listener.port, listener.protocol.transport), []).append(listener)
    ports = (_port(gateway, *bound, listeners) for bound, listeners in by_port.items())
    return tuple(replace(port, plan=replace(port.plan, upgrades=upgrades)) for port in ports)


def envoy_listener_name(gateway: ResolvedGateway, number: int, transport: Transport) -> str | None:
    """Return the name of the Envoy Listener of a port; None where no listener of the Gateway has the port."""
    bound = (number, transport)
    sharing = (each for each in gateway.listeners if (each.port, each.protocol.transport) == bound)
    return next((_name(gateway, listener.name) for listener in sharing), None)


def _port(
    gateway: ResolvedGateway,
    addresses: tuple[str, ...],
    number: int,
    transport: Transport,
    listeners: list[ResolvedListener],
) -> Port:
    with_names = tuple(each for each in listeners if each.protocol.has_server_names)
    http = tuple(each for each in listeners if each.protocol is HTTP)
    https = tuple(each for each in listeners if each.protocol is HTTPS)
    streams = tuple(each for each in listeners if not each.protocol.reads_requests)
    closed = tuple(each for each in gateway.closed if each.port == number) if with_names else ()
    hostnames = {each.hostname for each in with_names} | {each.hostname for each in closed}
    plan = ListenerPlan(
        gateway=gateway.name,
        name=_name(gateway, listeners[0].name),
        addresses=addresses,
        port=number,
        transport=transport,
        http=_name(gateway, http[0].name) if http else "",
        chains=(
            *(_tls_chain(gateway, each) for each in https),
            *(TlsChain(_name(gateway, each.listener), each.hostname, ()) for each in closed),
        ),
        streams=tuple(_stream(gateway, each) for each in streams),
        sources=_sources(gateway, listeners, with_names),
        http_hostname=http[0].hostname if len(http) == 1 else ANY_HOST,
        http_traffic=next((each.traffic.layout for each in http if each.traffic.settings), {}),
        traffic=_of_port(listeners),
        proxy=gateway.proxy.of_listeners,
    )
    shared = (_shared_group(gateway, plan, http),) if http else ()
    own = (_own_group(gateway, listener, hostnames - {listener.hostname}) for listener in https)
    policies = tuple(policy for listener in listeners for policy in listener.policies)
    return Port(plan, (*shared, *own), streams, with_names, policies)


def _shared_group(gateway: ResolvedGateway, plan: ListenerPlan, http: tuple[ResolvedListener, ...]) -> HostGroup:
    """Return the hosts of the HTTP listeners of a port, which share them."""
    at = ServedAt(gateway.name, "http", plan.port)
    return HostGroup(plan.http, at, http, counts_hosts=gateway.proxy.counted.virtual_hosts)


def _own_group(gateway: ResolvedGateway, https: ResolvedListener, others: AbstractSet[str]) -> HostGroup:
    """Return the hosts of an HTTPS listener; those of others at the port have their own."""
    at, counts = ServedAt(gateway.name, "https", https.port), gateway.proxy.counted.virtual_hosts
    return HostGroup(_name(gateway, https.name), at, (https,), tuple(sorted(others)), counts)


def _tls_chain(gateway: ResolvedGateway, each: ResolvedListener) -> TlsChain:
    name = _name(gateway, each.name)
    return TlsChain(name, each.hostname, _secrets(each), _asked(each), each.traffic.layout)


def _of_port(listeners: list[ResolvedListener]) -> Asked:
    """Return what is asked of the Envoy Listener: of each field what the first listener says that says anything."""
    found: dict[str, object] = {}
    for each in listeners:
        for name in LISTENER_FIELDS & each.traffic.settings.keys():
            found.setdefault(name, each.traffic.settings[name])
    return found


def _stream(gateway: ResolvedGateway, listener: ResolvedListener) -> StreamListener:
    return StreamListener(
        listener.name,
        _name(gateway, listener.name),
        listener.protocol,
        listener.hostname,
        _secrets(listener),
        bool(listener.denials),
        _asked(listener),
        listener.traffic.layout,
        listener.to_backends.at_streams,
        access_at(listener.in_force),
    )


def _name(gateway: ResolvedGateway, listener: str) -> str:
    return names.listener_name(gateway.gateway.key.namespace, gateway.gateway.key.name, listener)


def _secrets(listener: ResolvedListener) -> tuple[str, ...]:
    """Return the names of a listener's certificates, each once."""
    return tuple(dict.fromkeys(names.secret_name(each.key.namespace, each.key.name) for each in listener.certificates))


def _asked(listener: ResolvedListener) -> AskedOfClients | None:
    trust = listener.trust
    if trust is None:
        return None
    return AskedOfClients(trust.authorities.name if trust.authorities else "", trust.check, trust.asked)


def _sources(
    gateway: ResolvedGateway, listeners: list[ResolvedListener], with_tls: tuple[ResolvedListener, ...]
) -> tuple[ObjectKey, ...]:
    certificates = {certificate.key for listener in with_tls for certificate in listener.certificates}
    owners = (listener.owner for listener in listeners)
    return tuple(sorted({gateway.gateway.key, *owners, *certificates, *gateway.proxy.proxies}))
