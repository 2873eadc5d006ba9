"""How many frames that carry little a client may send."""

from __future__ import annotations

import pytest

from egxds.settings.limits import XdsLimits
from egxds.wire.grpc.frame_boundaries import FrameCost
from egxds.wire.grpc.frame_budget import BURST_S, FrameBudget

LIMITS = XdsLimits()


def test_ten_seconds_worth_at_once_and_no_more() -> None:
    """It is there again after ten seconds."""
    worth = int(LIMITS.pings_per_second * BURST_S)
    budget = FrameBudget(LIMITS, 0.0)
    assert budget.spend({FrameCost.PING: worth}, 0.0, 1, 0) is None
    assert budget.spend({FrameCost.PING: 1}, 0.0, 1, 0) is FrameCost.PING
    assert budget.spend({FrameCost.PING: worth - 1}, 10.0, 1, 0) is None


def test_rest_is_no_credit() -> None:
    """Whoever was silent for a day may send no more than ten seconds' worth either."""
    budget = FrameBudget(LIMITS, 0.0)
    over = int(LIMITS.settings_per_second * BURST_S) + 1
    assert budget.spend({FrameCost.SETTINGS: over}, 86_400.0, 1, 0) is FrameCost.SETTINGS


@pytest.mark.parametrize(
    ("streams", "sent_bytes", "frames"),
    [(2_000, 0, 80_000), (1, 64 * 1024 * 1024, 65_000), (0, 0, 2_000)],
    ids=["a proxy with 2,000 Envoys, each with an ACK", "WINDOW_UPDATE for 64 MiB", "one that has nothing"],
)
def test_who_has_more_to_answer_may_send_more(streams: int, sent_bytes: int, frames: int) -> None:
    """With the streams it has, and the bytes that it was sent."""
    budget = FrameBudget(LIMITS, 0.0)
    budget.spend({}, 10.0, streams, 0)
    assert budget.spend({FrameCost.OTHER: frames}, 10.0, streams, sent_bytes) is None
    assert budget.spend({FrameCost.OTHER: 5_000}, 10.0, streams, sent_bytes) is FrameCost.OTHER
