"""The status of a policy of an extension, and what of it is a problem. Pure.

Source: Gateway API v1.6, PolicyStatus. It is put together when somebody looks: a policy may be for any number of
objects, of which an edit concerns one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from egxds.model.resolve.faults import Fault, Reason
from egxds.model.status.conditions import ConditionType, conditions_json, judged
from egxds.model.status.policy_verdicts import Ancestor, PolicyVerdict, Reach


def policy_status(verdict: PolicyVerdict, controller_name: str) -> dict[str, object]:
    """Return the Gateway API status of a policy.

    Args:
        verdict: what was decided about it.
        controller_name: ours.
    """
    generation = verdict.policy.generation
    accepted = "the policy is handed to its extension"
    return {
        "ancestors": [
            {
                "ancestorRef": ancestor.as_json(),
                "controllerName": controller_name,
                "conditions": conditions_json(
                    [judged(ConditionType.ACCEPTED, faults, Reason.ACCEPTED, accepted)], generation
                ),
            }
            for ancestor, faults in _by_ancestor(verdict).items()
        ]
    }


def policy_faults(verdict: PolicyVerdict) -> tuple[Fault, ...]:
    """Return why a policy does not reach some of its targets, each cause once."""
    return tuple(dict.fromkeys(fault for of_one in _by_ancestor(verdict).values() for fault in of_one))


def policy_doubts(verdict: PolicyVerdict) -> Iterator[Fault]:
    """Yield what is probably not meant."""
    said = verdict.policy.content.targets
    if said.target_ref is None and not said.target_refs and not said.target_selectors:
        message = "names no target, so it is a policy of nothing; give spec.targetRefs"
        yield Fault(Reason.TARGET_NOT_FOUND, message)
    reached = {reach.target.path for reach in _in_order(verdict)}
    for at in range(len(said.target_selectors)):
        path = ("spec", "targetSelectors", at)
        if path not in reached:
            message = "selects nothing; what is in another namespace needs a ReferenceGrant there"
            yield Fault(Reason.TARGET_NOT_FOUND, message, path)


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
