"""loadBalancer: who among the endpoints is asked. Pure.

Backends stand in a cluster as localities, so whatever the balancer is, a locality is picked by its weight first. Where
zones matter they are zones, and picked by the weights that are said of them, or by where the Envoy itself stands.
Requests are told apart for consistent hashing at the cluster, and not at routes: so a policy of a Gateway costs its
clusters and no route, and connections that are passed on as a whole are told apart, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from envoy.config.cluster.v3.cluster_pb2 import LoadBalancingPolicy
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.route.v3.route_components_pb2 import Route, RouteAction
from envoy.extensions.filters.udp.udp_proxy.v3.udp_proxy_pb2 import UdpProxyConfig
from envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3 import (
    client_side_weighted_round_robin_pb2 as weighted,
)
from envoy.extensions.load_balancing_policies.common.v3.common_pb2 import LocalityLbConfig, SlowStartConfig
from envoy.extensions.load_balancing_policies.least_request.v3.least_request_pb2 import LeastRequest
from envoy.extensions.load_balancing_policies.maglev.v3.maglev_pb2 import Maglev
from envoy.extensions.load_balancing_policies.override_host.v3.override_host_pb2 import OverrideHost
from envoy.extensions.load_balancing_policies.random.v3.random_pb2 import Random
from envoy.extensions.load_balancing_policies.round_robin.v3.round_robin_pb2 import RoundRobin
from envoy.extensions.load_balancing_policies.wrr_locality.v3.wrr_locality_pb2 import WrrLocality
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import UInt64Value

from egxds.model.api.backend_traffic.load_balancer import ConsistentHash, HashedCookie, LoadBalancer, SlowStart
from egxds.model.resolve.upstreams import UpstreamProtocol
from egxds.resources.encoding import pack
from egxds.translate.backend_traffic.draft import ClusterDraft
from egxds.translate.client_traffic.place import lasting

_HUNDRED = 100
_REPORTS = ("endpoint-load-metrics", "endpoint-load-metrics-bin")
_BY_WEIGHT = LocalityLbConfig(locality_weighted_lb_config=LocalityLbConfig.LocalityWeightedLbConfig())


def write_load_balancer(draft: ClusterDraft, asked: LoadBalancer) -> None:
    """Write the load balancer of a cluster."""
    hashed = asked.consistent_hash
    found = _maglev(hashed, draft.protocol) if hashed is not None else _BALANCERS[asked.type](asked)
    if asked.endpoint_override is not None:
        sources = [
            OverrideHost.OverrideHostSource(header=each.header)
            for each in asked.endpoint_override.extract_from
            if each.header is not None
        ]
        if sources:
            found = _policy("override_host", OverrideHost(override_host_sources=sources, fallback_policy=found))
    draft.cluster.load_balancing_policy.CopyFrom(found)


def hide_reports(route: Route, asked: LoadBalancer) -> None:
    """Have clients not see what endpoints say of themselves, where they are asked to."""
    if asked.hides_reports:
        route.response_headers_to_remove.extend(_REPORTS)


def by_fewest_requests() -> LoadBalancingPolicy:
    """Return the load balancer of a cluster for which nobody asks for one."""
    return _policy("least_request", LeastRequest(locality_lb_config=_BY_WEIGHT))


def _policy(name: str, config: Message) -> LoadBalancingPolicy:
    extension = TypedExtensionConfig(name=f"envoy.load_balancing_policies.{name}", typed_config=pack(config))
    return LoadBalancingPolicy(policies=[LoadBalancingPolicy.Policy(typed_extension_config=extension)])


def _least_request(asked: LoadBalancer) -> LoadBalancingPolicy:
    return _policy(
        "least_request", LeastRequest(locality_lb_config=_zones(asked), slow_start_config=_slow_start(asked.slow_start))
    )


def _round_robin(asked: LoadBalancer) -> LoadBalancingPolicy:
    return _policy(
        "round_robin", RoundRobin(locality_lb_config=_zones(asked), slow_start_config=_slow_start(asked.slow_start))
    )


def _random(asked: LoadBalancer) -> LoadBalancingPolicy:
    return _policy("random", Random(locality_lb_config=_zones(asked)))


def _zones(asked: LoadBalancer) -> LocalityLbConfig:
    """Say how a locality is picked."""
    local = asked.zones.prefer_local if asked.zones is not None else None
    if local is None:
        return _BY_WEIGHT
    found = LocalityLbConfig.ZoneAwareLbConfig()
    if local.percentage_enabled is not None:
        found.routing_enabled.value = local.percentage_enabled
    if local.min_endpoints_threshold is not None:
        found.min_cluster_size.value = local.min_endpoints_threshold
    if local.force is not None:
        found.force_local_zone.SetInParent()
        if local.force.min_endpoints_in_zone_threshold is not None:
            found.force_local_zone.min_size.value = local.force.min_endpoints_in_zone_threshold
    return LocalityLbConfig(zone_aware_lb_config=found)


def _slow_start(asked: SlowStart | None) -> SlowStartConfig | None:
    return SlowStartConfig(slow_start_window=lasting(asked.window)) if asked is not None else None


def _maglev(asked: ConsistentHash, protocol: UpstreamProtocol) -> LoadBalancingPolicy:
    found = Maglev(
        table_size=UInt64Value(value=asked.table_size),
        locality_weighted_lb_config=LocalityLbConfig.LocalityWeightedLbConfig(),
    )
    # Of a datagram the cluster is told nothing but what the filter makes of it (`hash_of_datagrams`).
    if protocol is not UpstreamProtocol.UDP:
        found.consistent_hashing_lb_config.hash_policy.extend(_hashed(asked))
    return _policy("maglev", found)


def hash_of_datagrams(asked: object) -> Iterator[UdpProxyConfig.HashPolicy]:
    """Yield what the sessions of a UDP route are told apart by, for a balancer that is asked for."""
    hashed = asked.consistent_hash if isinstance(asked, LoadBalancer) else None
    if hashed is not None and hashed.type == "SourceIP":
        yield UdpProxyConfig.HashPolicy(source_ip=True)


def _hashed(asked: ConsistentHash) -> Iterator[RouteAction.HashPolicy]:
    """Yield what requests are told apart by."""
    if asked.type == "SourceIP":
        yield RouteAction.HashPolicy(connection_properties=RouteAction.HashPolicy.ConnectionProperties(source_ip=True))
    for header in asked.hashed_headers:
        yield RouteAction.HashPolicy(header=RouteAction.HashPolicy.Header(header_name=header.name))
    for parameter in asked.query_params:
        yield RouteAction.HashPolicy(query_parameter=RouteAction.HashPolicy.QueryParameter(name=parameter.name))
    if asked.cookie is not None:
        yield _hashed_cookie(asked.cookie)


def _hashed_cookie(asked: HashedCookie) -> RouteAction.HashPolicy:
    """Write that requests are told apart by a cookie."""
    found = RouteAction.HashPolicy.Cookie(name=asked.name)
    if asked.ttl is not None:
        found.ttl.CopyFrom(lasting(asked.ttl))
    for name, value in sorted(asked.attributes.items()):
        found.attributes.add(name=name, value=value)
    return RouteAction.HashPolicy(cookie=found)


def _by_utilization(asked: LoadBalancer) -> LoadBalancingPolicy:
    found = weighted.ClientSideWeightedRoundRobin()
    said = asked.backend_utilization
    if said is not None:
        for name in ("blackout_period", "weight_expiration_period", "weight_update_period"):
            text = getattr(said, name)
            if text is not None:
                getattr(found, name).CopyFrom(lasting(text))
        if said.error_utilization_penalty_percent is not None:
            found.error_utilization_penalty.value = said.error_utilization_penalty_percent / _HUNDRED
        found.metric_names_for_computing_utilization.extend(said.metric_names_for_computing_utilization)
    picking = _policy("client_side_weighted_round_robin", found)
    return _policy("wrr_locality", WrrLocality(endpoint_picking_policy=picking))


_BALANCERS: Mapping[str, Callable[[LoadBalancer], LoadBalancingPolicy]] = {
    "BackendUtilization": _by_utilization,
    "LeastRequest": _least_request,
    "Random": _random,
    "RoundRobin": _round_robin,
}
