"""What one rule of a route refers to: backends, mirrors, the objects of ExtensionRef filters, policies on it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from egxds.model.api.core import ExtensionBody
from egxds.model.api.filters import RouteFilter
from egxds.model.api.kinds import ExtensionKinds
from egxds.model.api.mirrors import RequestMirror
from egxds.model.api.object import ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.api.references import BackendObjectReference, LocalObjectReference
from egxds.model.api.routes import RouteRule, RouteSpec
from egxds.model.api.validation import Path
from egxds.model.resolve.backend_tls import BackendTlsBook
from egxds.model.resolve.backends import BackendFollowing
from egxds.model.resolve.connection_access import asked_of_route
from egxds.model.resolve.denials import backend_denial, rule_denials
from egxds.model.resolve.dropped_rules import covered_by, unservable_filters, unservable_parts
from egxds.model.resolve.effective_policies import EffectivePolicies, PoliciesInForce
from egxds.model.resolve.endpoints import EndpointBook
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.filter_conflicts import filter_conflicts
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.policy_book import PolicyBook
from egxds.model.resolve.policy_targets import policies_on
from egxds.model.resolve.references import backend_target, kind_text, not_found
from egxds.model.resolve.resolved import ResolvedBackend, ResolvedMirror, ResolvedRule
from egxds.model.resolve.route_filters import FilterPlace, RuleFilter, follow_filter, is_filter_object
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.upstreams import EndpointsShape
from egxds.object_key import ObjectKey

_NO_POSITION = -1
"""Of the backend of a mirror: it is none of the rule's (Envoy Gateway's names have it so)."""

Route = ApiObject[RouteSpec]


@dataclass(frozen=True, slots=True)
class ResolveContext:
    """What routes are followed in.

    Attributes:
        index: finds the objects.
        endpoints: knows those of backends.
        policies: knows what is on a route.
        encryption: knows which backends are spoken to by TLS.
        effective: knows what policies ask of requests.
        kinds: those that belong to extensions.
    """

    index: ObjectIndex
    endpoints: EndpointBook
    policies: PolicyBook
    encryption: BackendTlsBook
    effective: EffectivePolicies
    kinds: ExtensionKinds


def mirrors_of(rule: RouteRule) -> Iterator[tuple[int | None, int, RequestMirror]]:
    """Yield the mirrors of a rule, each with the position of its backendRef, None for the rule itself, and its own."""
    lists = ((None, rule.filters), *((at, rule.filters_of(at)) for at in range(len(rule.backend_refs))))
    for of, filters in lists:
        for position, entry in enumerate(filters):
            if entry.request_mirror is not None:
                yield of, position, entry.request_mirror


def extension_targets(route: Route, filters: tuple[RouteFilter, ...]) -> Iterator[tuple[int, ObjectKey]]:
    """Yield the positions of ExtensionRef filters, of a rule or a backendRef, with the objects that they name."""
    for position, entry in enumerate(filters):
        if entry.extension_ref is not None:
            yield position, _extension_target(route, entry.extension_ref)


def _extension_target(route: Route, ref: LocalObjectReference) -> ObjectKey:
    return ObjectKey(ref.group, ref.kind, route.key.namespace, ref.name)


def filter_targets(route: Route, rule: RouteRule) -> Iterator[ObjectKey]:
    """Yield the HTTPRouteFilters that a rule names, and its backendRefs."""
    lists = (rule.filters, *map(rule.filters_of, range(len(rule.backend_refs))))
    targets = (target for filters in lists for _, target in extension_targets(route, filters))
    return (target for target in targets if is_filter_object(target))


def _faults_of(found: Iterable[RuleFilter]) -> Iterator[Fault]:
    return (fault for each in found for fault in each.faults)


@dataclass(frozen=True, slots=True)
class RuleFollowing:
    """The following of one rule's references.

    Attributes:
        route: whose rule it is.
        position: of the rule, 0 for the first.
        rule: the rule.
        context: what it is followed in.
    """

    route: Route
    position: int
    rule: RouteRule
    context: ResolveContext

    def follow(self) -> tuple[ResolvedRule, list[Fault]]:
        """Return the rule with what its references lead to, and those that lead nowhere."""
        extensions, unknown, faults = self._extensions()
        route_filters, found = self._route_filters(self.rule.filters, self._at)
        faults.extend(found)
        refusal = "; ".join(fault.message for fault in faults)
        backends = []
        for position in range(len(self.rule.backend_refs)):
            backend, found = self._backend(position, route_filters)
            backends.append(backend)
            faults.extend(found)
        mixed = self._mixed_dynamic(backends)
        if mixed is not None:
            faults.append(mixed)
            refusal = "; ".join(filter(None, (refusal, mixed.message)))
        mirrors, found = self._mirrors()
        faults.extend(found)
        in_force = self._in_force()
        denials = rule_denials(self.route, self.position, self.context.policies, in_force)
        policies = self._policies()
        dropped = tuple(self._dropped(unknown, route_filters))
        rule = ResolvedRule(
            index=self.position,
            backends=tuple(backends),
            extensions=tuple(extensions),
            route_filters=route_filters,
            refusal=refusal,
            policies=policies,
            denials=denials,
            in_force=in_force,
            dropped=dropped,
            covered=covered_by(self.rule, decides=bool(denials or policies or in_force)) if dropped else (),
            mirrors=tuple(mirrors),
            behind=tuple(self._behind()),
        )
        return rule, faults

    def _dropped(self, unknown: Iterable[Fault], route_filters: tuple[RuleFilter, ...]) -> Iterator[Fault]:
        """Say why the rule cannot be served, whatever its references lead to; to nobody lead those that are unknown."""
        yield from unservable_parts(self.rule, self._at)
        yield from unknown
        yield from _faults_of(route_filters)
        yield from filter_conflicts(self.rule.filters, route_filters, (*self._at, "filters"))

    def _mixed_dynamic(self, backends: list[ResolvedBackend]) -> Fault | None:
        """Refuse a rule with a backend that resolves hosts beside others, as Envoy Gateway does."""
        if len(backends) == 1 or all(each.shape is not EndpointsShape.DYNAMIC for each in backends):
            return None
        message = "dynamic resolver is not supported for multiple backendRefs: give it a rule of its own"
        return Fault(Reason.INVALID_BACKEND_REF, message, ("spec", "rules", self.position))

    def _behind(self) -> Iterator[object]:
        """Yield what the objects say that backends and mirrors are found by, and those that permit it."""
        mirrored = (mirror.backend_ref for _, _, mirror in mirrors_of(self.rule))
        for target in filter_targets(self.route, self.rule):
            found = self.context.index.state.find(target)
            if found is not None:
                yield found.meta.labels, found.meta.annotations, found.content
        for ref in (*self.rule.backend_refs, *mirrored):
            target = backend_target(self.route.key, ref)
            found = self.context.index.state.find(target)
            if found is not None:
                yield found.meta.labels, found.meta.annotations, found.content
            if target.namespace != self.route.key.namespace:
                yield self.context.index.grants(target.namespace)

    def _backend(self, position: int, of_rule: tuple[RuleFilter, ...]) -> tuple[ResolvedBackend, list[Fault]]:
        ref, path = self.rule.backend_refs[position], self._path("backendRefs", position)
        filters = self.rule.filters_of(position)
        own, faults = self._route_filters(filters, path, of_backend=True)
        every = ((*self.rule.filters, *filters), (*of_rule, *own))
        contending = filter_conflicts(*every, (*path, "filters")) if own else iter(())
        unserved = next(
            (fault for fault in chain(unservable_filters(filters, path), faults, _faults_of(own), contending)), None
        )
        if unserved is not None:
            return ResolvedBackend(position, ref.weight, refusal=unserved.message), [unserved]
        return self._reached(ref, path, ResolvedBackend(position, ref.weight, filters=filters, route_filters=own))

    def _reached(
        self, ref: BackendObjectReference, path: Path, backend: ResolvedBackend
    ) -> tuple[ResolvedBackend, list[Fault]]:
        """Return a backend with what is behind its reference."""
        kind = ROUTE_KINDS[self.route.key.group_kind]
        context = self.context
        following = BackendFollowing(self.route.key, kind, ref, path, context.index, context.encryption)
        found = following.follow(context.kinds)
        if not isinstance(found, Fault):
            target = backend_target(self.route.key, ref)
            found = backend_denial(target, ref.port, path, self.context.index, self.context.policies) or found
        if isinstance(found, Fault):
            return replace(backend, refusal=found.message), [found]
        if isinstance(found, ApiObject):
            return replace(backend, custom=found, protocol=kind.upstream[0]), []
        shape, closed = self.context.endpoints.shape(found.key), self.context.endpoints.refusal(found.key)
        # Its endpoints stay looked at: it is followed again when they are others.
        reached = replace(
            backend,
            endpoints=found.key,
            shape=shape,
            refusal=closed,
            protocol=found.protocol,
            is_fallback=found.is_fallback,
            tls=found.tls,
            closed=context.endpoints.closed_ranges if shape is EndpointsShape.DYNAMIC else None,
        )
        faults = [Fault(Reason.UNSUPPORTED_VALUE, f"{found.key.backend}: {closed}", path)] if closed else []
        return reached, faults

    def _mirrors(self) -> tuple[list[ResolvedMirror], list[Fault]]:
        """Return the mirrors that can be used; to one that cannot nothing is sent, and the rule serves all the same."""
        mirrors: list[ResolvedMirror] = []
        faults: list[Fault] = []
        for of, position, mirror in mirrors_of(self.rule):
            where = ("backendRefs", of) if of is not None else ()
            path = ("spec", "rules", self.position, *where, "filters", position, "requestMirror", "backendRef")
            backend, found = self._reached(mirror.backend_ref, path, ResolvedBackend(_NO_POSITION, 1))
            faults.extend(found)
            if not backend.refusal:
                mirrors.append(ResolvedMirror(position, backend, mirror.part, of))
        return mirrors, faults

    def _in_force(self) -> PoliciesInForce:
        rules = [rule.name for rule in self.route.content.rules if rule.name]
        found = self.context.effective.at_rule(self.route.key, self.rule.name or "", rules)
        return asked_of_route(self.route.key, found)

    def _policies(self) -> tuple[ApiObject[PolicyBody], ...]:
        sections = (self.rule.name,) if self.rule.name else ()
        return policies_on(self.context.policies.on(self.route.key), sections)

    def _extensions(self) -> tuple[list[ApiObject[ExtensionBody]], list[Fault], list[Fault]]:
        """Return the objects of its filters; those of kinds that nobody knows; and those that are not there."""
        extensions: list[ApiObject[ExtensionBody]] = []
        unknown: list[Fault] = []
        faults: list[Fault] = []
        for position, target in extension_targets(self.route, self.rule.filters):
            path = self._path("filters", position)
            found = self.context.index.extension(target)
            if is_filter_object(target):
                continue
            if (target.group, target.kind) not in self.context.kinds.filters:
                kind = kind_text(target.group, target.kind)
                message = f"no extension brings the kind {kind}; see resources in the settings"
                unknown.append(Fault(Reason.UNSUPPORTED_VALUE, message, path))
            elif found is None:
                faults.append(not_found(Reason.BACKEND_NOT_FOUND, target, path))
            else:
                extensions.append(found)
        return extensions, unknown, faults

    def _route_filters(
        self, filters: tuple[RouteFilter, ...], path: Path, *, of_backend: bool = False
    ) -> tuple[tuple[RuleFilter, ...], list[Fault]]:
        """Return what the HTTPRouteFilters come to that some filters name; and those that are not there."""
        found: list[RuleFilter] = []
        faults: list[Fault] = []
        needs_message = ROUTE_KINDS[self.route.key.group_kind].needs_message
        for position, target in extension_targets(self.route, filters):
            if is_filter_object(target):
                place = FilterPlace((*path, "filters", position), needs_message, of_backend)
                each = follow_filter(target, place, self.context.index)
                (faults if isinstance(each, Fault) else found).append(each)  # type: ignore[arg-type]
        return tuple(found), faults

    @property
    def _at(self) -> Path:
        return ("spec", "rules", self.position)

    def _path(self, field: str, position: int) -> Path:
        return (*self._at, field, position)
