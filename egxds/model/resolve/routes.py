"""What is decided about each route, remembered between two resolutions. Pure.

A route is followed, attached and described again only where something it depends on is another object than before.
What is remembered of it goes when the route does. It is asked in three steps, each of which is dearer:

1. nothing of the kind has changed at all: two epochs of the index, one for what references can depend on, one for
   parents;
2. what this route depends on is the same objects: its dependencies are gathered and compared by identity. What it
   looks for and does not find is among them, as None, so that its coming is noticed;
3. one of them is not: its references are followed again, or, if only parents changed, it is attached again.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from egxds.incremental.identity import are_same, keep_equal
from egxds.model.api.core import NAMESPACE, NamespaceBody
from egxds.model.api.gateway import GATEWAY, GatewaySpec
from egxds.model.api.object import CORE_GROUP, ApiObject
from egxds.model.resolve.attachment import attach
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.references import not_found, parent_gateway
from egxds.model.resolve.resolved import AttachedRoute
from egxds.model.resolve.route_references import FollowedRoute, ResolveContext, Route, follow_route, route_dependencies
from egxds.model.resolve.verdicts import Attachments, OurGateways, RouteVerdict
from egxds.model.store.state import GatewayState, Objects
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A verdict and what it was based on.

    Attributes:
        epochs: of the index, when the verdict was last found to hold.
        references: everything the following of its references depended on.
        parents: everything its attachment depended on.
    """

    verdict: RouteVerdict
    epochs: tuple[int, int]
    references: tuple[object, ...]
    parents: tuple[object, ...]


@dataclass(slots=True)
class RouteMemo:
    """Decides about routes, and remembers.

    Attributes:
        context: what routes are followed in.
        routes_followed: how many times the references of a route were followed since the start.
    """

    context: ResolveContext
    routes_followed: int = field(default=0, init=False)
    _known: dict[ObjectKey, _Remembered] = field(default_factory=dict, init=False)

    def judge(self, route: Route, ours: OurGateways) -> RouteVerdict:
        """Decide about a route.

        Args:
            route: the route.
            ours: every Gateway of ours.
        """
        known = self._known.get(route.key)
        index = self.context.index
        epochs = (index.reference_epoch, index.parent_epoch)
        if known is not None and known.verdict.route is route and known.epochs == epochs:
            return known.verdict
        references, parents = route_dependencies(route, self.context), self._parents(route, ours)
        verdict = self._judge_anew(route, ours, known, references, parents)
        self._known[route.key] = _Remembered(verdict, epochs, references, parents)
        return verdict

    @property
    def _state(self) -> GatewayState:
        return self.context.index.state

    def forget_except(self, routes: AbstractSet[ObjectKey]) -> None:
        """Drop what is remembered of routes that are gone."""
        for key in self._known.keys() - routes:
            del self._known[key]

    def _judge_anew(
        self,
        route: Route,
        ours: OurGateways,
        known: _Remembered | None,
        references: tuple[object, ...],
        parents: tuple[object, ...],
    ) -> RouteVerdict:
        """Decide about a route as far as what was decided before does not hold any more."""
        if known is None or not are_same(known.references, references):
            before = known.verdict.attached if known is not None else {}
            return self._attach(self._follow(route), ours, before)
        if not are_same(known.parents, parents):
            return self._attach(known.verdict.followed, ours, known.verdict.attached)
        return known.verdict

    def _follow(self, route: Route) -> FollowedRoute:
        self.routes_followed += 1
        return follow_route(route, self.context)

    def _parents(self, route: Route, ours: OurGateways) -> tuple[object, ...]:
        """Return what the route's attachment depends on."""
        found: list[object] = [self._namespace(route)]
        for ref in route.content.parent_refs:
            target = parent_gateway(route.key, ref)
            if target is not None:
                mine = ours.get(target)
                found += [self._state.of(GATEWAY).get(target), mine.gateway if mine is not None else None]
        return tuple(found)

    def _namespace(self, route: Route) -> ApiObject[NamespaceBody] | None:
        return self._state.of(NAMESPACE).get(ObjectKey(CORE_GROUP, "Namespace", "", route.key.namespace))

    def _attach(self, followed: FollowedRoute, ours: OurGateways, before: Attachments) -> RouteVerdict:
        route = followed.resolved.route
        namespace = self._namespace(route)
        parents = tuple(
            attach(route, position, target, ours[target].listeners, namespace)
            for position, ref in enumerate(route.content.parent_refs)
            if (target := parent_gateway(route.key, ref)) is not None and target in ours
        )
        attached: dict[tuple[ObjectKey, str], AttachedRoute] = {}
        for parent in parents:
            for listener, hostnames in parent.hostnames.items():
                place = (parent.gateway, listener)
                attached[place] = keep_equal(before.get(place), AttachedRoute(followed.resolved, hostnames))
        orphaned = tuple(_orphaned(route, self._state.of(GATEWAY)))
        return RouteVerdict(followed, parents, orphaned, attached)


def _orphaned(route: Route, gateways: Objects[GatewaySpec]) -> list[Fault]:
    """Find parentRefs that cannot have been meant: nothing stands behind them."""
    if not route.content.parent_refs:
        message = "has no parentRefs, so no Gateway takes it; name one under spec.parentRefs"
        return [Fault(Reason.NO_MATCHING_PARENT, message)]
    return [
        not_found(Reason.NO_MATCHING_PARENT, target, ("spec", "parentRefs", position))
        for position, ref in enumerate(route.content.parent_refs)
        if (target := parent_gateway(route.key, ref)) is not None and target not in gateways
    ]
