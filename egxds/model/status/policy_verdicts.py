"""What becomes of each policy at each of its targets. Pure; decides again what changed.

Source: Gateway API v1.6, PolicyStatus. An ancestor is a Gateway of ours that the policy takes effect at, or
a ListenerSet for one. A target that does not exist, or can have no policies, has no Gateway: it is its own ancestor.

The unit is a policy at one object. It is decided again where the policy is about that object otherwise than before, or
where something else was decided about the object itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.model.api.backends import BACKEND, SERVICE
from egxds.model.resolve.attachment import ParentVerdict, RouteParent
from egxds.model.resolve.backend_tls import BackendTlsBook, TlsVerdict
from egxds.model.resolve.backends import backend_sections
from egxds.model.resolve.client_traffic import TrafficBook
from egxds.model.resolve.connection_access import asked_of_route
from egxds.model.resolve.effective_policies import EffectivePolicy
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.table import APPLIED_KINDS
from egxds.model.resolve.gateways import GatewayBook
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.parents import LISTENER_OWNERS
from egxds.model.resolve.policy_book import PolicyBook, PolicyEdit
from egxds.model.resolve.policy_kinds import PolicyEffect
from egxds.model.resolve.policy_targets import Policy, PolicyTarget
from egxds.model.resolve.references import kind_text, not_found
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.routes import RouteBook
from egxds.model.resolve.verdicts import RouteVerdict
from egxds.model.status.policy_reaches import Ancestor, Reach, Standing
from egxds.model.status.policy_scopes import Above, PolicyScopes, Scope, added_by
from egxds.object_key import GroupKind, ObjectKey
from egxds.settings.extension_apis import Patching

NOT_ENABLED = "EnvoyPatchPolicy is not enabled in the settings (extensionApis.enableEnvoyPatchPolicy)"

EMPTY_SCOPES: Revision[ObjectKey, Scope] = Revision()


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """What was decided about a policy.

    Attributes:
        policy: the policy.
        effect: what it does to what it covers.
        asked: what it decides on, for people, where it is of a kind that is not served.
        reaches: object → what came of the targets there.
        tls: what it asks of TLS to backends; None where it asks for none.
        applied: what it comes to by itself; None of one that is not applied to requests.
        below: Gateway or ListenerSet that it is for, or a route → policies of its kind that stand below it there.
        patching: whether policies of its kind are applied, where they patch.
    """

    policy: Policy
    effect: PolicyEffect
    asked: str
    reaches: Revision[ObjectKey, tuple[Reach, ...]]
    tls: TlsVerdict | None = None
    applied: EffectivePolicy | None = None
    below: Revision[ObjectKey, Scope] = EMPTY_SCOPES
    patching: Patching | None = None


_NOWHERE: Revision[ObjectKey, tuple[Reach, ...]] = Revision()
_Found = Mapping[tuple[ObjectKey, ObjectKey], tuple[Reach, ...]]
"""By policy and object."""


class PolicyVerdicts:
    """Knows what is decided about every policy."""

    def __init__(
        self,
        index: ObjectIndex,
        policies: PolicyBook,
        encryption: BackendTlsBook,
        traffic: TrafficBook,
        gateways: GatewayBook,
        routes: RouteBook,
    ) -> None:
        """Start without policies.

        Args:
            index: finds the objects.
            policies: knows their targets.
            encryption: knows what they ask of TLS to backends.
            traffic: knows what they ask of requests, and of connections listener by listener.
            gateways: knows which are ours.
            routes: knows where routes are attached, and backends used.
        """
        self._index = index
        self._policies = policies
        self._encryption = encryption
        self._effective = traffic.effective
        self._traffic = traffic
        self._gateways = gateways
        self._routes = routes
        self._scopes = PolicyScopes()
        self._verdicts: dict[ObjectKey, PolicyVerdict] = {}

    def update(self, edit: PolicyEdit, judged: Iterable[ObjectKey]) -> Mapping[ObjectKey, PolicyVerdict | None]:
        """Decide again about what changed.

        Args:
            edit: what changed about policies and their targets.
            judged: Gateways and routes about which something else was decided than before, and other objects that
                changed.

        Returns:
            Policy → what is decided about it now, None where it is gone.
        """
        targets: dict[ObjectKey, Mapping[ObjectKey, tuple[PolicyTarget, ...]]] = {}
        dirty: defaultdict[ObjectKey, set[ObjectKey]] = defaultdict(set, {key: set() for key in edit.policies})
        for key in {*edit.touched, *judged}:
            targets[key] = self._policies.at(key)
            for policy in {*edit.touched.get(key, ()), *targets[key]}:
                dirty[policy].add(key)
        found = {
            (policy, key): self._reaches(policy, targets[key].get(policy, ()))
            for policy, keys in dirty.items()
            for key in keys
        }
        for kind, key in self._put_below(found):
            for policy in self._policies.at(key) if key not in targets else targets[key]:
                if policy.group_kind == kind:
                    dirty[policy].add(key)
                    found.setdefault((policy, key), self._reaches(policy, self._policies.at(key)[policy]))
        return {policy: self._judge(policy, keys, found) for policy, keys in dirty.items()}

    def _put_below(self, found: _Found) -> AbstractSet[Above]:
        """Note what policies add below others; return the scopes that are others for it."""
        applied = ((at, reaches) for at, reaches in found.items() if at[0].group_kind in APPLIED_KINDS)
        changed = (self._scopes.put(*at, added_by(at[0], reaches, self._gateways.parents)) for at, reaches in applied)
        return frozenset[Above]().union(*changed)

    def _judge(self, key: ObjectKey, objects: AbstractSet[ObjectKey], found: _Found) -> PolicyVerdict | None:
        before, policy = self._verdicts.pop(key, None), self._policies.policy(key)
        if policy is None:
            return None
        known = before.reaches if before is not None else _NOWHERE
        now = {each: found[key, each] for each in objects if found[key, each]}
        reaches = known.edited({each: keep_equal(known.get(each), reach) for each, reach in now.items()}, objects)
        effect, asked = self._policies.effect(policy), self._policies.asked(policy)
        tls, applied = self._encryption.verdict(key), self._effective.of(key)
        below = self._below(before, key.group_kind, now) if applied is not None else EMPTY_SCOPES
        patching = self._policies.kinds[key.group_kind].patching
        now_judged = PolicyVerdict(policy, effect, asked, reaches, tls, applied, below, patching)
        verdict = self._verdicts[key] = keep_equal(before, now_judged)
        return verdict

    def _below(
        self, before: PolicyVerdict | None, kind: GroupKind, objects: Collection[ObjectKey]
    ) -> Revision[ObjectKey, Scope]:
        """Return what stands below a policy, at some of its objects as of now."""
        known = before.below if before is not None else EMPTY_SCOPES
        now = {key: self._scopes.of((kind, key)) for key in objects}
        return known.edited({key: scope for key, scope in now.items() if scope}, objects)

    def _reaches(self, key: ObjectKey, targets: Iterable[PolicyTarget]) -> tuple[Reach, ...]:
        policy = self._policies.policy(key)
        if policy is None:
            return ()
        return tuple(Reach(target, tuple(self._standings(policy, target))) for target in targets)

    def _standings(self, policy: Policy, target: PolicyTarget) -> Iterator[Standing]:
        allowed = self._policies.kinds[policy.key.group_kind].targets
        is_there = self._index.state.find(target.key) is not None
        effect = self._policies.effect(policy)
        is_denying = is_there and effect is PolicyEffect.DENIES
        unserved = self._unserved(policy, target) if is_denying else None
        is_used = is_there and target.key.group_kind in allowed and effect is PolicyEffect.ENCRYPTS
        for standing in self._at_backend(target) if is_used else self._find(policy, target, allowed):
            faults = (*standing.faults, unserved, _conflicted(target))
            yield replace(standing, faults=tuple(found for found in faults if found is not None))

    def _unserved(self, policy: Policy, target: PolicyTarget) -> Fault:
        patching = self._policies.kinds[policy.key.group_kind].patching
        if patching is None:
            return _unserved(policy, target, self._policies.asked(policy))
        closed = f"{target.key} {_denied(target)} until it is"
        if policy.content.asked is None:
            message = f"cannot be applied as it is written, and what it patches may decide on access: {closed} mended"
            return Fault(Reason.INVALID, message, target.path)
        return Fault(Reason.DISABLED, f"{NOT_ENABLED}, and what this one patches may decide on access: {closed}")

    def _find(self, policy: Policy, target: PolicyTarget, allowed: frozenset[GroupKind]) -> Iterator[Standing]:
        """Find what a policy has a status under; the shapes of a target are listeners, a route, another object."""
        group_kind = target.key.group_kind
        if group_kind not in allowed:
            there = " or ".join(kind for _, kind in sorted(allowed))
            message = f"a policy of this kind is for a {there}, not for a {kind_text(*group_kind)}"
            yield _standing(Ancestor(target.key), Fault(Reason.INVALID, message, target.path))
        elif group_kind in ROUTE_KINDS:
            yield from self._at_route(policy, target)
        elif group_kind in LISTENER_OWNERS:
            yield from self._at_listeners(policy, target)
        else:
            is_there = self._index.state.find(target.key) is not None
            missing = None if is_there else not_found(Reason.TARGET_NOT_FOUND, target.key, target.path)
            yield _standing(Ancestor(target.key, target.section), missing or self._unpatched(policy, target))

    def _unpatched(self, policy: Policy, target: PolicyTarget) -> Fault | None:
        """Say that a policy for a class patches nothing, since each of its Gateways is served by itself."""
        is_patching = self._policies.effect(policy) is PolicyEffect.PATCHES
        if not is_patching or self._gateways.merges_class(target.key.name):
            return None
        message = f"{target.key} does not ask for mergeGateways, so that a policy is to be for each of its Gateways"
        return Fault(Reason.INVALID, message, target.path)

    def _at_backend(self, target: PolicyTarget) -> Iterator[Standing]:
        """Find the Gateways at which routes use a backend, or the port of it that is meant."""
        service = self._index.state.of(SERVICE).get(target.key)
        backend = self._index.state.of(BACKEND).get(target.key)
        ports = {port.port: port.name for port in service.content.ports} if service is not None else {}
        named = backend_sections(backend.content) if backend is not None else tuple(filter(None, ports.values()))
        missing = _missing_section(target, "port", [*named])
        uses = self._routes.ancestors.of(target.key)
        is_whole = missing or not target.section or backend is not None
        meant = [each for each in uses if is_whole or ports.get(each.port or 0) == target.section]
        for gateway, listener in dict.fromkeys((each.gateway, each.listener) for each in meant):
            yield _standing(Ancestor(gateway, listener), missing)

    def _at_listeners(self, policy: Policy, target: PolicyTarget) -> Iterator[Standing]:
        ancestor = Ancestor(target.key, target.section)
        parent = self._gateways.parents.get(target.key)
        if parent is not None and parent.refusal:
            message = f"{target.key} has no part in {parent.gateway}: {parent.refusal}"
            yield _standing(ancestor, Fault(Reason.TARGET_NOT_FOUND, message, target.path))
        elif parent is not None:
            listeners = [entry.listener.name for entry in parent.listeners]
            missing = _missing_section(target, "listener", listeners)
            yield _standing(ancestor, missing) if missing else Standing(ancestor, self._at_each(policy, target, parent))
        elif self._index.state.find(target.key) is None:
            yield _standing(ancestor, not_found(Reason.TARGET_NOT_FOUND, target.key, target.path))

    def _at_each(self, policy: Policy, target: PolicyTarget, parent: RouteParent) -> tuple[Fault, ...]:
        """Say what cannot be done at single listeners of a target."""
        named = {entry.name for entry in parent.listeners if target.section in {"", entry.listener.name}}
        found = self._traffic.of(parent.gateway)
        is_all = target.key == parent.gateway and not target.section
        there = [each for name, each in found.items() if is_all or name in named]
        own = self._effective.of(policy.key)
        told = {*own.faults, *own.errors} if own is not None else set()
        faults = (fault for each in there if each.policy == policy.key for fault in (*each.faults, *each.errors))
        return tuple(dict.fromkeys(fault for fault in faults if fault not in told))

    def _at_route(self, policy: Policy, target: PolicyTarget) -> Iterator[Standing]:
        verdict = self._routes.verdict(target.key)
        if verdict is None:
            yield _standing(Ancestor(target.key), not_found(Reason.TARGET_NOT_FOUND, target.key, target.path))
            return
        rules = [rule.name for rule in verdict.route.content.rules if rule.name]
        missing = _missing_section(target, "rule", rules)
        unseen = self._unseen(policy, target)
        for parent in verdict.parents:
            ancestor = Ancestor(parent.key, parent.ref.section_name or "")
            standing = _standing(ancestor, missing or _not_taken(target, parent.refusal) or unseen)
            yield standing if standing.faults else self._with_merged(standing, policy, target, verdict, parent)

    def _with_merged(
        self, standing: Standing, policy: Policy, target: PolicyTarget, verdict: RouteVerdict, parent: ParentVerdict
    ) -> Standing:
        """Add what a policy is merged over at the listeners of a parent, and what of that cannot be done."""
        attached = (verdict.attached.get((parent.gateway, listener)) for listener in parent.hostnames)
        merged = [
            each
            for route in attached
            if route is not None
            for in_force in route.merged.values()
            for each in in_force
            if each.policies[0] == policy.key and len(each.policies) > 1
        ]
        own = self._effective.of(policy.key)
        told = own.errors if own is not None else ()
        faults = dict.fromkeys(fault for each in merged for fault in (*each.faults, *each.errors) if fault not in told)
        over = dict.fromkeys(key for each in merged if not each.faults for key in each.policies[1:])
        return replace(
            standing,
            faults=tuple(Fault(each.reason, each.message, target.path) for each in faults),
            merged_over=tuple(over),
        )

    def _unseen(self, policy: Policy, target: PolicyTarget) -> Fault | None:
        """Say that nobody looks at the requests of a route that a policy asks something of."""
        row = APPLIED_KINDS.get(policy.key.group_kind)
        if row is None or row.is_for_backends or self._policies.effect(policy) is not PolicyEffect.APPLIED:
            return None
        if target.older is not None or ROUTE_KINDS[target.key.group_kind].reads_requests:
            return None
        if ROUTE_KINDS[target.key.group_kind].authorizes_connections and row.decides_on_connections:
            return self._not_of_connections(policy, target)
        message = f"is for requests, and nobody looks at those of {target.key}, which {_denied(target)}"
        return Fault(Reason.INVALID, message, target.path)

    def _not_of_connections(self, policy: Policy, target: PolicyTarget) -> Fault | None:
        """Say what of a policy for a route cannot be asked of connections, though it could of requests."""
        own = self._effective.of(policy.key)
        if own is None or own.faults:
            return None
        (asked,) = asked_of_route(target.key, (own,))
        return next((replace(fault, path=target.path) for fault in asked.faults), None)


def _standing(ancestor: Ancestor, fault: Fault | None) -> Standing:
    return Standing(ancestor, (fault,) if fault is not None else ())


def _missing_section(target: PolicyTarget, what: str, sections: list[str]) -> Fault | None:
    if not target.section or target.section in sections:
        return None
    there = ", ".join(sections) or "none has a name"
    message = f"{target.key} has no {what} {target.section}; its {what}s: {there}"
    return Fault(Reason.TARGET_NOT_FOUND, message, target.path)


def _not_taken(target: PolicyTarget, refusal: Fault | None) -> Fault | None:
    if refusal is None:
        return None
    return Fault(Reason.TARGET_NOT_FOUND, f"{target.key} is not taken there: {refusal.message}", target.path)


def _denied(target: PolicyTarget) -> str:
    """Say what becomes of a target's traffic."""
    row = ROUTE_KINDS.get(target.key.group_kind)
    return row.denied if row is not None else "answers 500"


def _unserved(policy: Policy, target: PolicyTarget, asked: str) -> Fault:
    section = f", section {target.section}" if target.section else ""
    message = (
        f"is not done here, and decides on {asked}: {target.key}{section} {_denied(target)} "
        f"until the {policy.key.kind} is deleted, or an extension serves it (policyResources)"
    )
    return Fault(Reason.INVALID, message, target.path)


def _conflicted(target: PolicyTarget) -> Fault | None:
    if target.older is None:
        return None
    message = f"{target.older} is older, of the same kind and for the same target, so that one is in force there"
    return Fault(Reason.CONFLICTED, message, target.path)
