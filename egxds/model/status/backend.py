"""The status of a Backend. Pure.

Source: Envoy Gateway, BackendStatus.
"""

from __future__ import annotations

from egxds.model.resolve.backends import BackendVerdict
from egxds.model.resolve.faults import Reason
from egxds.model.status.conditions import ConditionType, conditions_json, judged


def backend_status(verdict: BackendVerdict) -> dict[str, object]:
    """Return Envoy Gateway's status of a Backend."""
    accepted = judged(ConditionType.ACCEPTED, verdict.faults, Reason.ACCEPTED, "The Backend was accepted")
    return {"conditions": conditions_json([accepted], verdict.item.generation)}
