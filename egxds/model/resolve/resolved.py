"""What the model room hands on: Gateways whose references are followed and whose routes are attached.

Everything here is already decided: which listeners are served, which routes they take, which backends a
rule has. Translation only writes it down as Envoy resources. Values that did not change are the same
objects as in the resolution before, so that translation can remember its work by identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from egxds.incremental.revision import Revision
from egxds.model.api.core import ExtensionBody, SecretBody
from egxds.model.api.filters import RouteFilter
from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.listener_set import ListenerSetSpec
from egxds.model.api.matches import RouteMatch
from egxds.model.api.object import ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.api.routes import RouteSpec
from egxds.model.resolve.backend_traffic import NOTHING_ASKED, BackendTraffic
from egxds.model.resolve.closed_ranges import ClosedRanges
from egxds.model.resolve.cookie_requests import Cookies
from egxds.model.resolve.effective_policies import PoliciesInForce
from egxds.model.resolve.faults import Fault
from egxds.model.resolve.listener_protocols import ListenerProtocol, Transport
from egxds.model.resolve.listener_traffic import AS_SETTINGS_HAVE_IT, ListenerTraffic
from egxds.model.resolve.proxies.settings import AS_NOBODY_SAYS, ProxySettings
from egxds.model.resolve.route_filters import RuleFilter
from egxds.model.resolve.upstreams import (
    ClientTrust,
    EndpointsKey,
    EndpointsShape,
    EndpointTable,
    UpstreamProtocol,
    UpstreamTls,
)
from egxds.model.store.problems import Refusal
from egxds.object_key import ObjectKey
from egxds.problems import Problem

ANY_HOST = "*"
"""The hostname of a listener or route that names none."""


@dataclass(frozen=True, slots=True)
class ResolvedBackend:
    """One backendRef of a rule.

    Attributes:
        index: its position in the rule's backendRefs, 0 for the first.
        weight: its share; 0 gets nothing.
        endpoints: where they are in the table; None of a backend that is refused for what it is, or whose endpoints
            only an extension knows. One that is refused for an address of its endpoints has none in the table.
        shape: of the endpoints; the share of a backend that has none ready answers 503.
        refusal: why the reference is refused or missing (its share answers 500); empty where it is not.
        custom: the object, where it is of a kind that belongs to an extension: it knows the endpoints.
        protocol: how it is spoken to.
        is_fallback: whether it is only for when the others cannot be used.
        filters: what is done to the requests that go there, after the filters of the rule.
        tls: how it is spoken to by TLS; None where it is without.
        route_filters: what the HTTPRouteFilters come to that its filters name, in order.
        closed: where nobody is led who says himself where requests go; None of one with endpoints of its own.
    """

    index: int
    weight: int
    endpoints: EndpointsKey | None = None
    shape: EndpointsShape = EndpointsShape.NONE_READY
    refusal: str = ""
    custom: ApiObject[ExtensionBody] | None = None
    protocol: UpstreamProtocol = UpstreamProtocol.HTTP1
    is_fallback: bool = False
    filters: tuple[RouteFilter, ...] = ()
    tls: UpstreamTls | None = None
    route_filters: tuple[RuleFilter, ...] = ()
    closed: ClosedRanges | None = None

    @property
    def manner(self) -> tuple[UpstreamProtocol, UpstreamTls | None]:
        """How it is spoken to, whoever asks for that."""
        return self.protocol, replace(self.tls, said=()) if self.tls is not None else None


@dataclass(frozen=True, slots=True)
class ResolvedMirror:
    """A backend that gets a copy of requests.

    Attributes:
        position: of the filter that asks for it, 0 for the first.
        backend: where the copies go.
        part: numerator and denominator of the part of the requests.
        of: position of the backendRef whose requests it is; None of all of the rule.
    """

    position: int
    backend: ResolvedBackend
    part: tuple[int, int]
    of: int | None = None


@dataclass(frozen=True, slots=True)
class ResolvedRule:
    """One rule of a route; its matches and filters stand in the route's own content.

    Attributes:
        index: its position in the route, 0 for the first.
        backends: its backendRefs, in order.
        extensions: the objects of extensions' kinds that its ExtensionRef filters name, in order.
        refusal: why the rule as a whole answers 500 (an ExtensionRef that names nothing); else empty.
        policies: the extensions' policies on the rule, then those on its route, each once.
        denials: why the rule as a whole answers 500 whatever it says: policies that nobody serves, or that cannot be
            done; else empty.
        in_force: what policies for it, or for its route, ask of its requests; where it is to be merged over what is in
            force at a listener, by itself.
        dropped: what of it cannot be served, so that it answers 500 as a whole; else empty.
        covered: for each of its matches what is closed in its place; None where there is nothing that could be. Empty
            unless it is dropped.
        mirrors: those that get copies of its requests; one that cannot be used is left out.
        behind: what the objects say that its backendRefs lead to or are permitted by, those aside that are handed on
            themselves; opaque, to tell whether any of them says something else.
        route_filters: what the HTTPRouteFilters come to that its ExtensionRef filters name, in order.
    """

    index: int
    backends: tuple[ResolvedBackend, ...]
    extensions: tuple[ApiObject[ExtensionBody], ...] = ()
    refusal: str = ""
    policies: tuple[ApiObject[PolicyBody], ...] = ()
    denials: tuple[str, ...] = ()
    in_force: PoliciesInForce = ()
    dropped: tuple[Fault, ...] = ()
    covered: tuple[RouteMatch | None, ...] = ()
    mirrors: tuple[ResolvedMirror, ...] = ()
    behind: tuple[object, ...] = field(default=(), repr=False)
    route_filters: tuple[RuleFilter, ...] = ()

    @property
    def is_closed(self) -> bool:
        """Whether it answers 500, whatever it says, and nobody is asked about it."""
        return bool(self.denials or self.dropped)

    @property
    def all_route_filters(self) -> tuple[RuleFilter, ...]:
        """What all HTTPRouteFilters come to that it names, and those that its backends do."""
        return (*self.route_filters, *(each for backend in self.backends for each in backend.route_filters))

    @property
    def is_answering(self) -> bool:
        """Whether an HTTPRouteFilter answers its requests, so that none goes to a backend."""
        return any(each.answer is not None for each in self.route_filters)

    @property
    def cookies(self) -> tuple[Cookies, ...]:
        """Lists of cookies of which one must be there in full; none where no HTTPRouteFilter asks for any."""
        return next((each.cookies for each in self.route_filters if each.cookies), ())

    @property
    def is_merging(self) -> bool:
        """Whether anything that is asked of its requests is to be merged over what is in force at a listener."""
        return any(each.is_merging for each in self.in_force)

    @property
    def endpoints(self) -> Iterator[EndpointsKey]:
        """Where the endpoints are of all that it sends to, mirrors included."""
        reached = (*self.backends, *(mirror.backend for mirror in self.mirrors))
        return (backend.endpoints for backend in reached if backend.endpoints is not None)


@dataclass(frozen=True, slots=True, eq=False)
class ResolvedRoute:
    """A route of any kind with its references followed. Compared by identity."""

    route: ApiObject[RouteSpec]
    rules: tuple[ResolvedRule, ...]

    @property
    def dropped(self) -> tuple[ResolvedRule, ...]:
        """The rules that cannot be served."""
        return tuple(rule for rule in self.rules if rule.dropped)

    @property
    def is_dropped(self) -> bool:
        """Whether none of its rules can be served."""
        return bool(self.rules) and all(rule.dropped for rule in self.rules)


@dataclass(frozen=True, slots=True)
class AttachedRoute:
    """A route at one listener.

    Attributes:
        route: the route.
        hostnames: those under which it is reached: the intersection of the route's hostnames with the listener's,
            sorted; `*` where both are open. Without those that an older route has, where only one can have each.
        merged: position of a rule → what is asked of its requests there, of those where that is what policies for it
            ask for, merged over what is in force at the listener.
    """

    route: ResolvedRoute
    hostnames: tuple[str, ...]
    merged: Mapping[int, PoliciesInForce] = field(default_factory=dict)


class ClosedHostname(NamedTuple):
    """A hostname whose TLS connections are closed.

    Attributes:
        listener: name, in the Gateway, of the listener that it belongs to, which is not served.
        port: where it listens.
        hostname: not `*`.
    """

    listener: str
    port: int
    hostname: str


@dataclass(frozen=True, slots=True)
class ResolvedListener:
    """A listener that is served.

    Attributes:
        name: among all listeners of the Gateway.
        owner: what it stands in: the Gateway, or a ListenerSet for it.
        port: exact port to bind.
        protocol: how connections come to it.
        hostname: `*` where the listener names none.
        certificates: Secrets of the certificateRefs, in order; empty where no TLS ends here.
        routes: attached routes by key; `precedence` says which of two counts more.
        policies: the extensions' policies on the listener, on what it stands in, then on its Gateway, each once.
        denials: why it is closed to everything: policies and options that nobody serves; else empty.
        in_force: what policies for it, and for what it stands in, ask of requests that no policy of a route, or of a
            rule, is for.
        trust: what its clients' certificates are checked with; None where nobody is asked for one.
        traffic: how it takes its clients otherwise.
        addresses: what it binds, where that is not what its Gateway does.
        to_backends: what is asked of the traffic of its rules, of those that have no policy of their own for that.
    """

    name: str
    owner: ObjectKey
    port: int
    protocol: ListenerProtocol
    hostname: str
    certificates: tuple[ApiObject[SecretBody], ...]
    routes: Revision[ObjectKey, AttachedRoute]
    policies: tuple[ApiObject[PolicyBody], ...] = ()
    denials: tuple[str, ...] = ()
    in_force: PoliciesInForce = ()
    trust: ClientTrust | None = None
    traffic: ListenerTraffic = AS_SETTINGS_HAVE_IT
    addresses: tuple[str, ...] = ()
    to_backends: BackendTraffic = NOTHING_ASKED

    @property
    def listener_name(self) -> str:
        """Its name in what it stands in."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class ResolvedGateway:
    """A Gateway of ours.

    Attributes:
        gateway: the object.
        class_name: its GatewayClass.
        addresses: what its listeners bind, at least one where it has listeners.
        listeners: those that are served, in the Gateway's own order, then those of its ListenerSets.
        policies: the extensions' policies on any of its listeners, then those on the Gateway, each once.
        closed: hostnames of listeners that are not served, which wider ones must not take over.
        listener_sets: the ListenerSets that it takes, in their order.
        client_certificate: what backends are shown; None where there is nothing to show.
        lacks_certificate: whether something was to be shown that cannot be had.
        patches: policies that patch what it comes to, in the order in which they are applied.
        served_as: the name of all Gateways of its class, where these are served as one (`merged_gateways`); else
            empty.
        members: of what stands for several Gateways, these, the older one first.
        proxy: what its Envoys are to be like.
    """

    gateway: ApiObject[GatewaySpec]
    class_name: str
    addresses: tuple[str, ...]
    listeners: tuple[ResolvedListener, ...]
    policies: tuple[ApiObject[PolicyBody], ...] = ()
    closed: tuple[ClosedHostname, ...] = ()
    listener_sets: tuple[ApiObject[ListenerSetSpec], ...] = ()
    client_certificate: ApiObject[SecretBody] | None = None
    lacks_certificate: bool = False
    patches: tuple[ApiObject[PolicyBody], ...] = ()
    served_as: str = ""
    members: tuple[ApiObject[GatewaySpec], ...] = ()
    proxy: ProxySettings = AS_NOBODY_SAYS

    @property
    def name(self) -> str:
        """`<namespace>/<name>`, as `node.cluster` selects it."""
        return f"{self.gateway.key.namespace}/{self.gateway.key.name}"

    @property
    def served_name(self) -> str:
        """The name of what it is served by: itself, or all of its class."""
        return self.served_as or self.name


