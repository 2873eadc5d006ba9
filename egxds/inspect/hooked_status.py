"""What hooks failed on, in the status of the objects that it was made from. Pure.

    a route                     egxds.io/HooksAccepted is False, below each of its parents
    a policy of an extension    Accepted is False, below each of its ancestors

Accepted is Gateway API's word for a policy that is in force as it is written; who decides that of an extension's policy
is its hook. Routes are accepted by egxds, whatever an extension thinks of them, so theirs is a condition of ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from egxds.hooks.policy.outcome import HookedGateway, HookProblem
from egxds.inspect.condition_times import Status
from egxds.model.api.gateway import GATEWAY
from egxds.object_key import ObjectKey

HOOKS_CONDITION = "egxds.io/HooksAccepted"
"""Condition of a Gateway or a route: whether what is published of it is what all hooks accepted last."""

_REASONS = {"deny": "Denied", "hold": "Held", "bypass": "Bypassed"}
_SHOWN = 3

Problems = tuple[HookProblem, ...]


def failing_objects(hooked: HookedGateway | None) -> Mapping[ObjectKey, Problems]:
    """Return what hooks failed on in one Gateway, by object."""
    if hooked is None:
        return {}
    # It has a condition of its own for all of them.
    gateway = GATEWAY.key(*hooked.gateway.split("/", 1))
    found: defaultdict[ObjectKey, list[HookProblem]] = defaultdict(list)
    for problem in hooked.failures:
        for key in problem.objects:
            if key != gateway:
                found[key].append(problem)
    return {key: tuple(problems) for key, problems in found.items()}


def with_failures(status: Status | None, problems: Problems, generation: int) -> Status | None:
    """Return the status of a route or a policy with what hooks failed on.

    Args:
        status: without that; None where the object has none.
        problems: the failed calls that are about the object.
        generation: of the object.
    """
    if status is None or not problems:
        return status
    message = _told(problems)
    parents, ancestors = status.get("parents"), status.get("ancestors")
    if isinstance(parents, list | tuple):
        condition = {
            "type": HOOKS_CONDITION,
            "status": "False",
            "reason": _REASONS[problems[0].policy],
            "message": message,
            "observedGeneration": generation,
        }
        return {**status, "parents": [{**each, "conditions": [*each["conditions"], condition]} for each in parents]}
    if isinstance(ancestors, list | tuple):
        changed = [{**each, "conditions": _not_accepted(each["conditions"], message)} for each in ancestors]
        return {**status, "ancestors": changed}
    return status


def _not_accepted(conditions: Iterable[Mapping[str, object]], message: str) -> list[Mapping[str, object]]:
    return [
        {**each, "status": "False", "reason": "Invalid", "message": message}
        if each["type"] == "Accepted" and each["status"] == "True"
        else each
        for each in conditions
    ]


def _told(problems: Problems) -> str:
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return "; ".join(map(str, problems[:_SHOWN])) + more
