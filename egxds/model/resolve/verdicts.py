"""What was decided about Gateways, ListenerSets and routes, before it is written down as status. Pure values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from egxds.model.api.core import SecretBody
from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.addresses import AddressVerdict
from egxds.model.resolve.attachment import ParentVerdict, RouteParent
from egxds.model.resolve.contests import LostHostname
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.listener_sets import SetAdmission, allowed_listeners_faults
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.proxies.backend_tls import BACKEND_TLS, ShownCertificate
from egxds.model.resolve.proxies.settings import AS_NOBODY_SAYS, ProxySettings
from egxds.model.resolve.resolved import AttachedRoute, ClosedHostname
from egxds.model.resolve.route_references import FollowedRoute
from egxds.model.resolve.rule_references import Route
from egxds.model.resolve.shadows import Shadow, Wanted
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class GatewayVerdict:
    """Everything that was decided about a Gateway of ours.

    Attributes:
        gateway: the Gateway.
        addresses: what it binds.
        listeners: all its listeners, those of its ListenerSets after its own.
        admissions: the ListenerSets that name it, in their order.
        parameters_fault: a parametersRef that leads nowhere.
        closed: hostnames of listeners that Envoy does not get.
        client_certificate: what it says itself that backends are shown; None where it says nothing.
        certificate_fault: why what it says cannot be had.
        proxy: what its Envoys are to be like.
        served_as: the name of all Gateways of its class, where these are served as one; else empty.
    """

    gateway: ApiObject[GatewaySpec]
    addresses: AddressVerdict
    listeners: tuple[ListenerVerdict, ...]
    admissions: tuple[SetAdmission, ...] = ()
    parameters_fault: Fault | None = None
    closed: tuple[ClosedHostname, ...] = ()
    client_certificate: ApiObject[SecretBody] | None = None
    certificate_fault: Fault | None = None
    proxy: ProxySettings = AS_NOBODY_SAYS
    served_as: str = ""

    @property
    def shown(self) -> ShownCertificate | None:
        """What backends are shown that are spoken to by TLS; None where there is nothing to show."""
        if self.client_certificate is not None or self.certificate_fault is not None:
            return ShownCertificate(self.client_certificate)
        found = self.proxy.settings.get(BACKEND_TLS.name)
        return found if isinstance(found, ShownCertificate) else None

    @property
    def served(self) -> tuple[ListenerVerdict, ...]:
        """The listeners that Envoy gets; none where the Gateway is not accepted or has no address."""
        return tuple(verdict for verdict in self.listeners if verdict.is_served) if self.serves else ()

    @property
    def refusal(self) -> Fault | None:
        """Why it is not accepted as a whole, whatever its listeners are; nothing where it is."""
        return self.parameters_fault or self.addresses.refusal

    @property
    def serves(self) -> bool:
        """Whether it has what its listeners need of it."""
        return self.refusal is None and bool(self.addresses.addresses)

    @property
    def own(self) -> tuple[ListenerVerdict, ...]:
        """The listeners that stand in the Gateway itself."""
        return self.listeners[: len(self.gateway.content.listeners)]

    @property
    def owners(self) -> Mapping[str, ObjectKey]:
        """What each of its listeners stands in, by name."""
        return dict(map(attrgetter("name", "owner"), self.listeners))

    @property
    def sets(self) -> Iterator[ListenerSetVerdict]:
        """The ListenerSets that name it, with what was decided about their listeners, in their order."""
        at = len(self.gateway.content.listeners)
        for admission in self.admissions:
            until = at if admission.refusal else at + len(admission.listener_set.content.listeners)
            yield ListenerSetVerdict(admission, self.listeners[at:until])
            at = until

    @property
    def parents(self) -> Iterator[RouteParent]:
        """What routes can attach to of it: itself, and the ListenerSets that name it."""
        gateway = self.gateway
        yield RouteParent(gateway.key, gateway.content, gateway.key, self.own)
        for each in self.sets:
            item, refusal = each.admission.listener_set, each.admission.refusal
            yield RouteParent(item.key, item.content, gateway.key, each.listeners, refusal.message if refusal else "")

    def faults(self) -> Iterator[Fault]:
        """Iterate over what is wrong with it, its ListenerSets aside, each cause once."""
        causes = (
            self.parameters_fault,
            self.proxy.merge_fault,
            self.addresses.refusal,
            self.certificate_fault,
        )
        yield from (fault for fault in causes if fault is not None)
        yield from self.addresses.faults
        yield from allowed_listeners_faults(self.gateway.content)
        yield from listener_faults(self.own)


@dataclass(frozen=True, slots=True)
class ListenerSetVerdict:
    """What was decided about a ListenerSet that names a Gateway of ours.

    Attributes:
        admission: the ListenerSet, and whether the Gateway takes it.
        listeners: all its listeners; none where the Gateway does not.
    """

    admission: SetAdmission
    listeners: tuple[ListenerVerdict, ...]


@dataclass(frozen=True, slots=True)
class Classless:
    """A Gateway that is nobody's: it names a class that no document defines."""

    gateway: ApiObject[GatewaySpec]


def listener_faults(listeners: Sequence[ListenerVerdict]) -> Iterator[Fault]:
    """Iterate over what is wrong with the listeners of one object."""
    for verdict in listeners:
        if verdict.refusal is not None:
            yield verdict.refusal
        yield from (*verdict.faults, *verdict.reference_faults, *verdict.denials)
    if not any(verdict.is_valid for verdict in listeners):
        yield Fault(Reason.LISTENERS_NOT_VALID, none_valid(listeners))


def none_valid(listeners: Sequence[ListenerVerdict]) -> str:
    """Say that an object has no valid listener."""
    return f"no listener is valid: {names_of(listeners)}"


def names_of(listeners: Sequence[ListenerVerdict]) -> str:
    """List listeners for people."""
    return ", ".join(entry.listener.name for entry in listeners)


Place = tuple[ObjectKey, str]
"""Gateway, and the name of a listener among all of it."""


@dataclass(frozen=True, slots=True)
class RouteVerdict:
    """Everything that was decided about a route.

    Attributes:
        followed: the route with its references followed.
        parents: its parentRefs whose Gateways are ours, in order.
        orphaned: parentRefs that no object stands behind.
        attached: where the route is taken.
        lost: hostnames there that older routes have.
        shadows: requests there that other rules take.
        wanted: what its rules want of requests.
    """

    followed: FollowedRoute
    parents: tuple[ParentVerdict, ...]
    orphaned: tuple[Fault, ...]
    attached: Mapping[Place, AttachedRoute]
    lost: tuple[LostHostname, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    wanted: Wanted = field(default_factory=dict, repr=False, compare=False)

    @property
    def route(self) -> Route:
        """The route."""
        return self.followed.resolved.route
