"""The status of a policy, and what of it is a problem. Pure.

Source: Gateway API v1.6, PolicyStatus. It is put together when somebody looks: a policy may be for any number of
objects, of which an edit concerns one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from egxds.model.api.policies import PolicyTargets
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.policy_kinds import PolicyEffect
from egxds.model.resolve.policy_targets import PolicyTarget
from egxds.model.status.conditions import Condition, ConditionType, conditions_json, holds, judged
from egxds.model.status.policy_reaches import Ancestor, Reach, Standing
from egxds.model.status.policy_scopes import Below, Scope, overridden_text
from egxds.model.status.policy_verdicts import NOT_ENABLED, PolicyVerdict

_CLOSING = frozenset({PolicyEffect.APPLIED, PolicyEffect.DENIES, PolicyEffect.ENCRYPTS, PolicyEffect.PATCHES})
"""Effects of those policies that were to close something."""


def policy_status(verdict: PolicyVerdict, controller_name: str) -> dict[str, object]:
    """Return the Gateway API status of a policy.

    Args:
        verdict: what was decided about it.
        controller_name: ours.
    """
    generation = verdict.policy.generation
    return {
        "ancestors": [
            {
                "ancestorRef": ancestor.as_json(),
                "controllerName": controller_name,
                "conditions": conditions_json(list(_conditions(verdict, found)), generation),
            }
            for ancestor, found in _by_ancestor(verdict).items()
        ]
    }


def _conditions(verdict: PolicyVerdict, found: Sequence[_Stood]) -> Iterator[Condition]:
    faults = [fault for stood in found for fault in stood.standing.faults]
    yield _accepted(verdict, faults)
    yield from _resolved(verdict)
    if verdict.applied is not None:
        yield from _among_others(verdict, found)
        deprecated = _deprecated(verdict)
        if deprecated and not any(map(_is_not_there, faults)):
            yield holds(ConditionType.WARNING, Reason.DEPRECATED_FIELD, "; ".join(deprecated))


def _deprecated(verdict: PolicyVerdict) -> tuple[str, ...]:
    """Say which fields have others in their place; of a policy with mistakes what can be made out."""
    asked = verdict.policy.content.asked
    said = asked if isinstance(asked, PolicyTargets) else verdict.policy.content.targets
    return tuple(said.deprecated())


def _accepted(verdict: PolicyVerdict, faults: Sequence[Fault]) -> Condition:
    if verdict.effect is PolicyEffect.NONE:
        faults = [*faults, _without_effect(verdict)]
    if verdict.applied is not None:
        refusals = [*faults, *verdict.applied.faults, *verdict.applied.errors]
        return judged(ConditionType.ACCEPTED, refusals, Reason.ACCEPTED, "requests are treated as the policy asks")
    if verdict.effect is PolicyEffect.PATCHES:
        return judged(ConditionType.ACCEPTED, faults, Reason.ACCEPTED, "the policy is for what the Gateway comes to")
    if verdict.tls is None:
        return judged(ConditionType.ACCEPTED, faults, Reason.ACCEPTED, "the policy is handed to its extension")
    refusals = [*faults, *([verdict.tls.refusal] if verdict.tls.refusal is not None else [])]
    return judged(ConditionType.ACCEPTED, refusals, Reason.ACCEPTED, "the backends are spoken to as the policy asks")


def _among_others(verdict: PolicyVerdict, found: Sequence[_Stood]) -> Iterator[Condition]:
    """Say what a policy is merged over, and which others replace it or are merged over it (Envoy Gateway)."""
    over = dict.fromkeys(key for stood in found for key in stood.standing.merged_over)
    if over:
        names = ", ".join(f"{key.namespace}/{key.name}" for key in over)
        yield holds(ConditionType.MERGED, Reason.MERGED, f"Merged with policy {names}")
    below = {each: scope[each] for stood in found for scope, each in _below(verdict, stood.target)}
    merged = {each: None for each, merged_over in below.items() if verdict.policy.key in merged_over}
    # A route is among those that are merged where a policy of it is, be it for a rule.
    merged_at = {each.key for each in merged}
    replacing = {each for each in below if each not in merged and (each.section or each.key not in merged_at)}
    if merged and not over:
        yield holds(ConditionType.MERGED, Reason.MERGED, f"others are merged over it for {overridden_text(merged)}")
    if replacing:
        message = f"others of its kind replace it for {overridden_text(replacing)}"
        yield holds(ConditionType.OVERRIDDEN, Reason.OVERRIDDEN, message)


def _below(verdict: PolicyVerdict, target: PolicyTarget) -> Iterator[tuple[Scope, Below]]:
    """Yield what stands below a policy because of one of its targets, each with the scope that it is in."""
    scope = verdict.below.get(target.key)
    for each in scope or ():
        is_own = each.policy == verdict.policy.key
        if scope is not None and not is_own and (not target.section or _is_at(each, target)):
            yield scope, each


def _is_at(below: Below, target: PolicyTarget) -> bool:
    """Tell whether a policy is for a route at the listener that another is for."""
    return not below.is_in_set and below.key != target.key and below.at in {"", target.section}


def _is_not_there(fault: Fault) -> bool:
    return fault.reason in {Reason.TARGET_NOT_FOUND, Reason.CONFLICTED}


def _resolved(verdict: PolicyVerdict) -> Iterator[Condition]:
    """Say whether the references of a policy that is served here lead somewhere."""
    if verdict.tls is not None:
        faults = verdict.tls.reference_faults
        yield judged(ConditionType.RESOLVED_REFS, faults, Reason.RESOLVED_REFS, "all references lead somewhere")


def _without_effect(verdict: PolicyVerdict) -> Fault:
    if verdict.patching is not None:
        return Fault(Reason.DISABLED, f"{NOT_ENABLED}, and this one has no effect")
    message = f"a {verdict.policy.key.kind} is not done here; this one decides on nobody's access, and has no effect"
    return Fault(Reason.INVALID, message)


def policy_faults(verdict: PolicyVerdict) -> tuple[Fault, ...]:
    """Return why a policy does not reach some of its targets, each cause once."""
    found = [fault for of_one in _by_ancestor(verdict).values() for stood in of_one for fault in stood.standing.faults]
    if verdict.tls is not None:
        found += verdict.tls.reference_faults
        found += [verdict.tls.refusal] if verdict.tls.refusal is not None and not verdict.tls.reference_faults else []
    if verdict.applied is not None:
        found += [*verdict.applied.faults, *verdict.applied.errors]
    if verdict.effect in _CLOSING and not _names_targets(verdict):
        message = f"names no target that can be made out, so nothing is closed; it decides on {verdict.asked}"
        found.append(Fault(Reason.TARGET_NOT_FOUND, message))
    return tuple(dict.fromkeys(found))


def policy_doubts(verdict: PolicyVerdict) -> Iterator[Fault]:
    """Yield what is probably not meant."""
    said = verdict.policy.content.targets
    if verdict.effect is PolicyEffect.NONE:
        yield _without_effect(verdict)
    if verdict.effect not in _CLOSING and not _names_targets(verdict):
        message = "names no target, so it is a policy of nothing; give spec.targetRefs"
        yield Fault(Reason.TARGET_NOT_FOUND, message)
    reached = {reach.target.path for reach in _in_order(verdict)}
    for at in range(len(said.target_selectors)):
        path = ("spec", "targetSelectors", at)
        if path not in reached:
            message = "selects nothing; what is in another namespace needs a ReferenceGrant there"
            yield Fault(Reason.TARGET_NOT_FOUND, message, path)


def _names_targets(verdict: PolicyVerdict) -> bool:
    said = verdict.policy.content.targets
    return bool(said.target_ref or said.target_refs or said.target_selectors)


class _Stood(NamedTuple):
    """What came of one target of a policy at something that it has a status under."""

    target: PolicyTarget
    standing: Standing


def _by_ancestor(verdict: PolicyVerdict) -> Mapping[Ancestor, list[_Stood]]:
    found: dict[Ancestor, list[_Stood]] = {}
    for reach in _in_order(verdict):
        for standing in reach.standings:
            found.setdefault(standing.ancestor, []).append(_Stood(reach.target, standing))
    return found


def _in_order(verdict: PolicyVerdict) -> list[Reach]:
    """Return what came of its targets: those it names, in the order of the text, then those it selects, by key."""
    found = (reach for at_one in verdict.reaches.values() for reach in at_one)
    return sorted(found, key=lambda reach: (reach.target.path, reach.target.key))