class Report(Protocol):
    """What was decided, to be written down for people, object by object."""

    @property
    def judged(self) -> Revision[ObjectKey, object]:
        """What was decided about each object that has a status or a problem; opaque.

        Another object stands there where one of the two may be another than before. Where things stand is no part of
        it: an object that only moved has another line in its problems, and is judged as before.
        """

    def status(self, key: ObjectKey) -> Mapping[str, object] | None:
        """Return the Gateway API status of an object, None where it has none."""

    def refused_status(self, refusal: Refusal) -> Mapping[str, object]:
        """Return the status of an object whose text is refused, whether or not an earlier one is in force."""

    def problems(self, key: ObjectKey) -> tuple[Problem, ...]:
        """Return the errors and warnings about an object."""

    def proxy_settings(self, key: ObjectKey) -> ProxySettings | None:
        """Return what an EnvoyProxy comes to by itself, None where there is none."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The whole input, decided.

    Attributes:
        gateways: those that are ours, and what is served for several of them.
        endpoints: of all backends; a change of addresses alone is one here, and no route is another for it.
        class_conflicts: class name → (Gateway name, port, its transport) of the listeners that an Envoy which takes
            the whole class does not get, because an older Gateway of the class binds the same address and port.
        report: what people are told; written down once somebody asks, which no Envoy does.
    """

    gateways: Revision[ObjectKey, ResolvedGateway]
    endpoints: EndpointTable
    class_conflicts: Mapping[str, frozenset[tuple[str, int, Transport]]]
    report: Report = field(repr=False)
