"""The status of an object whose text is refused, as an API server would refuse it. Pure.

A route says so below each of its parents, in the condition that people look for there. Where the version accepted
before stays in force, what else is known of that one stays, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from egxds.model.api.references import ParentReference
from egxds.model.resolve.faults import Reason
from egxds.model.resolve.parents import parent_of_route
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.status.conditions import ConditionType, conditions_json, fails
from egxds.model.status.route import written_out
from egxds.model.store.problems import Refusal
from egxds.object_key import ObjectKey

Json = dict[str, Any]
_OF_ACCEPTED_ONES = frozenset({ConditionType.ACCEPTED, ConditionType.PARTIALLY_INVALID})
"""Conditions in whose place it stands that the object is refused."""


def refused_status(
    refusal: Refusal,
    in_force: Mapping[str, Any] | None,
    controller_name: str,
    is_anothers: Callable[[ObjectKey], bool],
) -> Json:
    """Return the status of an object whose text is refused.

    Args:
        refusal: why.
        in_force: status of the version that stays in force; None where there is none.
        controller_name: ours.
        is_anothers: tells of a parent whether it is another controller's to say what becomes of routes there.
    """
    if refusal.key is None or refusal.key.group_kind not in ROUTE_KINDS:
        return {"conditions": _refused(refusal, Reason.INVALID, refusal.generation)}
    known = in_force["parents"] if in_force is not None else []
    if known:
        return {"parents": [_kept(refusal, parent) for parent in known]}
    refs = _ours(refusal.key, refusal.parents, is_anothers)
    return {
        "parents": [
            {
                "parentRef": written_out(ref),
                "controllerName": controller_name,
                "conditions": _refused(refusal, Reason.UNSUPPORTED_VALUE, refusal.generation),
            }
            for ref in refs
        ]
    }


def _refused(refusal: Refusal, reason: Reason, generation: int) -> list[Json]:
    return conditions_json([fails(ConditionType.ACCEPTED, reason, refusal.message)], generation)


def _kept(refusal: Refusal, parent: Json) -> Json:
    """Return what is said of a parent of the version in force, with the refusal of the text that is there now."""
    accepted, *others = parent["conditions"]
    kept = [each for each in others if each["type"] not in _OF_ACCEPTED_ONES]
    refused = _refused(refusal, Reason.UNSUPPORTED_VALUE, accepted["observedGeneration"])
    return {**parent, "conditions": [*refused, *kept]}


def _ours(
    route: ObjectKey, refs: Iterable[ParentReference], is_anothers: Callable[[ObjectKey], bool]
) -> Iterator[ParentReference]:
    for ref in refs:
        parent = parent_of_route(route, ref)
        if parent is not None and not is_anothers(parent):
            yield ref
