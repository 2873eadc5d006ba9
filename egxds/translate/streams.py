"""Routes that take connections, or datagrams, as a whole → what forwards them. Pure.

    TCPRoute, TLSRoute    a filter chain of the port's Listener, with a tcp_proxy
    UDPRoute              the one listener filter of the port's Listener, a udp_proxy

The names of chains are Envoy Gateway's, after the route alone, and so stay as they are whatever comes and goes beside
it. A route at two listeners of a port has two chains of one name, which Envoy takes (seen with 1.40: it tells chains
by their content). What has nothing to send to is a chain without filters, whose connections Envoy closes.

Shares: a route's backends stand in one cluster where they fit (`backends.destinations`), and then a change of weights
is one of endpoints and touches no Listener. Where they do not, a tcp_proxy has weighted clusters. A udp_proxy has none;
there each session is given to a cluster by a hash of the client's port, which is as good as chance, one matcher after
the other (seen with Envoy 1.40: 281 of 400 sessions where 280 were meant):

    shares 5, 3, 2    5 of 10 to the first; else 3 of 5 to the second; else to the last

The share of a refused backend goes to a cluster that does not exist: connections are closed, datagrams dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.config.core.v3.base_pb2 import RuntimeFractionalPercent
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, ListenerFilter
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from envoy.extensions.filters.udp.udp_proxy.v3.route_pb2 import Route
from envoy.extensions.filters.udp.udp_proxy.v3.udp_proxy_pb2 import UdpProxyConfig
from envoy.extensions.matching.common_inputs.network.v3.network_inputs_pb2 import SourcePortInput
from envoy.extensions.matching.input_matchers.runtime_fraction.v3.runtime_fraction_pb2 import RuntimeFraction
from envoy.type.v3.percent_pb2 import FractionalPercent
from google.protobuf.message import Message
from xds.core.v3.extension_pb2 import TypedExtensionConfig as XdsExtensionConfig
from xds.type.matcher.v3.matcher_pb2 import Matcher

from egxds import names
from egxds.model.resolve.listener_protocols import TCP, TLS_ENDING, TLS_PASSING, UDP, ListenerProtocol
from egxds.model.resolve.resolved import ResolvedRoute
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.resources import listener as parts
from egxds.resources.encoding import encode, pack
from egxds.translate.backends.destinations import Share, destination_of
from egxds.translate.listeners import StreamListener, match_server_names, secret_keys, tls_socket

_STATISTICS = {TCP: "tcp", TLS_ENDING: "tls-terminate", TLS_PASSING: "tls-passthrough", UDP: "udp"}
_MILLION = 1_000_000


def stream_chain(
    route: ResolvedRoute, hostnames: Sequence[str], stream: StreamListener, port: int
) -> parts.FilterChain:
    """Write the filter chain of a route at a listener.

    Args:
        route: the route.
        hostnames: those for which it takes connections there, at least one.
        stream: the listener.
        port: where that listens.
    """
    key = route.route.key
    name = names.chain_name(ROUTE_KINDS[key.group_kind].prefix, key.namespace, key.name)
    message = FilterChain(name=name)
    if stream.secrets:
        message.transport_socket.CopyFrom(tls_socket(stream.secrets, stream.trust))
    shares = _shares(route)
    if shares:
        message.filters.append(_tcp_proxy(shares, statistics_name(stream.protocol, port)))
    match_server_names(message, hostnames)
    return parts.FilterChain(
        f"{name}@{stream.name}", encode(message), secret_keys(stream.secrets, stream.trust), (key,)
    )


def closed_chain(stream: StreamListener) -> parts.FilterChain:
    """Write the filter chain of a listener's own hostname, for which there is no route: its connections are closed."""
    message = FilterChain(name=stream.name)
    match_server_names(message, (stream.hostname,))
    return parts.FilterChain(stream.name, encode(message))


def datagram_filter(route: ResolvedRoute, statistics: str) -> ListenerFilter | None:
    """Write what forwards the datagrams of a route; nothing where it has nothing to send to, and they are dropped."""
    shares = _shares(route)
    if not shares:
        return None
    config = UdpProxyConfig(stat_prefix=statistics, matcher=_spread(shares))
    return ListenerFilter(name="envoy.filters.udp_listener.udp_proxy", typed_config=pack(config))


def statistics_name(protocol: ListenerProtocol, port: int) -> str:
    """Name the statistics of what forwards at a listener; the names are Envoy Gateway's."""
    return f"{_STATISTICS[protocol]}-{port}"


def _shares(route: ResolvedRoute) -> tuple[Share, ...]:
    return destination_of(route, route.rules[0]).shares


def _tcp_proxy(shares: tuple[Share, ...], statistics: str) -> Filter:
    proxy = TcpProxy(stat_prefix=statistics)
    if len(shares) == 1:
        proxy.cluster = shares[0].cluster
    for share in shares if len(shares) > 1 else ():
        proxy.weighted_clusters.clusters.add(name=share.cluster, weight=share.weight)
    return Filter(name="envoy.filters.network.tcp_proxy", typed_config=pack(proxy))


def _spread(shares: Sequence[Share]) -> Matcher:
    """Give each share its part of the sessions: the first of all, the next of those that are left, and so on."""
    matcher = Matcher(on_no_match=sent_to(shares[-1].cluster))
    left = sum(share.weight for share in shares)
    for seed, share in enumerate(shares[:-1]):
        predicate = Matcher.MatcherList.Predicate.SinglePredicate(
            input=_extension("source_port", SourcePortInput()),
            custom_match=_extension("share", _fraction(share.weight, left, seed)),
        )
        matcher.matcher_list.matchers.add(
            predicate=Matcher.MatcherList.Predicate(single_predicate=predicate), on_match=sent_to(share.cluster)
        )
        left -= share.weight
    return matcher


def sent_to(cluster: str) -> Matcher.OnMatch:
    """Write that a udp_proxy gives a session to a cluster."""
    return Matcher.OnMatch(action=_extension("route", Route(cluster=cluster)))


def _fraction(weight: int, of: int, seed: int) -> RuntimeFraction:
    """Take so much of so much, independently of what other seeds take."""
    value = FractionalPercent(numerator=round(weight * _MILLION / of), denominator=FractionalPercent.MILLION)
    return RuntimeFraction(runtime_fraction=RuntimeFractionalPercent(default_value=value), seed=seed)


def _extension(name: str, config: Message) -> XdsExtensionConfig:
    return XdsExtensionConfig(name=name, typed_config=pack(config))
