"""What concerns the rules of a route: backends, the objects of ExtensionRef filters, policies of extensions. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.resolve.backends import backend_queries
from egxds.model.resolve.dependents import Query
from egxds.model.resolve.faults import Fault
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.resolved import ResolvedRoute
from egxds.model.resolve.route_filters import filter_queries
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.rule_references import (
    ResolveContext,
    Route,
    RuleFollowing,
    extension_targets,
    filter_targets,
    mirrors_of,
)
from egxds.model.resolve.upstreams import EndpointsKey


@dataclass(frozen=True, slots=True)
class FollowedRoute:
    """A route whose references were followed.

    Attributes:
        resolved: the route as it is handed on.
        faults: references that lead nowhere or are refused.
    """

    resolved: ResolvedRoute
    faults: tuple[Fault, ...]

    @property
    def dropped(self) -> tuple[Fault, ...]:
        """What of its rules cannot be served."""
        return tuple(fault for rule in self.resolved.rules for fault in rule.dropped)

    @property
    def endpoints(self) -> frozenset[EndpointsKey]:
        """Where the endpoints of its backends are."""
        return frozenset(key for rule in self.resolved.rules for key in rule.endpoints)


def route_queries(route: Route, index: ObjectIndex) -> Iterator[Query]:
    """Yield everything that the following of a route's references asks for, the policies on it aside.

    Args:
        route: the route.
        index: finds the HTTPRouteFilters that it names, which ask for more.
    """
    kind = ROUTE_KINDS[route.key.group_kind]
    for rule in route.content.rules:
        for ref in rule.backend_refs:
            yield from backend_queries(route.key, kind, ref)
        for _, _, mirror in mirrors_of(rule):
            yield from backend_queries(route.key, kind, mirror.backend_ref)
        yield from (target for _, target in extension_targets(route, rule.filters))
        for target in filter_targets(route, rule):
            yield target
            yield from filter_queries(target, index)


def follow_route(route: Route, context: ResolveContext, before: FollowedRoute | None = None) -> FollowedRoute:
    """Follow all references of a route, and find the policies on it.

    Args:
        route: the route.
        context: what it is followed in.
        before: how it was followed the last time.

    Returns:
        What came of it; the very route of before is handed on where it and all that is behind it are the same.
    """
    found = [
        RuleFollowing(route, position, rule, context).follow() for position, rule in enumerate(route.content.rules)
    ]
    rules = tuple(rule for rule, _ in found)
    faults = tuple(fault for _, of_one in found for fault in of_one)
    is_same = before is not None and before.resolved.route is route and before.resolved.rules == rules
    resolved = before.resolved if before and is_same else ResolvedRoute(route, rules)
    return FollowedRoute(resolved, faults)
