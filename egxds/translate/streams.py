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

Where a policy says whose connections get through (`stream_access`), the chain of the route takes those alone, and
another one, without filters, those whose addresses are excepted from these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from egxds.model.resolve.connection_access import access_of_rule, rules_of
from egxds.model.resolve.effective_policies import EffectivePolicy
from egxds.model.resolve.listener_protocols import TCP, TLS_ENDING, TLS_PASSING, UDP, ListenerProtocol
from egxds.model.resolve.resolved import AttachedRoute
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.rule_traffic import traffic_of_rule
from egxds.resources import listener as parts
from egxds.resources.encoding import encode, pack
from egxds.translate.backend_traffic.load_balancer import hash_of_datagrams
from egxds.translate.backend_traffic.telemetry import stat_name
from egxds.translate.backends.destinations import Share, destination_of
from egxds.translate.backends.host_resolution import server_name_filters
from egxds.translate.client_traffic.limits import limit_stream
from egxds.translate.client_traffic.table import Asked, filters_before
from egxds.translate.listeners import ListenerPlan, StreamListener, end_tls, match_server_names, secret_keys
from egxds.translate.proxies.table import ProxyAsked, write_forwarding
from egxds.translate.stream_access import access_filter, match_addresses

_STATISTICS = {TCP: "tcp", TLS_ENDING: "tls-terminate", TLS_PASSING: "tls-passthrough", UDP: "udp"}
_MILLION = 1_000_000


def stream_chains(
    attached: AttachedRoute, hostnames: Sequence[str], stream: StreamListener, plan: ListenerPlan
) -> tuple[parts.FilterChain, ...]:
    """Write the filter chains of a route at a listener.

    Args:
        attached: the route, at the listener.
        hostnames: those for which it takes connections there, at least one.
        stream: the listener.
        plan: of its port.
    """
    key = attached.route.route.key
    name = names.chain_name(ROUTE_KINDS[key.group_kind].prefix, key.namespace, key.name)
    access = access_of_rule(attached.route.rules[0], attached, stream.access)
    sources = (key, *(access.policies if access is not None else ()))
    message = FilterChain(name=name)
    if stream.secrets:
        end_tls(message, stream)
    if access is None or not access.faults:
        message.filters.extend(_filters(attached, access, stream, plan))
    match_server_names(message, hostnames)
    found = [message]
    rules = rules_of(access) if access is not None else None
    if rules is not None:
        found += match_addresses(message, rules)
    secrets = secret_keys(stream.secrets, stream.trust)
    return tuple(parts.FilterChain(f"{each.name}@{stream.name}", encode(each), secrets, sources) for each in found)


def _filters(
    attached: AttachedRoute, access: EffectivePolicy | None, stream: StreamListener, plan: ListenerPlan
) -> Iterator[Filter]:
    """Yield the filters of a route's chain; none where its connections are closed."""
    shares = _shares(attached, stream)
    clusters = destination_of(attached.route, attached.route.rules[0]).clusters
    dynamic = next((each for each in clusters if each.is_dynamic), None)
    # Where TLS ends here there is no port to go to (Envoy Gateway): its connections are closed.
    if not shares or (dynamic is not None and stream.secrets):
        return
    statistics = statistics_name(stream.protocol, plan.port)
    asked = traffic_of_rule(attached.route.rules[0], attached, stream.to_backends).settings.get("telemetry")
    counted = stat_name(asked, attached.route.route.key) or statistics
    rules = rules_of(access) if access is not None else None
    if rules is not None:
        yield access_filter(rules, statistics)
    yield from filters_before(stream.traffic, statistics)
    if dynamic is not None:
        yield from server_name_filters(dynamic.backends[0].closed, statistics)
    yield _tcp_proxy(shares, counted, stream.traffic, plan.proxy)


def closed_chain(stream: StreamListener) -> parts.FilterChain:
    """Write the filter chain of a listener's own hostname, for which there is no route: its connections are closed."""
    message = FilterChain(name=stream.name)
    match_server_names(message, (stream.hostname,))
    return parts.FilterChain(stream.name, encode(message))


def datagram_filter(attached: AttachedRoute, stream: StreamListener, plan: ListenerPlan) -> ListenerFilter | None:
    """Write what forwards the datagrams of a route; nothing where it has nothing to send to, and they are dropped.

    Args:
        attached: the route, at the listener.
        stream: the listener.
        plan: of its port.
    """
    shares = _shares(attached, stream)
    if not shares:
        return None
    asked = traffic_of_rule(attached.route.rules[0], attached, stream.to_backends).settings.get("loadBalancer")
    config = UdpProxyConfig(
        stat_prefix=statistics_name(stream.protocol, plan.port),
        matcher=_spread(shares),
        hash_policies=hash_of_datagrams(asked),
    )
    write_forwarding(config, plan.proxy)
    return ListenerFilter(name="envoy.filters.udp_listener.udp_proxy", typed_config=pack(config))


def statistics_name(protocol: ListenerProtocol, port: int) -> str:
    """Name the statistics of what forwards at a listener; the names are Envoy Gateway's."""
    return f"{_STATISTICS[protocol]}-{port}"


def _shares(attached: AttachedRoute, stream: StreamListener) -> tuple[Share, ...]:
    rule = attached.route.rules[0]
    asked = traffic_of_rule(rule, attached, stream.to_backends)
    return () if asked.is_denied else destination_of(attached.route, rule, asked.apart, asked.zones).shares


def _tcp_proxy(shares: tuple[Share, ...], statistics: str, asked: Asked, of_proxy: ProxyAsked) -> Filter:
    proxy = TcpProxy(stat_prefix=statistics)
    write_forwarding(proxy, of_proxy)
    limit_stream(proxy, asked.get("timeout"), asked.get("connection"))
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
