"""What is counted of each hook."""

from __future__ import annotations

from egxds.errors import FailureReason
from egxds.hooks.calls import HookFailure
from egxds.hooks.health.reports import HookCounts

LATE = HookFailure(FailureReason.DEADLINE, "no reply within 2 s")
BROKEN = HookFailure(FailureReason.STATUS, "INTERNAL: broken", "INTERNAL")


def test_failures_are_counted_by_reason_and_in_a_row() -> None:
    """A success ends the row and keeps what was counted."""
    counts = HookCounts()
    for at, failure in enumerate((LATE, BROKEN, BROKEN)):
        counts.record(failure, float(at))
    assert counts.consecutive_failures == 3
    counts.record(None, 3.0)
    assert counts == HookCounts(
        calls=4,
        failures=counts.failures,
        consecutive_failures=0,
        last_call_s=3.0,
        last_success_s=3.0,
        last_error="INTERNAL: broken",
    )
    assert dict(counts.failures) == {FailureReason.DEADLINE: 1, FailureReason.STATUS: 2}
