"""What an EnvoyProxy has counted of clusters, and under which name. Pure.

Source: Envoy Gateway v1.9, ProxyMetrics: a name is for the clusters of HTTPRoutes and GRPCRoutes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from egxds.model.api.envoy_proxy.metrics import Metrics
from egxds.model.resolve.references import backend_target
from egxds.model.resolve.resolved import ResolvedRoute, ResolvedRule

_NAMED_KINDS = frozenset({"HTTPRoute", "GRPCRoute"})
_NAMELESS = "-"


@dataclass(frozen=True, slots=True)
class ClusterStats:
    """What is counted of clusters.

    Attributes:
        per_endpoint: whether requests are counted for each endpoint, too.
        sizes: whether sizes of requests and answers are measured.
        name: under which; with the operators of `clusterStatName`, or empty for the name of the cluster.
    """

    per_endpoint: bool = False
    sizes: bool = False
    name: str = ""

    @classmethod
    def of(cls, asked: Metrics) -> Self:
        """Return what of an EnvoyProxy's metrics is about clusters."""
        return cls(asked.per_endpoint, asked.sizes, asked.cluster_name or "")

    def for_rule(self, route: ResolvedRoute, rule: ResolvedRule) -> ClusterStats:
        """Return the same for the clusters of a rule, its name written out."""
        item = route.route
        if not self.name or item.key.kind not in _NAMED_KINDS:
            return ClusterStats(self.per_endpoint, self.sizes)
        said = item.content.rules[rule.index]
        targets = (backend_target(item.key, ref) for ref in said.backend_refs)
        meant = {
            "%ROUTE_NAME%": item.key.name,
            "%ROUTE_NAMESPACE%": item.key.namespace,
            "%ROUTE_KIND%": item.key.kind.lower(),
            "%ROUTE_RULE_NAME%": said.name or _NAMELESS,
            "%ROUTE_RULE_NUMBER%": str(rule.index),
            "%BACKEND_REFS%": "|".join(f"{target.namespace}/{target.name}" for target in targets),
        }
        name = self.name
        for operator, value in meant.items():
            name = name.replace(operator, value)
        return ClusterStats(self.per_endpoint, self.sizes, name)


def write_stats(cluster: Cluster, stats: ClusterStats) -> None:
    """Write what is counted of a cluster, its name written out."""
    cluster.alt_stat_name = stats.name
    if stats.per_endpoint:
        cluster.track_cluster_stats.per_endpoint_stats = True
    if stats.sizes:
        cluster.track_cluster_stats.request_response_sizes = True
