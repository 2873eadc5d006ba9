"""The status of a policy, and what of it is a problem. Pure.

Source: Gateway API v1.6, PolicyStatus. It is put together when somebody looks: a policy may be for any number of
objects, of which an edit concerns one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.policy_kinds import PolicyEffect
from egxds.model.status.conditions import Condition, ConditionType, conditions_json, judged
from egxds.model.status.policy_verdicts import Ancestor, PolicyVerdict, Reach

_CLOSING = frozenset({PolicyEffect.DENIES, PolicyEffect.ENCRYPTS})
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
                "conditions": conditions_json([_accepted(verdict, faults), *_resolved(verdict)], generation),
            }
            for ancestor, faults in _by_ancestor(verdict).items()
        ]
    }


def _accepted(verdict: PolicyVerdict, faults: Sequence[Fault]) -> Condition:
    if verdict.effect is PolicyEffect.NONE:
        faults = [*faults, _without_effect(verdict)]
    if verdict.tls is None:
        return judged(ConditionType.ACCEPTED, faults, Reason.ACCEPTED, "the policy is handed to its extension")
    refusals = [*faults, *([verdict.tls.refusal] if verdict.tls.refusal is not None else [])]
    return judged(ConditionType.ACCEPTED, refusals, Reason.ACCEPTED, "the backends are spoken to as the policy asks")


def _resolved(verdict: PolicyVerdict) -> Iterator[Condition]:
    """Say whether the references of a policy that is served here lead somewhere."""
    if verdict.tls is not None:
        faults = verdict.tls.reference_faults
        yield judged(ConditionType.RESOLVED_REFS, faults, Reason.RESOLVED_REFS, "all references lead somewhere")


def _without_effect(verdict: PolicyVerdict) -> Fault:
    message = f"a {verdict.policy.key.kind} is not done here; this one decides on nobody's access, and has no effect"
    return Fault(Reason.INVALID, message)


def policy_faults(verdict: PolicyVerdict) -> tuple[Fault, ...]:
    """Return why a policy does not reach some of its targets, each cause once."""
    found = [fault for of_one in _by_ancestor(verdict).values() for fault in of_one]
    if verdict.tls is not None:
        found += verdict.tls.reference_faults
        found += [verdict.tls.refusal] if verdict.tls.refusal is not None and not verdict.tls.reference_faults else []
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


def _by_ancestor(verdict: PolicyVerdict) -> Mapping[Ancestor, list[Fault]]:
    found: dict[Ancestor, list[Fault]] = {}
    for reach in _in_order(verdict):
        for ancestor, faults in reach.ancestors:
            found.setdefault(ancestor, []).extend(faults)
    return found


def _in_order(verdict: PolicyVerdict) -> list[Reach]:
    """Return what came of its targets: those it names, in the order of the text, then those it selects, by key."""
    found = (reach for at_one in verdict.reaches.values() for reach in at_one)
    return sorted(found, key=lambda reach: (reach.target.path, reach.target.key))
