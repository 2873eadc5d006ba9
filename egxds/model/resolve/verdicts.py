"""What was decided about Gateways and routes, before it is written down as status. Pure values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from egxds.model.api.core import SecretBody
from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.addresses import AddressVerdict
from egxds.model.resolve.attachment import ParentVerdict
from egxds.model.resolve.contests import LostHostname
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.resolved import AttachedRoute, ClosedHostname
from egxds.model.resolve.route_references import FollowedRoute
from egxds.model.resolve.rule_references import Route
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class GatewayVerdict:
    """Everything that was decided about a Gateway of ours.

    Attributes:
        gateway: the Gateway.
        addresses: what it binds.
        listeners: all its listeners.
        parameters_fault: a parametersRef that leads nowhere.
        closed: hostnames of listeners that Envoy does not get.
        client_certificate: what backends are shown; None where there is nothing to show.
        certificate_fault: why what was to be shown cannot be had.
    """

    gateway: ApiObject[GatewaySpec]
    addresses: AddressVerdict
    listeners: tuple[ListenerVerdict, ...]
    parameters_fault: Fault | None = None
    closed: tuple[ClosedHostname, ...] = ()
    client_certificate: ApiObject[SecretBody] | None = None
    certificate_fault: Fault | None = None

    @property
    def served(self) -> tuple[ListenerVerdict, ...]:
        """The listeners that Envoy gets; none where the Gateway is not accepted or has no address."""
        if self.parameters_fault or self.addresses.refusal or not self.addresses.addresses:
            return ()
        return tuple(verdict for verdict in self.listeners if verdict.is_served)

    @property
    def selects_namespaces(self) -> bool:
        """Whether a listener takes routes by the labels of their namespaces."""
        return any(entry.listener.allowed_routes.namespaces.from_ == "Selector" for entry in self.listeners)

    def faults(self) -> Iterator[Fault]:
        """Iterate over what is wrong with it, each cause once."""
        causes = (self.parameters_fault, self.addresses.refusal, self.certificate_fault)
        yield from (fault for fault in causes if fault is not None)
        yield from self.addresses.faults
        for verdict in self.listeners:
            if verdict.refusal is not None:
                yield verdict.refusal
            yield from (*verdict.reference_faults, *verdict.denials)
        if not any(verdict.is_valid for verdict in self.listeners):
            yield Fault(Reason.LISTENERS_NOT_VALID, none_valid(self.listeners))


@dataclass(frozen=True, slots=True)
class Classless:
    """A Gateway that is nobody's: it names a class that no document defines."""

    gateway: ApiObject[GatewaySpec]


def none_valid(listeners: Sequence[ListenerVerdict]) -> str:
    """Say that a Gateway has no valid listener."""
    return f"no listener is valid: {names_of(listeners)}"


def names_of(listeners: Sequence[ListenerVerdict]) -> str:
    """List listeners for people."""
    return ", ".join(entry.listener.name for entry in listeners)


Place = tuple[ObjectKey, str]
"""Gateway and listener name."""


@dataclass(frozen=True, slots=True)
class RouteVerdict:
    """Everything that was decided about a route.

    Attributes:
        followed: the route with its references followed.
        parents: its parentRefs whose Gateways are ours, in order.
        orphaned: parentRefs that no object stands behind.
        attached: where the route is taken.
        lost: hostnames there that older routes have.
    """

    followed: FollowedRoute
    parents: tuple[ParentVerdict, ...]
    orphaned: tuple[Fault, ...]
    attached: Mapping[Place, AttachedRoute]
    lost: tuple[LostHostname, ...] = ()

    @property
    def route(self) -> Route:
        """The route."""
        return self.followed.resolved.route
