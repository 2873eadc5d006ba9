"""The listeners of a Gateway that share a port → one Envoy Listener. Pure.

Nothing stands in a Listener that changes with its routes: nearly any change of it drains every connection.
What belongs to one hostname stands in that hostname's filter chain, since chains are replaced one by one. So do routes
that take connections as a whole (`streams`), which come to the chains of a Listener that is made here without them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from envoy.config.core.v3.address_pb2 import Address, SocketAddress
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions, HttpProtocolOptions
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, FilterChainMatch, ListenerFilter
from envoy.config.listener.v3.listener_pb2 import AdditionalAddress, Listener
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.listener.tls_inspector.v3.tls_inspector_pb2 import TlsInspector
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
    Rds,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, DownstreamTlsContext
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from egxds import names
from egxds.model.resolve.listener_protocols import ListenerProtocol, Transport
from egxds.model.resolve.resolved import ANY_HOST
from egxds.model.resolve.upstreams import ClientCheck
from egxds.object_key import ObjectKey
from egxds.resources import listener as parts
from egxds.resources.encoding import encode, pack
from egxds.resources.resource import Key
from egxds.settings.client_traffic import ClientTrafficSettings
from egxds.translate.config_source import ads_source
from egxds.translate.cors import cors_filter
from egxds.translate.host_without_port import idle_filter
from egxds.translate.tls import TLS_SOCKET, check_clients
from egxds.translate.upgrades import allow_answers_to_upgrades

_BUFFER_LIMIT_BYTES = 32768
_CONNECTIONS_PER_SOCKET_EVENT = 1
_HTTP2_CONNECTION_WINDOW_BYTES = 1048576
_HTTP2_STREAM_WINDOW_BYTES = 65536
_HTTP2_STREAMS = 100
_ALPN = ("h2", "http/1.1")


@dataclass(frozen=True, slots=True)
class AskedOfClients:
    """What clients are asked for.

    Attributes:
        authorities: name of those that their certificates are to be issued by.
        check: what becomes of other clients.
    """

    authorities: str
    check: ClientCheck


@dataclass(frozen=True, slots=True)
class TlsChain:
    """One HTTPS listener of a Gateway.

    Attributes:
        name: of its filter chain and its RouteConfiguration, as `names.listener_name` makes it.
        hostname: server name that a client must ask for; `*` takes every client.
        secrets: names of its certificates, in order; without any, its connections are closed.
        trust: what clients are asked for; None where they are asked for nothing.
    """

    name: str
    hostname: str
    secrets: tuple[str, ...]
    trust: AskedOfClients | None = None


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
    """

    listener: str
    name: str
    protocol: ListenerProtocol
    hostname: str
    secrets: tuple[str, ...]
    is_denied: bool
    trust: AskedOfClients | None = None


@dataclass(frozen=True, slots=True)
class ListenerPlan:
    """All that an Envoy Listener is made from: equal plans make equal listeners.

    Attributes:
        name: name of the first of the Gateway's listeners on the port.
        addresses: at least one.
        port: exact port.
        transport: what that is numbered for.
        http: RouteConfiguration of the HTTP listeners, which share one; empty where there are none.
        chains: the HTTPS listeners, and the hostnames whose connections are closed.
        streams: the listeners that look at no requests.
        sources: the objects it is made from, sorted.
    """

    name: str
    addresses: tuple[str, ...]
    port: int
    transport: Transport
    http: str
    chains: tuple[TlsChain, ...]
    streams: tuple[StreamListener, ...]
    sources: tuple[ObjectKey, ...]


_ESCAPED_SLASHES = {
    "KeepUnchanged": HttpConnectionManager.KEEP_UNCHANGED,
    "RejectRequest": HttpConnectionManager.REJECT_REQUEST,
    "UnescapeAndForward": HttpConnectionManager.UNESCAPE_AND_FORWARD,
    "UnescapeAndRedirect": HttpConnectionManager.UNESCAPE_AND_REDIRECT,
}
_UNDERSCORES = {
    "Allow": HttpProtocolOptions.ALLOW,
    "RejectRequest": HttpProtocolOptions.REJECT_REQUEST,
    "DropHeader": HttpProtocolOptions.DROP_HEADER,
}


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
        behind.listener_filters.append(_tls_inspector())
    return parts.Listener(
        name=plan.name,
        head=encode(Listener(name=plan.name, address=first)),
        # Sorted by name: a listener that moves within its Gateway is no change.
        chains=parts.FilterChains(_tls_chain(plan, chain, traffic) for chain in plan.chains),
        tail=encode(behind),
        children=frozenset({_routes(plan.http)} if plan.http else ()),
        sources=plan.sources,
    )


