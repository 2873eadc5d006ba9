"""The listeners of a Gateway that share a port → one Envoy Listener. Pure.

Nothing stands in a Listener that changes with its routes: nearly any change of it drains every connection.
What belongs to one hostname stands in that hostname's filter chain, since chains are replaced one by one. So do routes
that take connections as a whole (`streams`), which come to the chains of a Listener that is made here without them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from envoy.config.core.v3.address_pb2 import Address, SocketAddress
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, FilterChainMatch, ListenerFilter
from envoy.config.listener.v3.listener_pb2 import AdditionalAddress, Listener
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    Rds,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, DownstreamTlsContext
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds import names
from egxds.model.api.client_traffic.client_tls import ClientValidation
from egxds.model.resolve.backend_traffic import NOTHING_ASKED, BackendTraffic
from egxds.model.resolve.effective_policies import EffectivePolicy
from egxds.model.resolve.listener_protocols import ListenerProtocol, Transport
from egxds.model.resolve.proxies.filter_order import FILTER_ORDER
from egxds.model.resolve.resolved import ANY_HOST
from egxds.model.resolve.upstreams import ClientCheck
from egxds.object_key import ObjectKey
from egxds.resources import listener as parts
from egxds.resources.encoding import encode, pack
from egxds.resources.resource import Key
from egxds.settings.client_traffic import ClientTrafficSettings
from egxds.translate.client_traffic.agreeing import tls_inspector, write_agreement
from egxds.translate.client_traffic.limits import write_handshake
from egxds.translate.client_traffic.place import ManagerPlace
from egxds.translate.client_traffic.table import Asked, filters_before, write_listener, write_manager
from egxds.translate.config_source import ads_source
from egxds.translate.host_without_port import idle_filter
from egxds.translate.http_filters.order import in_order
from egxds.translate.http_filters.table import fetched_filters, policy_filters
from egxds.translate.proxies.table import ProxyAsked, write_proxied_listener, write_proxied_manager
from egxds.translate.tls import TLS_SOCKET, check_clients
from egxds.translate.upgrades import allow_answers_to_upgrades

_BUFFER_LIMIT_BYTES = 32768
_CONNECTIONS_PER_SOCKET_EVENT = 1
_ALPN = ("h2", "http/1.1")


@dataclass(frozen=True, slots=True)
class AskedOfClients:
    """What clients are asked for.

    Attributes:
        authorities: name of those that their certificates are to be issued by.
        check: what becomes of other clients.
        asked: what their certificates are to be like beside that.
    """

    authorities: str
    check: ClientCheck
    asked: ClientValidation | None = None


@dataclass(frozen=True, slots=True)
class TlsChain:
    """One HTTPS listener of a Gateway.

    Attributes:
        name: of its filter chain and its RouteConfiguration, as `names.listener_name` makes it.
        hostname: server name that a client must ask for; `*` takes every client.
        secrets: names of its certificates, in order; without any, its connections are closed.
        trust: what clients are asked for; None where they are asked for nothing.
        traffic: what a policy asks beside that.
    """

    name: str
    hostname: str
    secrets: tuple[str, ...]
    trust: AskedOfClients | None = None
    traffic: Asked = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamListener:
    """One listener of a Gateway that looks at no requests.

    Attributes:
        listener: its name in the Gateway.
        name: the same, as `names.listener_name` makes it.
        protocol: how connections come to it.
        hostname: server name that a client must ask for; `*` takes every client.
        secrets: names of its certificates, in order; without any, no TLS ends here.
        is_denied: whether it is closed to everything.
        trust: what clients are asked for; None where they are asked for nothing.
        traffic: what a policy asks beside that.
        to_backends: what is asked of the traffic of routes that have no policy of their own for that, as far as it is
            seen here.
        access: what says which connections are passed on, of routes that do not say it themselves; None where all are.
    """

    listener: str
    name: str
    protocol: ListenerProtocol
    hostname: str
    secrets: tuple[str, ...]
    is_denied: bool
    trust: AskedOfClients | None = None
    traffic: Asked = field(default_factory=dict)
    to_backends: BackendTraffic = NOTHING_ASKED
    access: EffectivePolicy | None = None


@dataclass(frozen=True, slots=True)
class ListenerPlan:
    """All that an Envoy Listener is made from: equal plans make equal listeners.

    Attributes:
        gateway: `<namespace>/<name>` of the Gateway.
        name: name of the first of the Gateway's listeners on the port.
        addresses: at least one.
        port: exact port.
        transport: what that is numbered for.
        http: RouteConfiguration of the HTTP listeners, which share one; empty where there are none.
        chains: the HTTPS listeners, and the hostnames whose connections are closed.
        streams: the listeners that look at no requests.
        sources: the objects it is made from, sorted.
        http_hostname: of the HTTP listeners, where they have one; else `*`.
        http_traffic: what a policy asks of what comes to the HTTP listeners.
        traffic: what policies ask of the whole port.
        proxy: what EnvoyProxies ask.
        upgrades: what some route of the Gateway leads on beside WebSockets, sorted, in small letters.
    """

    gateway: str
    name: str
    addresses: tuple[str, ...]
    port: int
    transport: Transport
    http: str
    chains: tuple[TlsChain, ...]
    streams: tuple[StreamListener, ...]
    sources: tuple[ObjectKey, ...]
    http_hostname: str = ANY_HOST
    http_traffic: Asked = field(default_factory=dict)
    traffic: Asked = field(default_factory=dict)
    proxy: ProxyAsked = field(default_factory=dict)
    upgrades: tuple[str, ...] = ()


def translate_listener(plan: ListenerPlan, traffic: ClientTrafficSettings) -> parts.Listener:
    """Write the Envoy Listener of one port; the Gateway's further addresses are additional ones of it.

    Args:
        plan: what differs from one to the other; the chains of its streams are not written.
        traffic: how requests are taken, at all of them.
    """
    first, *further = (_address(address, plan) for address in plan.addresses)
    behind = _without_addresses(plan)
    behind.additional_addresses.extend(AdditionalAddress(address=address) for address in further)
    if plan.http:
        behind.default_filter_chain.CopyFrom(_http_chain(plan, traffic))
    if plan.chains or any(stream.protocol.has_server_names for stream in plan.streams):
        behind.listener_filters.append(_tls_inspector(plan))
    return parts.Listener(
        name=plan.name,
        head=encode(Listener(name=plan.name, address=first)),
        # Sorted by name: a listener that moves within its Gateway is no change.
        chains=parts.FilterChains(_tls_chain(plan, chain, traffic) for chain in plan.chains),
        tail=encode(behind),
        children=_fetched(plan, plan.http) if plan.http else frozenset(),
        sources=plan.sources,
    )


def _without_addresses(plan: ListenerPlan) -> Listener:
    """Write what all Listeners of a transport have in common; datagrams are not buffered, and no connections."""
    if plan.transport is Transport.UDP:
        return Listener()
    listener = Listener(
        per_connection_buffer_limit_bytes=UInt32Value(value=_BUFFER_LIMIT_BYTES),
        max_connections_to_accept_per_socket_event=UInt32Value(value=_CONNECTIONS_PER_SOCKET_EVENT),
    )
    write_listener(listener, plan.traffic)
    write_proxied_listener(listener, plan.proxy)
    return listener


def _address(address: str, plan: ListenerPlan) -> Address:
    protocol = SocketAddress.Protocol.Value(plan.transport.value)
    return Address(socket_address=SocketAddress(protocol=protocol, address=address, port_value=plan.port))


def _fetched(plan: ListenerPlan, route_configuration: str) -> frozenset[Key]:
    """Return what a connection manager fetches."""
    return fetched_filters(plan.gateway) | {(names.ROUTE_CONFIGURATION, route_configuration)}


def _tls_inspector(plan: ListenerPlan) -> ListenerFilter:
    asked = [*(chain.traffic for chain in plan.chains), *(stream.traffic for stream in plan.streams)]
    inspector = tls_inspector(asked)
    return ListenerFilter(name="envoy.filters.listener.tls_inspector", typed_config=pack(inspector))


def _http_chain(plan: ListenerPlan, traffic: ClientTrafficSettings) -> FilterChain:
    place = ManagerPlace(traffic, plan.http_hostname)
    manager = _connection_manager(plan, plan.http, "http", plan.http_traffic, place)
    return FilterChain(name=plan.http, filters=[*filters_before(plan.http_traffic, f"http-{plan.port}"), manager])


def _tls_chain(plan: ListenerPlan, chain: TlsChain, traffic: ClientTrafficSettings) -> parts.FilterChain:
    message = FilterChain(name=chain.name)
    children: frozenset[Key] = frozenset()
    if chain.secrets:
        place = ManagerPlace(traffic, chain.hostname)
        message.filters.extend(filters_before(chain.traffic, f"https-{plan.port}"))
        message.filters.append(_connection_manager(plan, chain.name, "https", chain.traffic, place))
        end_tls(message, chain, _ALPN)
        children = secret_keys(chain.secrets, chain.trust) | _fetched(plan, chain.name)
    match_server_names(message, (chain.hostname,))
    return parts.FilterChain(chain.name, encode(message), children)


def match_server_names(chain: FilterChain, hostnames: Iterable[str]) -> None:
    """Have a chain take the connections for which some names are asked; all, where any name will do."""
    wanted = sorted(hostnames)
    if ANY_HOST not in wanted:
        chain.filter_chain_match.CopyFrom(FilterChainMatch(server_names=wanted))


def secret_keys(secrets: Iterable[str], trust: AskedOfClients | None) -> frozenset[Key]:
    """Return certificates, and the authorities of clients, as what is fetched."""
    asked = (trust.authorities,) if trust is not None and trust.authorities else ()
    return frozenset((names.SECRET, name) for name in (*secrets, *asked))


def end_tls(message: FilterChain, listener: TlsChain | StreamListener, protocols: tuple[str, ...] = ()) -> None:
    """Write that TLS ends at a chain.

    Args:
        message: the chain, which is written to.
        listener: which certificates it shows, and what it asks of its clients.
        protocols: that clients may agree on (ALPN); none where nobody here knows what is spoken.
    """
    secrets, trust = listener.secrets, listener.trust
    context = CommonTlsContext(
        alpn_protocols=protocols,
        tls_certificate_sds_secret_configs=[SdsSecretConfig(name=name, sds_config=ads_source()) for name in secrets],
    )
    required = check_clients(context, trust.authorities, trust.check, trust.asked) if trust is not None else None
    downstream = DownstreamTlsContext(common_tls_context=context, require_client_certificate=required)
    if "tls" in listener.traffic:
        write_agreement(downstream, listener.traffic["tls"])
    if "timeout" in listener.traffic:
        write_handshake(message, listener.traffic["timeout"])
    message.transport_socket.CopyFrom(TransportSocket(name=TLS_SOCKET, typed_config=pack(downstream)))


def _connection_manager(
    plan: ListenerPlan, route_configuration: str, scheme: str, asked: Asked, place: ManagerPlace
) -> Filter:
    manager = HttpConnectionManager(
        stat_prefix=f"{scheme}-{plan.port}",
        rds=Rds(config_source=ads_source(), route_config_name=route_configuration),
        http_filters=[idle_filter(), *policy_filters(plan.gateway)],
        server_header_transformation=HttpConnectionManager.PASS_THROUGH,
    )
    allow_answers_to_upgrades(manager, plan.upgrades)
    write_manager(manager, asked, place)
    write_proxied_manager(manager, plan.proxy)
    ordered = in_order(manager.http_filters, plan.proxy.get(FILTER_ORDER.name, ()))
    del manager.http_filters[:]
    manager.http_filters.extend(ordered)
    return Filter(name="envoy.filters.network.http_connection_manager", typed_config=pack(manager))
