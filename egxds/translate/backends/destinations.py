"""Which clusters serve a rule, and how its traffic is shared among them. Pure.

The names and the choice between one cluster with a locality per backend and a cluster per backend are Envoy Gateway's.
One cluster is kept as long as it can be: a rule whose backends come and go keeps its name, and so its connections,
while endpoints change beneath it.

    backends with a weight                               what serves them
    none that can be used                                nothing: the rule answers 500
    zones matter                                         a cluster for each, in which a locality is a zone
    all can be used, and fit one cluster                 one cluster, a locality for each
    all can be used, but do not fit                      a cluster for each, shared by weight
    some have filters of their own                       a cluster for each
    some cannot be used                                  a cluster for each that can; the share of the others goes to a
                                                         cluster that does not exist, and answers 500

The last line is Gateway API's: a backend that cannot be used takes its share of the requests down with it. To give the
share to the others would hide the mistake, and send traffic where nobody wanted it.

A mirror has a cluster of its own.

Fallbacks have no share. They are in every cluster that can hold them, at a lower priority: Envoy turns to them when
nobody of the first priority is there or can be connected to (`clusters`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from egxds import names
from egxds.model.api.backend_traffic.load_balancer import ZoneAware
from egxds.model.api.filters import RouteFilter
from egxds.model.resolve.fallbacks import Priorities, can_stand_in, priorities_of
from egxds.model.resolve.resolved import ResolvedBackend, ResolvedRoute, ResolvedRule
from egxds.model.resolve.route_filters import Injection
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.upstreams import EndpointsShape, UpstreamProtocol, UpstreamTls


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """One cluster.

    Attributes:
        name: of the cluster, and of its EDS service.
        rule: name of the rule, by which the localities are named.
        backends: those it serves, a locality each.
        fallbacks: those that stand in for them.
        is_dns: whether Envoy resolves the names of its endpoints.
        protocol: how the backends are spoken to.
        tls: the TLS that it is spoken inside of; None where there is none.
        injection: the credential that requests are given; None where they are given none.
        zones: how requests are shared out among those of its endpoints; None where these do not matter.
    """

    name: str
    rule: str
    backends: tuple[ResolvedBackend, ...]
    is_dns: bool
    protocol: UpstreamProtocol = UpstreamProtocol.HTTP1
    fallbacks: tuple[ResolvedBackend, ...] = ()
    tls: UpstreamTls | None = None
    injection: Injection | None = None
    zones: ZoneAware | None = None

    @property
    def is_dynamic(self) -> bool:
        """Whether clients say where they go, so that it has no endpoints of its own."""
        return self.backends[0].shape is EndpointsShape.DYNAMIC


@dataclass(frozen=True, slots=True)
class Share:
    """A cluster's part of a rule's traffic.

    Attributes:
        cluster: its name.
        weight: what it gets of the sum of all weights.
        backend: position of the backendRef whose share it is; None of the share of several.
        filters: what is done to the requests that go there.
    """

    cluster: str
    weight: int
    backend: int | None = None
    filters: tuple[RouteFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """A cluster that gets copies of requests.

    Attributes:
        cluster: its name.
        part: numerator and denominator of the part of the requests.
        of: position of the backendRef whose requests it is; None of all of the rule.
    """

    cluster: str
    part: tuple[int, int]
    of: int | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a rule sends its requests.

    Attributes:
        clusters: those that must exist, in the order of the backends.
        shares: empty where the rule has nothing to send to, and answers 500.
        copies: what is sent elsewhere too.
    """

    clusters: tuple[ClusterPlan, ...] = ()
    shares: tuple[Share, ...] = ()
    copies: tuple[Copy, ...] = ()


def destination_of(
    route: ResolvedRoute, rule: ResolvedRule, apart: str = "", zones: ZoneAware | None = None
) -> Destination:
    """Decide which clusters serve a rule; none for one that answers itself or is refused.

    Args:
        route: the route.
        rule: one of its rules.
        apart: what the clusters are named after beside the rule, where it has them otherwise elsewhere.
        zones: how requests are shared out among zones; None where these do not matter.
    """
    answers = rule.is_answering or route.route.content.rules[rule.index].answers_itself
    if rule.refusal or rule.is_closed or answers:
        return Destination()
    key = route.route.key
    name = ROUTE_KINDS[key.group_kind].rule_name(key, rule.index)
    own = names.apart_name(name, apart) if apart else name
    priorities = priorities_of(rule)
    sound = tuple(backend for backend in priorities.active if not backend.refusal)
    if not sound:
        return Destination()
    differ = any(backend.filters for backend in priorities.active)
    differ = differ or (zones is not None and len(priorities.active) > 1)
    if len(sound) == len(priorities.active) and not differ and _fit_one_cluster(sound):
        found = Destination((_cluster(own, name, sound, priorities.fallback),), (Share(own, 1),))
    else:
        found = _split(own, name, priorities, sound)
    return _with_zones(_with_copies(_injecting(found, rule), own, name, rule), zones)


