"""A rule of a route, of any kind → its clusters and endpoints. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from egxds.model.api.backend_traffic.load_balancer import ZoneAware
from egxds.model.api.tls_settings import TlsSettings
from egxds.model.resolve.backend_traffic import BackendTraffic
from egxds.model.resolve.resolved import ANY_HOST, ResolvedBackend, ResolvedRoute, ResolvedRule
from egxds.model.resolve.upstreams import Authorities, EndpointsShape, EndpointTable, ShownCertificate, UpstreamTls
from egxds.resources.resource import ExtensionResources, Resource
from egxds.translate.backend_traffic.active_checks import check_port
from egxds.translate.backend_traffic.draft import ClusterTerms
from egxds.translate.backends.clusters import translate_cluster
from egxds.translate.backends.destinations import ClusterPlan, destination_of
from egxds.translate.backends.load_assignments import translate_endpoints
from egxds.translate.metadata import belonging, extension_resources, named_objects, origin_of, spoken_to_for
from egxds.translate.proxies.cluster_stats import ClusterStats
from egxds.translate.secrets import shown_secret
from egxds.translate.tls import authorities_secret


@dataclass(frozen=True, slots=True)
class WrittenCluster:
    """One cluster of a rule; the same for every Gateway that the route is attached to and that asks the same of it.

    Attributes:
        cluster: the cluster.
        endpoints: its endpoints; None of one that is resolved by DNS and holds its own, or goes where clients say.
        named: the objects of extensions that the rule names as filters, and as backends of this cluster.
        belongs_to: SHA-256 of what the other objects say that the rule is made from, and that have it spoken to by TLS.
        authorities: who the certificates of its backends are to be issued by; None where Envoy fetches none.
        shown: what they are shown that say so themselves; None where they do not.
    """

    cluster: Resource
    endpoints: Resource | None
    named: ExtensionResources
    belongs_to: bytes
    authorities: Authorities | None = None
    shown: ShownCertificate | None = None

    @property
    def secrets(self) -> tuple[Resource, ...]:
        """What Envoy fetches for it."""
        trusted = (authorities_secret(self.authorities),) if self.authorities is not None else ()
        return (*trusted, shown_secret(self.shown)) if self.shown is not None else trusted


@dataclass(frozen=True, slots=True)
class ClientTls:
    """How backends are spoken to by TLS, as far as they say nothing of it themselves.

    Attributes:
        name: of the certificate that they are shown; empty for none.
        is_missing: whether one was asked for that cannot be had, so that nobody is reached by TLS.
        agreed: versions, ciphers and the like.
    """

    name: str = ""
    is_missing: bool = False
    agreed: TlsSettings = field(default_factory=TlsSettings)

    def applied(self, tls: UpstreamTls | None) -> UpstreamTls | None:
        """Return how one is spoken to that says some of it."""
        if tls is None:
            return None
        return replace(tls, agreed=replace(tls.agreed, settings=tls.agreed.settings.over(self.agreed)))


def write_clusters(
    route: ResolvedRoute,
    rule: ResolvedRule,
    table: EndpointTable,
    client: ClientTls,
    asked: BackendTraffic,
    stats: ClusterStats,
) -> Iterator[WrittenCluster]:
    """Write the clusters of a rule.

    Args:
        route: the route.
        rule: one of its rules.
        table: the endpoints of all backends.
        client: how backends are spoken to by TLS.
        asked: what policies ask of the traffic.
        stats: what is counted of all clusters.
    """
    of_clusters = asked.of_clusters
    policies = asked.policies if of_clusters else ()
    terms = ClusterTerms(of_clusters, _host(route) if of_clusters else "", stats.for_rule(route, rule))
    origin = origin_of(route.route, route.route.content.rules[rule.index].name or "")
    of_rule = belonging(route, rule)
    for planned in destination_of(route, rule, asked.apart, asked.zones).clusters:
        shown = planned.tls.agreed.shown if planned.tls is not None else None
        lacks = planned.tls is not None and shown is None and client.is_missing
        plan = replace(_without_endpoints(planned) if lacks else planned, tls=client.applied(planned.tls))
        objects = named_objects(rule, plan.backends)
        sources = tuple(sorted({route.route.key, *(item.key for item in objects), *policies}))
        port = check_port(of_clusters)
        endpoints = None if plan.is_dns or plan.is_dynamic else translate_endpoints(plan, sources, table, port)
        cluster = translate_cluster(plan, origin, sources, table, client.name, terms)
        said = tuple(backend.tls.said for backend in (*plan.backends, *plan.fallbacks) if backend.tls)
        belongs_to = spoken_to_for(of_rule, said) if said else of_rule
        yield WrittenCluster(cluster, endpoints, extension_resources(objects), belongs_to, _authorities(plan), shown)


def _host(route: ResolvedRoute) -> str:
    """Return a host that a route is for, or one that every server has."""
    return next((each for each in route.route.content.hostnames if not each.startswith(ANY_HOST)), "localhost")


def _authorities(plan: ClusterPlan) -> Authorities | None:
    found = plan.tls.authorities if plan.tls is not None else None
    return found if isinstance(found, Authorities) else None


def _without_endpoints(plan: ClusterPlan) -> ClusterPlan:
    """Have nobody reached: the cluster stays, and what is sent there is answered 503."""
    return replace(plan, backends=tuple(map(_nobody, plan.backends)), fallbacks=())


def _nobody(backend: ResolvedBackend) -> ResolvedBackend:
    return replace(backend, endpoints=None, shape=EndpointsShape.NONE_READY)


def cluster_names(route: ResolvedRoute, apart: str) -> Iterator[str]:
    """Return the names of all clusters that a route may have at listeners of one kind, whether zones matter or not.

    Args:
        route: the route.
        apart: what they are named after beside the rules.
    """
    ways = (None, ZoneAware())
    found = (destination_of(route, rule, apart, zones) for rule in route.rules for zones in ways)
    return (plan.name for each in found for plan in each.clusters)
