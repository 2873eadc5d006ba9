"""What becomes of each policy of an extension, and its status. Pure.

Source: Gateway API v1.6, PolicyStatus. An ancestor is a Gateway of ours that the policy takes effect at. A target
that does not exist, or can have no policies, has no Gateway: it is its own ancestor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from egxds.model.api.gateway import GATEWAY
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.policy_kinds import PolicyKind
from egxds.model.resolve.policy_targets import Policy, PolicyBook, PolicyTarget
from egxds.model.resolve.references import kind_text, not_found
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.verdicts import GatewayVerdict, RouteVerdict
from egxds.model.status.conditions import ConditionType, conditions_json, judged
from egxds.model.store.state import GatewayState
from egxds.object_key import GroupKind, ObjectKey


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """What was decided about a policy.

    Attributes:
        policy: the policy.
        faults: targets that it does not reach.
        doubts: what is probably not meant.
        status: its Gateway API status.
    """

    policy: Policy
    faults: tuple[Fault, ...]
    doubts: tuple[Fault, ...]
    status: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Ancestor:
    """An object under which a policy has a status; `section` is a listener, empty where all of it is meant."""

    key: ObjectKey
    section: str = ""

    def as_json(self) -> dict[str, object]:
        key = self.key
        named = {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name}
        return {**named, "sectionName": self.section} if self.section else {**named}


_Result = tuple[_Ancestor, Fault | None]
"""An ancestor, and why the policy does not reach it; nothing where it does."""


def judge_policies(
    book: PolicyBook,
    gateways: Mapping[ObjectKey, GatewayVerdict],
    routes: Iterable[RouteVerdict],
    state: GatewayState,
    controller_name: str,
) -> tuple[PolicyVerdict, ...]:
    """Decide about every policy, the oldest first.

    Args:
        book: knows their targets.
        gateways: those that are ours.
        routes: all of them.
        state: the objects in force.
        controller_name: ours.
    """
    if not book.targets:
        return ()
    judging = _Judging(gateways, {verdict.route.key: verdict for verdict in routes}, state)
    return tuple(
        judging.judge(policy, book.kinds[policy.key.group_kind], targets, controller_name)
        for policy, targets in book.targets
    )


@dataclass(frozen=True, slots=True)
class _Judging:
    """Decides about policies, one after the other."""

    gateways: Mapping[ObjectKey, GatewayVerdict]
    routes: Mapping[ObjectKey, RouteVerdict]
    state: GatewayState

    def judge(
        self, policy: Policy, row: PolicyKind, targets: tuple[PolicyTarget, ...], controller_name: str
    ) -> PolicyVerdict:
        found: dict[_Ancestor, list[Fault]] = {}
        for target in targets:
            for ancestor, fault in self._find(target, row.targets):
                faults_there = found.setdefault(ancestor, [])
                faults_there += [found_fault for found_fault in (fault, _conflicted(target)) if found_fault is not None]
        ancestors = [
            {
                "ancestorRef": ancestor.as_json(),
                "controllerName": controller_name,
                "conditions": conditions_json(
                    [judged(ConditionType.ACCEPTED, faults, Reason.ACCEPTED, "the policy is handed to its extension")],
                    policy.generation,
                ),
            }
            for ancestor, faults in found.items()
        ]
        faults = dict.fromkeys(fault for of_one in found.values() for fault in of_one)
        return PolicyVerdict(policy, tuple(faults), tuple(_doubts(policy, targets)), {"ancestors": ancestors})

    def _find(self, target: PolicyTarget, targets: frozenset[GroupKind]) -> Iterator[_Result]:
        """Find what a policy has a status under; the two shapes of a target are a Gateway and a route."""
        group_kind = target.key.group_kind
        if group_kind not in targets:
            there = " or ".join(kind for _, kind in sorted(targets))
            message = f"a policy of this kind is for a {there}, not for a {kind_text(*group_kind)}"
            yield _Ancestor(target.key), Fault(Reason.INVALID, message, target.path)
        elif group_kind in ROUTE_KINDS:
            yield from self._at_route(target)
        else:
            yield from self._at_gateway(target)

    def _at_gateway(self, target: PolicyTarget) -> Iterator[_Result]:
        ancestor = _Ancestor(target.key, target.section)
        verdict = self.gateways.get(target.key)
        if verdict is not None:
            listeners = [entry.listener.name for entry in verdict.listeners]
            yield ancestor, _missing_section(target, "listener", listeners)
        elif target.key not in self.state.of(GATEWAY):
            yield ancestor, not_found(Reason.TARGET_NOT_FOUND, target.key, target.path)

    def _at_route(self, target: PolicyTarget) -> Iterator[_Result]:
        verdict = self.routes.get(target.key)
        if verdict is None:
            yield _Ancestor(target.key), not_found(Reason.TARGET_NOT_FOUND, target.key, target.path)
            return
        rules = [rule.name for rule in verdict.route.content.rules if rule.name]
        missing = _missing_section(target, "rule", rules)
        for parent in verdict.parents:
            ancestor = _Ancestor(parent.gateway, parent.ref.section_name or "")
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


def _conflicted(target: PolicyTarget) -> Fault | None:
    if target.older is None:
        return None
    message = f"{target.older} is older, of the same kind and for the same target, so that one is in force there"
    return Fault(Reason.CONFLICTED, message, target.path)


def _doubts(policy: Policy, targets: tuple[PolicyTarget, ...]) -> Iterator[Fault]:
    said = policy.content.targets
    if said.target_ref is None and not said.target_refs and not said.target_selectors:
        message = "names no target, so it is a policy of nothing; give spec.targetRefs"
        yield Fault(Reason.TARGET_NOT_FOUND, message)
    reached = {target.path for target in targets}
    for at in range(len(said.target_selectors)):
        path = ("spec", "targetSelectors", at)
        if path not in reached:
            message = "selects nothing; what is in another namespace needs a ReferenceGrant there"
            yield Fault(Reason.TARGET_NOT_FOUND, message, path)
