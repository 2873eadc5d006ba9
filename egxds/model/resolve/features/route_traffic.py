"""What else a BackendTrafficPolicy asks that stands at routes: a row for each field. Pure.

None of it decides on access: what cannot be done is an error, and what the policy is for goes without it.
"""

from __future__ import annotations

from typing import Any

from egxds.model.api.backend_traffic.bodies import MOST_BYTES, BandwidthLimit, Compression, RequestBuffer
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import Feature, FeatureContext


def _as_written(asked: Any, _context: FeatureContext) -> object:
    return asked


def _switched_on(asked: tuple[Compression, ...], _context: FeatureContext) -> tuple[Compression, ...]:
    """Keep what is named twice, by its type and by its settings; the other is how one is switched off (merging)."""
    return tuple(each for each in asked if each.is_on)


def _countable(asked: RequestBuffer, context: FeatureContext) -> RequestBuffer | Fault:
    if asked.limit > MOST_BYTES:
        message = f"limit is more than {MOST_BYTES} bytes, which Envoy cannot count"
        return Fault(Reason.INVALID, message, (*context.path, "limit"))
    return asked


def _fast_enough(asked: BandwidthLimit, context: FeatureContext) -> BandwidthLimit | Fault:
    for name, direction in (("request", asked.request), ("response", asked.response)):
        if direction is not None and not direction.limit.kib_per_s:
            message = f"{name} is less than 1Ki each second, which is the least that Envoy can do"
            return Fault(Reason.INVALID, message, (*context.path, name, "limit"))
    return asked


COMPRESSION = Feature("compression", "compression", _as_written, is_deciding=False)
COMPRESSOR = Feature("compressor", "compressor", _switched_on, is_deciding=False)
FAULT_INJECTION = Feature("faultInjection", "fault_injection", _as_written, is_deciding=False)
REQUEST_BUFFER = Feature("requestBuffer", "request_buffer", _countable, is_deciding=False)
BANDWIDTH_LIMIT = Feature("bandwidthLimit", "bandwidth_limit", _fast_enough, is_deciding=False)
