"""What the rules of a route refer to: its backends and the objects of its ExtensionRef filters. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.backends import backend_dependencies, resolve_backend
from egxds.model.conditions import Fault, Reason
from egxds.model.findings import Path
from egxds.model.index import ObjectIndex
from egxds.model.kinds import GroupKind
from egxds.model.objects import (
    ApiObject,
    ExtensionBody,
    HttpRouteRule,
    HttpRouteSpec,
    LocalObjectReference,
    ObjectKey,
)
from egxds.model.references import kind_text, not_found
from egxds.model.resolved import ResolvedBackend, ResolvedRoute, ResolvedRule

Route = ApiObject[HttpRouteSpec]


@dataclass(frozen=True, slots=True)
class FollowedRoute:
    """A route whose references were followed.

    Attributes:
        resolved: the route as it is handed on.
        faults: references that lead nowhere or are refused.
    """

    resolved: ResolvedRoute
    faults: tuple[Fault, ...]


def route_dependencies(route: Route, index: ObjectIndex) -> tuple[object, ...]:
    """Return everything that decides how a route's references are followed; compare it by identity."""
    found: list[object] = [route]
    for rule in route.content.rules:
        for ref in rule.backend_refs:
            found.extend(backend_dependencies(route.key, ref, index))
        found.extend(index.state.extensions.get(target) for _, target in _extension_targets(route, rule))
    return tuple(found)


def follow_route(route: Route, index: ObjectIndex, extension_kinds: frozenset[GroupKind]) -> FollowedRoute:
    """Follow all references of a route.

    Args:
        route: the route.
        index: finds the objects.
        extension_kinds: kinds that a filter may name.
    """
    rules, faults = [], []
    for position, rule in enumerate(route.content.rules):
        following = _RuleFollowing(route, position, rule, index, extension_kinds)
        resolved, found = following.follow()
        rules.append(resolved)
        faults.extend(found)
    return FollowedRoute(ResolvedRoute(route, tuple(rules)), tuple(faults))


def _extension_targets(route: Route, rule: HttpRouteRule) -> Iterator[tuple[int, ObjectKey]]:
    for position, entry in enumerate(rule.filters):
        if entry.extension_ref is not None:
            yield position, _extension_target(route, entry.extension_ref)


def _extension_target(route: Route, ref: LocalObjectReference) -> ObjectKey:
    return ObjectKey(ref.group, ref.kind, route.key.namespace, ref.name)


@dataclass(frozen=True, slots=True)
class _RuleFollowing:
    """The following of one rule's references."""

    route: Route
    position: int
    rule: HttpRouteRule
    index: ObjectIndex
    extension_kinds: frozenset[GroupKind]

    def follow(self) -> tuple[ResolvedRule, list[Fault]]:
        extensions, faults = self._extensions()
        refusal = "; ".join(fault.message for fault in faults)
        backends = []
        for index, ref in enumerate(self.rule.backend_refs):
            found = resolve_backend(self.route.key, ref, self._path("backendRefs", index), self.index)
            if isinstance(found, Fault):
                faults.append(found)
                backends.append(ResolvedBackend(index, ref.weight, (), found.message))
            else:
                backends.append(ResolvedBackend(index, ref.weight, found))
        return ResolvedRule(self.position, tuple(backends), tuple(extensions), refusal), faults

    def _extensions(self) -> tuple[list[ApiObject[ExtensionBody]], list[Fault]]:
        extensions: list[ApiObject[ExtensionBody]] = []
        faults: list[Fault] = []
        for position, target in _extension_targets(self.route, self.rule):
            path = self._path("filters", position)
            found = self.index.state.extensions.get(target)
            if (target.group, target.kind) not in self.extension_kinds:
                kind = kind_text(target.group, target.kind)
                message = f"no extension brings the kind {kind}; see resources in the settings"
                faults.append(Fault(Reason.INVALID_KIND, message, path))
            elif found is None:
                faults.append(not_found(Reason.BACKEND_NOT_FOUND, target, path))
            else:
                extensions.append(found)
        return extensions, faults

    def _path(self, field: str, position: int) -> Path:
        return ("spec", "rules", self.position, field, position)
