"""The status of a GatewayClass. Pure.

Source: Gateway API v1.6, GatewayClassStatus.
"""

from __future__ import annotations

from egxds.model.resolve.faults import Reason
from egxds.model.resolve.gateway_classes import ClassVerdict
from egxds.model.status.conditions import ConditionType, conditions_json, judged


def gateway_class_status(verdict: ClassVerdict) -> dict[str, object]:
    """Return the Gateway API status of a GatewayClass of ours."""
    accepted = judged(ConditionType.ACCEPTED, verdict.faults, Reason.ACCEPTED, "the class is served here")
    return {"conditions": conditions_json([accepted], verdict.item.generation)}
