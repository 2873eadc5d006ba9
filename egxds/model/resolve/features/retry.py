"""retry: when requests are tried again, checked as Envoy would check it. Pure; there is nothing to follow."""

from __future__ import annotations

from egxds.model.api.backend_traffic.retry import Retry
from egxds.model.api.scalars import duration_s
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import Feature, FeatureContext


def _resolve(asked: Retry, context: FeatureContext) -> Retry | Fault:
    pauses = asked.per_retry.back_off
    if pauses.max_interval is not None and duration_s(pauses.max_interval) < duration_s(pauses.base_interval or "0s"):
        path = (*context.path, "perRetry", "backOff", "maxInterval")
        return Fault(Reason.INVALID, "maxInterval is shorter than baseInterval", path)
    return asked


RETRY = Feature("retry", "retry", _resolve, is_deciding=False)
