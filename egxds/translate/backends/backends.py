"""The rules of a route, of any kind → their clusters and endpoints. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egxds.model.resolve.resolved import EndpointTable, ResolvedRoute
from egxds.resources.resource import ExtensionResources, Resource
from egxds.translate.backends.clusters import translate_cluster
from egxds.translate.backends.destinations import destination_of
from egxds.translate.backends.load_assignments import translate_endpoints
from egxds.translate.metadata import extension_resources, named_objects, origin_of


@dataclass(frozen=True, slots=True)
class RouteBackends:
    """What a route's rules send to; the same for every Gateway that the route is attached to.

    Attributes:
        clusters: in the order of rules and backends.
        endpoints: of those clusters that are not resolved by DNS.
        named: cluster name → the objects of extensions that its rule names as filters, and as backends of this
            cluster; only where there are any.
    """

    clusters: tuple[Resource, ...]
    endpoints: tuple[Resource, ...]
    named: Mapping[str, ExtensionResources]


def translate_backends(route: ResolvedRoute, table: EndpointTable) -> RouteBackends:
    """Write the clusters of all rules of a route, with their endpoints from the table."""
    clusters: list[Resource] = []
    endpoints: list[Resource] = []
    named: dict[str, ExtensionResources] = {}
    for rule in route.rules:
        origin = origin_of(route.route, route.route.content.rules[rule.index].name or "")
        for plan in destination_of(route, rule).clusters:
            objects = named_objects(rule, plan.backends)
            sources = tuple(sorted({route.route.key, *(item.key for item in objects)}))
            clusters.append(translate_cluster(plan, origin, sources, table))
            if not plan.is_dns:
                endpoints.append(translate_endpoints(plan, sources, table))
            if objects:
                named[plan.name] = extension_resources(objects)
    return RouteBackends(tuple(clusters), tuple(endpoints), named)