def _without_addresses(plan: ListenerPlan) -> Listener:
    """Write what all Listeners of a transport have in common; datagrams are not buffered, and no connections."""
    if plan.transport is Transport.UDP:
        return Listener()
    return Listener(
        per_connection_buffer_limit_bytes=UInt32Value(value=_BUFFER_LIMIT_BYTES),
        max_connections_to_accept_per_socket_event=UInt32Value(value=_CONNECTIONS_PER_SOCKET_EVENT),
    )


def _address(address: str, plan: ListenerPlan) -> Address:
    protocol = SocketAddress.Protocol.Value(plan.transport.value)
    return Address(socket_address=SocketAddress(protocol=protocol, address=address, port_value=plan.port))


def _routes(name: str) -> Key:
    return names.ROUTE_CONFIGURATION, name


def _tls_inspector() -> ListenerFilter:
    return ListenerFilter(name="envoy.filters.listener.tls_inspector", typed_config=pack(TlsInspector()))


def _http_chain(plan: ListenerPlan, traffic: ClientTrafficSettings) -> FilterChain:
    return FilterChain(name=plan.http, filters=[_connection_manager(plan.http, f"http-{plan.port}", traffic)])


def _tls_chain(plan: ListenerPlan, chain: TlsChain, traffic: ClientTrafficSettings) -> parts.FilterChain:
    message = FilterChain(name=chain.name)
    children: frozenset[Key] = frozenset()
    if chain.secrets:
        message.filters.append(_connection_manager(chain.name, f"https-{plan.port}", traffic))
        message.transport_socket.CopyFrom(tls_socket(chain.secrets, chain.trust, _ALPN))
        children = secret_keys(chain.secrets, chain.trust) | {_routes(chain.name)}
    match_server_names(message, (chain.hostname,))
    return parts.FilterChain(chain.name, encode(message), children)


def match_server_names(chain: FilterChain, hostnames: Iterable[str]) -> None:
    """Have a chain take the connections for which some names are asked; all, where any name will do."""
    wanted = sorted(hostnames)
    if ANY_HOST not in wanted:
        chain.filter_chain_match.CopyFrom(FilterChainMatch(server_names=wanted))


def secret_keys(secrets: Iterable[str], trust: AskedOfClients | None) -> frozenset[Key]:
    """Return certificates, and the authorities of clients, as what is fetched."""
    asked = (trust.authorities,) if trust is not None else ()
    return frozenset((names.SECRET, name) for name in (*secrets, *asked))


def tls_socket(
    secrets: tuple[str, ...], trust: AskedOfClients | None, protocols: tuple[str, ...] = ()
) -> TransportSocket:
    """Write where TLS ends.

    Args:
        secrets: names of the certificates.
        trust: what clients are asked for; None where they are asked for nothing.
        protocols: that clients may agree on (ALPN); none where nobody here knows what is spoken.
    """
    context = CommonTlsContext(
        alpn_protocols=protocols,
        tls_certificate_sds_secret_configs=[SdsSecretConfig(name=name, sds_config=ads_source()) for name in secrets],
    )
    required = check_clients(context, trust.authorities, trust.check) if trust is not None else None
    downstream = DownstreamTlsContext(common_tls_context=context, require_client_certificate=required)
    return TransportSocket(name=TLS_SOCKET, typed_config=pack(downstream))


def _connection_manager(route_configuration: str, stat_prefix: str, traffic: ClientTrafficSettings) -> Filter:
    manager = HttpConnectionManager(
        stat_prefix=stat_prefix,
        rds=Rds(config_source=ads_source(), route_config_name=route_configuration),
        http_filters=[cors_filter(), idle_filter(), _router()],
        common_http_protocol_options=HttpProtocolOptions(
            headers_with_underscores_action=_UNDERSCORES[traffic.headers.with_underscores_action]
        ),
        http2_protocol_options=_http2_options(),
        server_header_transformation=HttpConnectionManager.PASS_THROUGH,
        use_remote_address=BoolValue(value=True),
        # An absolute name (`shop.test.`) is the same host, and a client may send it as it was given it.
        strip_trailing_host_dot=True,
        normalize_path=BoolValue(value=True),
        merge_slashes=not traffic.path.disable_merge_slashes,
        path_with_escaped_slashes_action=_ESCAPED_SLASHES[traffic.path.escaped_slashes_action],
    )
    allow_answers_to_upgrades(manager)
    return Filter(name="envoy.filters.network.http_connection_manager", typed_config=pack(manager))


def _router() -> HttpFilter:
    return HttpFilter(name="envoy.filters.http.router", typed_config=pack(Router(suppress_envoy_headers=True)))


def _http2_options() -> Http2ProtocolOptions:
    return Http2ProtocolOptions(
        max_concurrent_streams=UInt32Value(value=_HTTP2_STREAMS),
        initial_stream_window_size=UInt32Value(value=_HTTP2_STREAM_WINDOW_BYTES),
        initial_connection_window_size=UInt32Value(value=_HTTP2_CONNECTION_WINDOW_BYTES),
    )
