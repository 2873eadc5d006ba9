"""What concerns the rules of a route: backends, the objects of ExtensionRef filters, policies of extensions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from egxds.model.api.core import ExtensionBody
from egxds.model.api.kinds import ExtensionKinds
from egxds.model.api.object import ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.api.references import LocalObjectReference
from egxds.model.api.routes import RouteRule, RouteSpec
from egxds.model.api.validation import Path
from egxds.model.resolve.backends import BackendFollowing, backend_dependencies
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.policy_targets import PolicyBook, policies_on
from egxds.model.resolve.references import kind_text, not_found
from egxds.model.resolve.resolved import EndpointAddress, EndpointsKey, ResolvedBackend, ResolvedRoute, ResolvedRule
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.object_key import ObjectKey

Route = ApiObject[RouteSpec]


@dataclass(frozen=True, slots=True)
class ResolveContext:
    """What routes are followed in.

    Attributes:
        index: finds the objects.
        policies: knows what is on a route.
        kinds: those that belong to extensions.
    """

    index: ObjectIndex
    policies: PolicyBook
    kinds: ExtensionKinds


@dataclass(frozen=True, slots=True)
class FollowedRoute:
    """A route whose references were followed.

    Attributes:
        resolved: the route as it is handed on.
        faults: references that lead nowhere or are refused.
        endpoints: of its backends.
    """

    resolved: ResolvedRoute
    faults: tuple[Fault, ...]
    endpoints: Mapping[EndpointsKey, tuple[EndpointAddress, ...]]


def route_dependencies(route: Route, context: ResolveContext) -> tuple[object, ...]:
    """Return everything that decides how a route's references are followed; compare it by identity."""
    index = context.index
    found: list[object] = [route, context.policies.on(route.key)]
    for rule in route.content.rules:
        for ref in rule.backend_refs:
            found.extend(backend_dependencies(route.key, ref, index))
        found.extend(index.extension(target) for _, target in _extension_targets(route, rule))
    return tuple(found)


def follow_route(route: Route, context: ResolveContext) -> FollowedRoute:
    """Follow all references of a route, and find the policies on it."""
    rules, faults, endpoints = [], [], {}
    for position, rule in enumerate(route.content.rules):
        following = _RuleFollowing(route, position, rule, context)
        resolved, found = following.follow()
        rules.append(resolved)
        faults.extend(found)
        endpoints.update(following.endpoints)
    return FollowedRoute(ResolvedRoute(route, tuple(rules)), tuple(faults), endpoints)


def _extension_targets(route: Route, rule: RouteRule) -> Iterator[tuple[int, ObjectKey]]:
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
    rule: RouteRule
    context: ResolveContext
    endpoints: dict[EndpointsKey, tuple[EndpointAddress, ...]] = field(default_factory=dict)

    def follow(self) -> tuple[ResolvedRule, list[Fault]]:
        extensions, faults = self._extensions()
        refusal = "; ".join(fault.message for fault in faults)
        backends = []
        for position in range(len(self.rule.backend_refs)):
            backend, found = self._backend(position)
            backends.append(backend)
            faults.extend(found)
        return ResolvedRule(self.position, tuple(backends), tuple(extensions), refusal, self._policies()), faults

    def _backend(self, position: int) -> tuple[ResolvedBackend, list[Fault]]:
        ref, kind = self.rule.backend_refs[position], ROUTE_KINDS[self.route.key.group_kind]
        path = self._path("backendRefs", position)
        found = BackendFollowing(self.route.key, kind, ref, path, self.context.index).follow(self.context.kinds)
        if isinstance(found, Fault):
            return ResolvedBackend(position, ref.weight, refusal=found.message), [found]
        if isinstance(found, ApiObject):
            return ResolvedBackend(position, ref.weight, custom=found, protocol=kind.upstream[0]), []
        self.endpoints[found.key] = found.addresses
        return ResolvedBackend(position, ref.weight, found.key, found.shape, protocol=found.protocol), []

    def _policies(self) -> tuple[ApiObject[PolicyBody], ...]:
        sections = (self.rule.name,) if self.rule.name else ()
        return policies_on(self.context.policies.on(self.route.key), sections)

    def _extensions(self) -> tuple[list[ApiObject[ExtensionBody]], list[Fault]]:
        extensions: list[ApiObject[ExtensionBody]] = []
        faults: list[Fault] = []
        for position, target in _extension_targets(self.route, self.rule):
            path = self._path("filters", position)
            found = self.context.index.extension(target)
            if (target.group, target.kind) not in self.context.kinds.filters:
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
