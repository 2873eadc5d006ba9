"""A rule of a route, of any kind → its clusters and endpoints. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.resolve.resolved import EndpointTable, ResolvedRoute, ResolvedRule
from egxds.resources.resource import ExtensionResources, Resource
from egxds.translate.backends.clusters import translate_cluster
from egxds.translate.backends.destinations import destination_of
from egxds.translate.backends.load_assignments import translate_endpoints
from egxds.translate.metadata import belonging, extension_resources, named_objects, origin_of


@dataclass(frozen=True, slots=True)
class WrittenCluster:
    """One cluster of a rule; the same for every Gateway that the route is attached to.

    Attributes:
        cluster: the cluster.
        endpoints: its endpoints; None of one that is resolved by DNS and holds its own.
        named: the objects of extensions that the rule names as filters, and as backends of this cluster.
        belongs_to: SHA-256 of what the other objects say that the rule is made from.
    """

    cluster: Resource
    endpoints: Resource | None
    named: ExtensionResources
    belongs_to: bytes


def write_clusters(route: ResolvedRoute, rule: ResolvedRule, table: EndpointTable) -> Iterator[WrittenCluster]:
    """Write the clusters of a rule.

    Args:
        route: the route.
        rule: one of its rules.
        table: the endpoints of all backends.
    """
    origin = origin_of(route.route, route.route.content.rules[rule.index].name or "")
    belongs_to = belonging(route, rule)
    for plan in destination_of(route, rule).clusters:
        objects = named_objects(rule, plan.backends)
        sources = tuple(sorted({route.route.key, *(item.key for item in objects)}))
        endpoints = None if plan.is_dns else translate_endpoints(plan, sources, table)
        cluster = translate_cluster(plan, origin, sources, table)
        yield WrittenCluster(cluster, endpoints, extension_resources(objects), belongs_to)


def cluster_names(route: ResolvedRoute) -> list[str]:
    """Return the names of all clusters of a route."""
    return [plan.name for rule in route.rules for plan in destination_of(route, rule).clusters]
