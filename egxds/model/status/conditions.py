"""Conditions of Gateway API status. Pure.

Types and reasons are those of Gateway API v1.6; the ones with the prefix `egxds.io/` are our own. The time of
the last change is left to whoever has a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from egxds.model.resolve.faults import Fault, Reason


class ConditionType(StrEnum):
    """What a condition speaks of."""

    ACCEPTED = "Accepted"
    BACKENDS_READY = "egxds.io/BackendsReady"
    CONFLICTED = "Conflicted"
    INSECURE_FRONTEND_VALIDATION = "InsecureFrontendValidationMode"
    MERGED = "Merged"
    OVERLAPPING_TLS_CONFIG = "OverlappingTLSConfig"
    OVERRIDDEN = "Overridden"
    PARTIALLY_INVALID = "PartiallyInvalid"
    PROGRAMMED = "Programmed"
    RESOLVED_REFS = "ResolvedRefs"
    SERVED_AS_WRITTEN = "egxds.io/ServedAsWritten"
    SERVED_BY_CLASS = "egxds.io/ServedByClass"
    SHADOWED = "egxds.io/Shadowed"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    Attributes:
        type: what it speaks of.
        is_true: its status.
        reason: why.
        message: for people.
    """

    type: ConditionType
    is_true: bool
    reason: Reason
    message: str

    def as_json(self, generation: int) -> dict[str, object]:
        """Return the condition in the API's shape.

        Args:
            generation: of the object it was observed at.
        """
        return {
            "type": self.type.value,
            "status": "True" if self.is_true else "False",
            "reason": self.reason.value,
            "message": self.message,
            "observedGeneration": generation,
        }


def holds(type_: ConditionType, reason: Reason, message: str) -> Condition:
    """Make a condition that is true."""
    return Condition(type_, True, reason, message)


def fails(type_: ConditionType, reason: Reason, message: str) -> Condition:
    """Make a condition that is false."""
    return Condition(type_, False, reason, message)


def judged(type_: ConditionType, faults: Sequence[Fault], fine: Reason, message: str) -> Condition:
    """Make a condition that is false where there are faults; it takes its reason from the first.

    Args:
        type_: what it speaks of.
        faults: what is wrong.
        fine: reason where nothing is.
        message: text where nothing is.
    """
    if not faults:
        return holds(type_, fine, message)
    return fails(type_, faults[0].reason, "; ".join(fault.message for fault in faults))


def conditions_json(conditions: Sequence[Condition], generation: int) -> list[dict[str, object]]:
    """Return conditions in the API's shape."""
    return [condition.as_json(generation) for condition in conditions]
