"""The rules of an HTTPRoute → their clusters and endpoints. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from egxds.model.resolved import ResolvedRoute
from egxds.translate.clusters import translate_cluster
from egxds.translate.destinations import destination_of
from egxds.translate.endpoints import translate_endpoints
from egxds.translate.metadata import origin_of
from egxds.translate.resource import Resource


@dataclass(frozen=True, slots=True)
class RouteBackends:
    """What an HTTPRoute's rules send to; the same for every Gateway that the route is attached to.

    Attributes:
        clusters: in the order of rules and backends.
        endpoints: of those clusters that are not resolved by DNS.
    """

    clusters: tuple[Resource, ...]
    endpoints: tuple[Resource, ...]


def translate_backends(route: ResolvedRoute) -> RouteBackends:
    """Write the clusters of all rules of an HTTPRoute, with their endpoints."""
    sources = (route.route.source,)
    clusters: list[Resource] = []
    endpoints: list[Resource] = []
    for rule in route.rules:
        origin = origin_of(route.route, route.route.content.rules[rule.index].name or "")
        for plan in destination_of(route, rule).clusters:
            clusters.append(translate_cluster(plan, origin, sources))
            if not plan.is_dns:
                endpoints.append(translate_endpoints(plan, sources))
    return RouteBackends(tuple(clusters), tuple(endpoints))
