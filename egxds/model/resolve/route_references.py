"""What concerns the rules of a route: backends, the objects of ExtensionRef filters, policies of extensions. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.api.core import ExtensionBody
from egxds.model.api.kinds import ExtensionKinds
from egxds.model.api.object import ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.api.references import LocalObjectReference
from egxds.model.api.routes import RouteRule, RouteSpec
from egxds.model.api.validation import Path
from egxds.model.resolve.backends import BackendFollowing, backend_queries
from egxds.model.resolve.denials import backend_denial, rule_denials
from egxds.model.resolve.dependents import Query
from egxds.model.resolve.endpoints import EndpointBook
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.policy_book import PolicyBook
from egxds.model.resolve.policy_targets import policies_on
from egxds.model.resolve.references import backend_target, kind_text, not_found
from egxds.model.resolve.resolved import EndpointsKey, ResolvedBackend, ResolvedRoute, ResolvedRule
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.object_key import ObjectKey

Route = ApiObject[RouteSpec]


@dataclass(frozen=True, slots=True)
class ResolveContext:
    """What routes are followed in.

    Attributes:
        index: finds the objects.
        endpoints: knows those of backends.
        policies: knows what is on a route.
        kinds: those that belong to extensions.
    """

    index: ObjectIndex
    endpoints: EndpointBook
    policies: PolicyBook
    kinds: ExtensionKinds


@dataclass(frozen=True, slots=True)
class FollowedRoute:
    """A route whose references were followed.

    Attributes:
        resolved: the route as it is handed on.
        faults: references that lead nowhere or are refused.
        unserved: filters that are not served, so that their rules answer 500.
    """

    resolved: ResolvedRoute
    faults: tuple[Fault, ...]
    unserved: tuple[Fault, ...] = ()

    @property
    def endpoints(self) -> frozenset[EndpointsKey]:
        """Where the endpoints of its backends are."""
        backends = (backend for rule in self.resolved.rules for backend in rule.backends)
        return frozenset(backend.endpoints for backend in backends if backend.endpoints is not None)


def route_queries(route: Route) -> Iterator[Query]:
    """Yield everything that the following of a route's references asks for, the policies on it aside."""
    for rule in route.content.rules:
        for ref in rule.backend_refs:
            yield from backend_queries(route.key, ref)
        for _, target in _extension_targets(route, rule):
            yield target


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
        _RuleFollowing(route, position, rule, context).follow() for position, rule in enumerate(route.content.rules)
    ]
    rules = tuple(rule for rule, _ in found)
    faults = tuple(fault for _, of_one in found for fault in of_one)
    is_same = before is not None and before.resolved.route is route and before.resolved.rules == rules
    resolved = before.resolved if before and is_same else ResolvedRoute(route, rules)
    return FollowedRoute(resolved, faults, tuple(unserved_filters(route)))


def unserved_filters(route: Route) -> Iterator[Fault]:
    """Name the filters of a route that are not served."""
    for position, rule in enumerate(route.content.rules):
        yield from _unserved_filters(rule, position)


def _unserved_filters(rule: RouteRule, position: int) -> Iterator[Fault]:
    for at, entry in enumerate(rule.filters):
        if entry.type in entry.unserved_types:
            message = f"filters of type {entry.type} are not served here, so the rule answers 500; delete the filter"
            yield Fault(Reason.UNSUPPORTED_VALUE, message, ("spec", "rules", position, "filters", at))


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

    def follow(self) -> tuple[ResolvedRule, list[Fault]]:
        """Return the rule with what its references lead to, and those that lead nowhere."""
        extensions, faults = self._extensions()
        refusal = "; ".join(fault.message for fault in faults)
        backends = []
        for position in range(len(self.rule.backend_refs)):
            backend, found = self._backend(position)
            backends.append(backend)
            faults.extend(found)
        unserved = (fault.message for fault in _unserved_filters(self.rule, self.position))
        denials = (*rule_denials(self.route, self.position, self.context.policies), *unserved)
        named = tuple(extensions), refusal, self._policies()
        return ResolvedRule(self.position, tuple(backends), *named, denials, tuple(self._behind())), faults

    def _behind(self) -> Iterator[object]:
        """Yield what the objects say that backendRefs lead to, and those that permit it."""
        for ref in self.rule.backend_refs:
            target = backend_target(self.route.key, ref)
            found = self.context.index.state.find(target)
            if found is not None:
                yield found.meta.labels, found.meta.annotations, found.content
            if target.namespace != self.route.key.namespace:
                yield self.context.index.grants(target.namespace)

    def _backend(self, position: int) -> tuple[ResolvedBackend, list[Fault]]:
        ref, kind = self.rule.backend_refs[position], ROUTE_KINDS[self.route.key.group_kind]
        path = self._path("backendRefs", position)
        found = BackendFollowing(self.route.key, kind, ref, path, self.context.index).follow(self.context.kinds)
        if not isinstance(found, Fault):
            target = backend_target(self.route.key, ref)
            found = backend_denial(target, ref.port, path, self.context.index, self.context.policies) or found
        if isinstance(found, Fault):
            return ResolvedBackend(position, ref.weight, refusal=found.message), [found]
        if isinstance(found, ApiObject):
            return ResolvedBackend(position, ref.weight, custom=found, protocol=kind.upstream[0]), []
        shape, closed = self.context.endpoints.shape(found.key), self.context.endpoints.refusal(found.key)
        # Its endpoints stay looked at: it is followed again when they are others.
        backend = ResolvedBackend(
            position, ref.weight, found.key, shape, closed, protocol=found.protocol, is_fallback=found.is_fallback
        )
        faults = [Fault(Reason.UNSUPPORTED_VALUE, f"{found.key.backend}: {closed}", path)] if closed else []
        return backend, faults

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
