"""A rule of a route, of any kind → its clusters and endpoints. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from egxds.model.resolve.resolved import ResolvedRoute, ResolvedRule
from egxds.model.resolve.upstreams import Authorities, EndpointTable
from egxds.resources.resource import ExtensionResources, Resource
from egxds.translate.backends.clusters import translate_cluster
from egxds.translate.backends.destinations import ClusterPlan, destination_of
from egxds.translate.backends.load_assignments import translate_endpoints
from egxds.translate.metadata import belonging, extension_resources, named_objects, origin_of, spoken_to_for


@dataclass(frozen=True, slots=True)
class WrittenCluster:
    """One cluster of a rule; the same for every Gateway that the route is attached to.

    Attributes:
        cluster: the cluster.
        endpoints: its endpoints; None of one that is resolved by DNS and holds its own.
        named: the objects of extensions that the rule names as filters, and as backends of this cluster.
        belongs_to: SHA-256 of what the other objects say that the rule is made from, and that have it spoken to by TLS.
        authorities: who the certificates of its backends are to be issued by; None where Envoy fetches nothing for it.
    """

    cluster: Resource
    endpoints: Resource | None
    named: ExtensionResources
    belongs_to: bytes
    authorities: Authorities | None = None


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What backends are shown that are spoken to by TLS.

    Attributes:
        name: of the certificate; empty for none.
        is_missing: whether one was asked for that cannot be had, so that nobody is reached by TLS.
    """

    name: str = ""
    is_missing: bool = False


def write_clusters(
    route: ResolvedRoute, rule: ResolvedRule, table: EndpointTable, certificate: ClientCertificate
) -> Iterator[WrittenCluster]:
    """Write the clusters of a rule.

    Args:
        route: the route.
        rule: one of its rules.
        table: the endpoints of all backends.
        certificate: what backends are shown.
    """
    origin = origin_of(route.route, route.route.content.rules[rule.index].name or "")
    of_rule = belonging(route, rule)
    for planned in destination_of(route, rule).clusters:
        plan = _without_endpoints(planned) if planned.tls is not None and certificate.is_missing else planned
        objects = named_objects(rule, plan.backends)
        sources = tuple(sorted({route.route.key, *(item.key for item in objects)}))
        endpoints = None if plan.is_dns else translate_endpoints(plan, sources, table)
        cluster = translate_cluster(plan, origin, sources, table, certificate.name)
        said = tuple(backend.tls.said for backend in (*plan.backends, *plan.fallbacks) if backend.tls)
        belongs_to = spoken_to_for(of_rule, said) if said else of_rule
        yield WrittenCluster(cluster, endpoints, extension_resources(objects), belongs_to, _authorities(plan))


def _authorities(plan: ClusterPlan) -> Authorities | None:
    found = plan.tls.authorities if plan.tls is not None else None
    return found if isinstance(found, Authorities) else None


def _without_endpoints(plan: ClusterPlan) -> ClusterPlan:
    """Have nobody reached: the cluster stays, and what is sent there is answered 503."""
    return replace(plan, backends=tuple(replace(each, endpoints=None) for each in plan.backends), fallbacks=())


def cluster_names(route: ResolvedRoute) -> list[str]:
    """Return the names of all clusters of a route."""
    return [plan.name for rule in route.rules for plan in destination_of(route, rule).clusters]
