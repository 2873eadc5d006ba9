"""What one rule of a route refers to: backends, mirrors, the objects of ExtensionRef filters, policies on it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from egxds.model.api.core import ExtensionBody
from egxds.model.api.kinds import ExtensionKinds
from egxds.model.api.mirrors import RequestMirror
from egxds.model.api.object import ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.api.references import BackendObjectReference, LocalObjectReference
from egxds.model.api.routes import RouteRule, RouteSpec
from egxds.model.api.validation import Path
from egxds.model.resolve.backend_tls import BackendTlsBook
from egxds.model.resolve.backends import BackendFollowing
from egxds.model.resolve.denials import backend_denial, rule_denials
from egxds.model.resolve.dropped_rules import covered_by, unservable_filters, unservable_parts
from egxds.model.resolve.endpoints import EndpointBook
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.policy_book import PolicyBook
from egxds.model.resolve.policy_targets import policies_on
from egxds.model.resolve.references import backend_target, kind_text, not_found
from egxds.model.resolve.resolved import ResolvedBackend, ResolvedMirror, ResolvedRule
from egxds.model.resolve.route_kinds import ROUTE_KINDS
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
        kinds: those that belong to extensions.
    """

    index: ObjectIndex
    endpoints: EndpointBook
    policies: PolicyBook
    encryption: BackendTlsBook
    kinds: ExtensionKinds


def mirrors_of(rule: RouteRule) -> Iterator[tuple[int | None, int, RequestMirror]]:
    """Yield the mirrors of a rule, each with the position of its backendRef, None for the rule itself, and its own."""
    lists = ((None, rule.filters), *((at, rule.filters_of(at)) for at in range(len(rule.backend_refs))))
    for of, filters in lists:
        for position, entry in enumerate(filters):
            if entry.request_mirror is not None:
                yield of, position, entry.request_mirror


def extension_targets(route: Route, rule: RouteRule) -> Iterator[tuple[int, ObjectKey]]:
    """Yield the positions of a rule's ExtensionRef filters, with the objects that they name."""
    for position, entry in enumerate(rule.filters):
        if entry.extension_ref is not None:
            yield position, _extension_target(route, entry.extension_ref)


def _extension_target(route: Route, ref: LocalObjectReference) -> ObjectKey:
    return ObjectKey(ref.group, ref.kind, route.key.namespace, ref.name)


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
        refusal = "; ".join(fault.message for fault in faults)
        backends = []
        for position in range(len(self.rule.backend_refs)):
            backend, found = self._backend(position)
            backends.append(backend)
            faults.extend(found)
        mirrors, found = self._mirrors()
        faults.extend(found)
        denials = rule_denials(self.route, self.position, self.context.policies)
        policies = self._policies()
        dropped = (*unservable_parts(self.rule, ("spec", "rules", self.position)), *unknown)
        rule = ResolvedRule(
            index=self.position,
            backends=tuple(backends),
            extensions=tuple(extensions),
            refusal=refusal,
            policies=policies,
            denials=denials,
            dropped=dropped,
            covered=covered_by(self.rule, decides=bool(denials or policies)) if dropped else (),
            mirrors=tuple(mirrors),
            behind=tuple(self._behind()),
        )
        return rule, faults

    def _behind(self) -> Iterator[object]:
        """Yield what the objects say that backends and mirrors are found by, and those that permit it."""
        mirrored = (mirror.backend_ref for _, _, mirror in mirrors_of(self.rule))
        for ref in (*self.rule.backend_refs, *mirrored):
            target = backend_target(self.route.key, ref)
            found = self.context.index.state.find(target)
            if found is not None:
                yield found.meta.labels, found.meta.annotations, found.content
            if target.namespace != self.route.key.namespace:
                yield self.context.index.grants(target.namespace)

    def _backend(self, position: int) -> tuple[ResolvedBackend, list[Fault]]:
        ref, path = self.rule.backend_refs[position], self._path("backendRefs", position)
        filters = self.rule.filters_of(position)
        unserved = next(unservable_filters(filters, path), None)
        if unserved is not None:
            return ResolvedBackend(position, ref.weight, refusal=unserved.message), [unserved]
        return self._reached(ref, path, ResolvedBackend(position, ref.weight, filters=filters))

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

    def _policies(self) -> tuple[ApiObject[PolicyBody], ...]:
        sections = (self.rule.name,) if self.rule.name else ()
        return policies_on(self.context.policies.on(self.route.key), sections)

    def _extensions(self) -> tuple[list[ApiObject[ExtensionBody]], list[Fault], list[Fault]]:
        """Return the objects of its filters; those of kinds that nobody knows; and those that are not there."""
        extensions: list[ApiObject[ExtensionBody]] = []
        unknown: list[Fault] = []
        faults: list[Fault] = []
        for position, target in extension_targets(self.route, self.rule):
            path = self._path("filters", position)
            found = self.context.index.extension(target)
            if (target.group, target.kind) not in self.context.kinds.filters:
                kind = kind_text(target.group, target.kind)
                message = f"no extension brings the kind {kind}; see resources in the settings"
                unknown.append(Fault(Reason.UNSUPPORTED_VALUE, message, path))
            elif found is None:
                faults.append(not_found(Reason.BACKEND_NOT_FOUND, target, path))
            else:
                extensions.append(found)
        return extensions, unknown, faults

    def _path(self, field: str, position: int) -> Path:
        return ("spec", "rules", self.position, field, position)
