"""Conditions of Gateway API status. Pure.

Types and reasons are those of Gateway API v1.6; the ones with the prefix `egxds.io/` are our own. The time of
the last change is left to whoever has a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from egxds.model.findings import Path


class ConditionType(StrEnum):
    """What a condition speaks of."""

    ACCEPTED = "Accepted"
    CONFLICTED = "Conflicted"
    OVERLAPPING_TLS_CONFIG = "OverlappingTLSConfig"
    PROGRAMMED = "Programmed"
    RESOLVED_REFS = "ResolvedRefs"
    SERVED_BY_CLASS = "egxds.io/ServedByClass"


class Reason(StrEnum):
    """Why a condition is what it is."""

    ACCEPTED = "Accepted"
    ADDRESS_IN_USE = "AddressInUse"
    ADDRESS_NOT_ASSIGNED = "AddressNotAssigned"
    ADDRESS_NOT_USABLE = "AddressNotUsable"
    BACKEND_NOT_FOUND = "BackendNotFound"
    HOSTNAME_CONFLICT = "HostnameConflict"
    INVALID = "Invalid"
    INVALID_CERTIFICATE_REF = "InvalidCertificateRef"
    INVALID_KIND = "InvalidKind"
    INVALID_PARAMETERS = "InvalidParameters"
    INVALID_ROUTE_KINDS = "InvalidRouteKinds"
    LISTENERS_NOT_VALID = "ListenersNotValid"
    NO_CONFLICTS = "NoConflicts"
    NO_MATCHING_LISTENER_HOSTNAME = "NoMatchingListenerHostname"
    NO_MATCHING_PARENT = "NoMatchingParent"
    NOT_ALLOWED_BY_LISTENERS = "NotAllowedByListeners"
    OVERLAPPING_HOSTNAMES = "OverlappingHostnames"
    PROGRAMMED = "Programmed"
    PROTOCOL_CONFLICT = "ProtocolConflict"
    REF_NOT_PERMITTED = "RefNotPermitted"
    RESOLVED_REFS = "ResolvedRefs"
    TARGET_NOT_FOUND = "TargetNotFound"
    UNSUPPORTED_ADDRESS = "UnsupportedAddress"
    UNSUPPORTED_PROTOCOL = "UnsupportedProtocol"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a condition is not what it should be.

    Attributes:
        reason: for the condition.
        message: what is wrong and what to do about it.
        path: part of the object that causes it.
    """

    reason: Reason
    message: str
    path: Path = ()


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