def _with_zones(destination: Destination, zones: ZoneAware | None) -> Destination:
    if zones is None:
        return destination
    return replace(destination, clusters=tuple(replace(each, zones=zones) for each in destination.clusters))


def _injecting(destination: Destination, rule: ResolvedRule) -> Destination:
    """Have requests given the credential that the rule asks for, or the backend that they go to."""
    clusters = tuple(replace(each, injection=_injection(rule, each)) for each in destination.clusters)
    return replace(destination, clusters=clusters)


def _injection(rule: ResolvedRule, plan: ClusterPlan) -> Injection | None:
    # One whose filters are its own has a cluster of its own.
    found = (*rule.route_filters, *(each for backend in plan.backends for each in backend.route_filters))
    return next((each.injection for each in found if each.injection is not None), None)


def _with_copies(destination: Destination, name: str, rule_name: str, rule: ResolvedRule) -> Destination:
    """Add a cluster for each mirror: it is that of the filter, whoever else sends to the same backend."""
    clusters, copies = list(destination.clusters), []
    for mirror in rule.mirrors:
        owner = name if mirror.of is None else names.backend_name(name, mirror.of)
        cluster = _cluster(names.mirror_name(owner, mirror.position), rule_name, (mirror.backend,), ())
        clusters.append(cluster)
        copies.append(Copy(cluster.name, mirror.part, mirror.of))
    return Destination(tuple(clusters), destination.shares, tuple(copies))


def _fit_one_cluster(backends: tuple[ResolvedBackend, ...]) -> bool:
    """Whether one cluster can hold the backends.

    A locality without endpoints gets no traffic: the others would take the share that is to answer 503. Where
    all are empty there is nothing to take over. A cluster has endpoints of one kind, which speak one protocol, all with
    the same TLS or all without. Names that Envoy resolves may come to one address, which it then has once: nobody could
    say whose weight it has. And those that an extension is to fill, which is shown all of them at once, have no others
    among them.
    """
    if len(backends) == 1:
        return True
    if len({backend.custom is None for backend in backends}) > 1:
        return False
    if any(map(_is_dns, backends)) or len({backend.shape.is_empty for backend in backends}) > 1:
        return False
    return len({backend.manner for backend in backends}) == 1


def _is_dns(backend: ResolvedBackend) -> bool:
    return backend.shape is EndpointsShape.HOSTNAMES


def _cluster(
    name: str, rule: str, backends: tuple[ResolvedBackend, ...], fallbacks: tuple[ResolvedBackend, ...]
) -> ClusterPlan:
    """Plan a cluster with those fallbacks that can stand in for all of its backends."""
    fitting = tuple(each for each in fallbacks if all(can_stand_in(each, backend) for backend in backends))
    is_dns = any(map(_is_dns, (*backends, *fitting)))
    # What stood in beside a name could be a Unix socket, which no cluster has beside names.
    if is_dns:
        fitting = tuple(each for each in fitting if each.shape is not EndpointsShape.PIPES)
    return ClusterPlan(name, rule, backends, is_dns, backends[0].protocol, fitting, backends[0].tls)


def _split(name: str, rule: str, priorities: Priorities, sound: tuple[ResolvedBackend, ...]) -> Destination:
    clusters = tuple(
        _cluster(names.backend_name(name, backend.index), rule, (backend,), priorities.fallback) for backend in sound
    )
    parts = [(cluster.name, cluster.backends[0]) for cluster in clusters]
    shares = [Share(cluster, backend.weight, backend.index, backend.filters) for cluster, backend in parts]
    refused = sum(backend.weight for backend in priorities.active if backend.refusal)
    if refused:
        shares.append(Share(names.INVALID_BACKEND_CLUSTER, refused))
    return Destination(clusters, tuple(shares))
