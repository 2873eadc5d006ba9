"""What becomes of each policy at each of its targets. Pure; decides again what changed.

Source: Gateway API v1.6, PolicyStatus. An ancestor is a Gateway of ours that the policy takes effect at, or
a ListenerSet for one. A target that does not exist, or can have no policies, has no Gateway: it is its own ancestor.

The unit is a policy at one object. It is decided again where the policy is about that object otherwise than before, or
where something else was decided about the object itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.model.api.backends import BACKEND, SERVICE
from egxds.model.resolve.backend_tls import BackendTlsBook, TlsVerdict
from egxds.model.resolve.backends import backend_sections
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.gateways import GatewayBook
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.parents import LISTENER_OWNERS
from egxds.model.resolve.policy_book import PolicyBook, PolicyEdit
from egxds.model.resolve.policy_kinds import PolicyEffect
from egxds.model.resolve.policy_targets import Policy, PolicyTarget
from egxds.model.resolve.references import kind_text, not_found
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.routes import RouteBook
from egxds.object_key import GroupKind, ObjectKey


@dataclass(frozen=True, slots=True)
class Ancestor:
    """An object under which a policy has a status; `section` is a listener, empty where all of it is meant."""

    key: ObjectKey
    section: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it as a reference, in the API's shape."""
        key = self.key
        named = {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name}
        return {**named, "sectionName": self.section} if self.section else {**named}


@dataclass(frozen=True, slots=True)
class Reach:
    """What came of one target of a policy.

    Attributes:
        target: the target.
        ancestors: what the policy has a status under, each with why the policy does not reach it.
    """

    target: PolicyTarget
    ancestors: tuple[tuple[Ancestor, tuple[Fault, ...]], ...]


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """What was decided about a policy.

    Attributes:
        policy: the policy.
        effect: what it does to what it covers.
        asked: what it decides on, for people, where it is of a kind that is not served.
        reaches: object → what came of the targets there.
        tls: what it asks of TLS to backends; None where it asks for none.
    """

    policy: Policy
    effect: PolicyEffect
    asked: str
    reaches: Revision[ObjectKey, tuple[Reach, ...]]
    tls: TlsVerdict | None = None


_NOWHERE: Revision[ObjectKey, tuple[Reach, ...]] = Revision()
_Result = tuple[Ancestor, Fault | None]
"""An ancestor, and why the policy does not reach it; nothing where it does."""


class PolicyVerdicts:
    """Knows what is decided about every policy."""

    def __init__(
        self,
        index: ObjectIndex,
        policies: PolicyBook,
        encryption: BackendTlsBook,
        gateways: GatewayBook,
        routes: RouteBook,
    ) -> None:
        """Start without policies.

        Args:
            index: finds the objects.
            policies: knows their targets.
            encryption: knows what they ask of TLS to backends.
            gateways: knows which are ours.
            routes: knows where routes are attached, and backends used.
        """
        self._index = index
        self._policies = policies
        self._encryption = encryption
        self._gateways = gateways
        self._routes = routes
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
        return {policy: self._judge(policy, keys, targets) for policy, keys in dirty.items()}

    def _judge(
        self,
        key: ObjectKey,
        objects: AbstractSet[ObjectKey],
        targets: Mapping[ObjectKey, Mapping[ObjectKey, tuple[PolicyTarget, ...]]],
    ) -> PolicyVerdict | None:
        before, policy = self._verdicts.pop(key, None), self._policies.policy(key)
        if policy is None:
            return None
        known = before.reaches if before is not None else _NOWHERE
        now = {each: self._reaches(policy, targets[each][key]) for each in objects if key in targets[each]}
        reaches = known.edited({each: keep_equal(known.get(each), found) for each, found in now.items()}, objects)
        effect, asked = self._policies.effect(policy), self._policies.asked(policy)
        tls = self._encryption.verdict(key)
        verdict = self._verdicts[key] = keep_equal(before, PolicyVerdict(policy, effect, asked, reaches, tls))
        return verdict

    def _reaches(self, policy: Policy, targets: Iterable[PolicyTarget]) -> tuple[Reach, ...]:
        return tuple(Reach(target, tuple(self._ancestors(policy, target))) for target in targets)

    def _ancestors(self, policy: Policy, target: PolicyTarget) -> Iterator[tuple[Ancestor, tuple[Fault, ...]]]:
        allowed = self._policies.kinds[policy.key.group_kind].targets
        is_there = self._index.state.find(target.key) is not None
        effect = self._policies.effect(policy)
        is_denying = is_there and effect is PolicyEffect.DENIES
        unserved = _unserved(policy, target, self._policies.asked(policy)) if is_denying else None
        is_used = is_there and target.key.group_kind in allowed and effect is PolicyEffect.ENCRYPTS
        for ancestor, fault in self._at_backend(target) if is_used else self._find(target, allowed):
            faults = (fault, unserved, _conflicted(target))
            yield ancestor, tuple(found for found in faults if found is not None)

    def _find(self, target: PolicyTarget, allowed: frozenset[GroupKind]) -> Iterator[_Result]:
        """Find what a policy has a status under; the shapes of a target are listeners, a route, another object."""
        group_kind = target.key.group_kind
        if group_kind not in allowed:
            there = " or ".join(kind for _, kind in sorted(allowed))
            message = f"a policy of this kind is for a {there}, not for a {kind_text(*group_kind)}"
            yield Ancestor(target.key), Fault(Reason.INVALID, message, target.path)
        elif group_kind in ROUTE_KINDS:
            yield from self._at_route(target)
        elif group_kind in LISTENER_OWNERS:
            yield from self._at_listeners(target)
        else:
            is_there = self._index.state.find(target.key) is not None
            missing = None if is_there else not_found(Reason.TARGET_NOT_FOUND, target.key, target.path)
            yield Ancestor(target.key, target.section), missing

    def _at_backend(self, target: PolicyTarget) -> Iterator[_Result]:
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
            yield Ancestor(gateway, listener), missing

    def _at_listeners(self, target: PolicyTarget) -> Iterator[_Result]:
        ancestor = Ancestor(target.key, target.section)
        parent = self._gateways.parents.get(target.key)
        if parent is not None and parent.refusal:
            message = f"{target.key} has no part in {parent.gateway}: {parent.refusal}"
            yield ancestor, Fault(Reason.TARGET_NOT_FOUND, message, target.path)
        elif parent is not None:
            listeners = [entry.listener.name for entry in parent.listeners]
            yield ancestor, _missing_section(target, "listener", listeners)
        elif self._index.state.find(target.key) is None:
            yield ancestor, not_found(Reason.TARGET_NOT_FOUND, target.key, target.path)

    def _at_route(self, target: PolicyTarget) -> Iterator[_Result]:
        verdict = self._routes.verdict(target.key)
        if verdict is None:
            yield Ancestor(target.key), not_found(Reason.TARGET_NOT_FOUND, target.key, target.path)
            return
        rules = [rule.name for rule in verdict.route.content.rules if rule.name]
        missing = _missing_section(target, "rule", rules)
        for parent in verdict.parents:
            ancestor = Ancestor(parent.key, parent.ref.section_name or "")
            yield ancestor, missing or _not_taken(target, parent.refusal)


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
