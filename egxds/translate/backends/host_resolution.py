"""Clusters that go where clients say: Envoy resolves the host of a request, or the server name of a connection. Pure.

Where no backend may be, nobody is led either: a filter of the cluster looks at the address that was found, of every
attempt, and answers 403 (Envoy Gateway leads there). A connection is closed at what its client says first, which comes
to nobody.

For requests the cluster alone is enough, and nothing of it stands in a Listener (seen with Envoy 1.40: it resolves what
nobody has resolved before). A connection has no port in its name, so a filter before the tcp_proxy says it.

Source: Envoy Gateway v1.9, Backend of type DynamicResolver; the settings of the cache are its.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.cluster.v3.cluster_pb2 import Cluster, LoadBalancingPolicy
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.rbac.v3.rbac_pb2 import RBAC, Permission, Policy, Principal
from envoy.extensions.clusters.dynamic_forward_proxy.v3.cluster_pb2 import ClusterConfig
from envoy.extensions.common.dynamic_forward_proxy.v3.dns_cache_pb2 import DnsCacheConfig
from envoy.extensions.filters.http.rbac.v3 import rbac_pb2 as of_requests
from envoy.extensions.filters.network.rbac.v3 import rbac_pb2 as of_connections
from envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.sni_dynamic_forward_proxy_pb2 import FilterConfig
from envoy.extensions.load_balancing_policies.cluster_provided.v3.cluster_provided_pb2 import ClusterProvided
from envoy.extensions.rbac.matchers.upstream_ip_port.v3.upstream_ip_port_matcher_pb2 import UpstreamIpPortMatcher
from envoy.type.v3.range_pb2 import Int64Range
from google.protobuf.duration_pb2 import Duration

from egxds.model.resolve.closed_ranges import AddressRange, ClosedRanges
from egxds.model.resolve.upstreams import UpstreamTls
from egxds.resources.encoding import pack
from egxds.translate.backend_traffic.draft import ClusterDraft
from egxds.translate.http_filters.authorization import cidr_range

_CLUSTER_TYPE = "envoy.clusters.dynamic_forward_proxy"
_CACHE = "envoy-gateway-dfp-cache-v4_preferred-30000ms-default"
_BY_ADDRESS = "envoy.rbac.matchers.upstream_ip_port"
_LOOK_AGAIN_S = 30
_TLS_PORT = 443


def resolve_by_host(draft: ClusterDraft, tls: UpstreamTls | None, closed: ClosedRanges | None) -> None:
    """Have a cluster go where clients say, whatever policies ask of its balancing.

    Args:
        draft: the cluster.
        tls: that is spoken to whom is found; None where it is without.
        closed: where nobody is led.
    """
    is_unchecked = tls is not None and tls.authorities is None
    config = ClusterConfig(dns_cache_config=_cache(), allow_insecure_cluster_options=is_unchecked)
    draft.cluster.cluster_type.name = _CLUSTER_TYPE
    draft.cluster.cluster_type.typed_config.CopyFrom(pack(config))
    draft.cluster.lb_policy = Cluster.CLUSTER_PROVIDED
    provided = TypedExtensionConfig(
        name="envoy.load_balancing_policies.cluster_provided", typed_config=pack(ClusterProvided())
    )
    policy = LoadBalancingPolicy(policies=[LoadBalancingPolicy.Policy(typed_extension_config=provided)])
    draft.cluster.load_balancing_policy.CopyFrom(policy)
    if not draft.protocol.is_plain:
        # Envoy asks that TLS goes by the host of such clusters, whether or not there is any.
        draft.http.upstream_http_protocol_options.auto_sni = True
        draft.http.upstream_http_protocol_options.auto_san_validation = not is_unchecked
        if closed is not None:
            rules = of_requests.RBAC(rules=_denying(closed))
            draft.http.http_filters.add(name="envoy.filters.http.rbac", typed_config=pack(rules))


def server_name_filters(closed: ClosedRanges | None, statistics: str) -> Iterator[Filter]:
    """Yield what finds where a connection is to go by its server name, before it is passed on, and whether it may.

    Args:
        closed: where nobody is led.
        statistics: what its statistics are named after.
    """
    config = FilterConfig(dns_cache_config=_cache(), port_value=_TLS_PORT, save_upstream_address=True)
    yield Filter(name="envoy.filters.network.sni_dynamic_forward_proxy", typed_config=pack(config))
    if closed is not None:
        denying = of_connections.RBAC(stat_prefix=statistics, rules=_denying(closed))
        yield Filter(name="envoy.filters.network.rbac", typed_config=pack(denying))


def _denying(closed: ClosedRanges) -> RBAC:
    """Write that some addresses are denied; those that are not known are no others than before."""
    denied = [Permission(or_rules=Permission.Set(rules=map(_at, closed.closed)))]
    if closed.open:
        allowed = Permission(or_rules=Permission.Set(rules=map(_at, closed.open)))
        denied.append(Permission(not_rule=allowed))
    policy = Policy(permissions=[Permission(and_rules=Permission.Set(rules=denied))], principals=[Principal(any=True)])
    return RBAC(action=RBAC.DENY, policies={"closed": policy})


def _at(addresses: AddressRange) -> Permission:
    matcher = UpstreamIpPortMatcher(upstream_ip=cidr_range(addresses.network))
    if addresses.port is not None:
        matcher.upstream_port_range.CopyFrom(Int64Range(start=addresses.port, end=addresses.port + 1))
    return Permission(matcher=TypedExtensionConfig(name=_BY_ADDRESS, typed_config=pack(matcher)))


def _cache() -> DnsCacheConfig:
    # All that name one cache say the same of it, or Envoy refuses the later ones.
    return DnsCacheConfig(
        name=_CACHE, dns_lookup_family=Cluster.V4_PREFERRED, dns_refresh_rate=Duration(seconds=_LOOK_AGAIN_S)
    )
