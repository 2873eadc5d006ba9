"""Wire room: how many frames a client may send that cost more than they carry. Pure; time is an argument.

A frame of nine bytes takes h2 as long as one of sixteen thousand, and a stream that is opened and reset takes a task.
So each kind has a budget: it refills with time, up to ten seconds' worth, and what goes beyond ends the connection
(RFC 9113, section 10.5). What a client sends because of what it is sent, WINDOW_UPDATE and ACKs, refills with the bytes
that it is sent and with the number of its streams.

    within the budget ---> taken in
    beyond it -----------> GOAWAY with ENHANCE_YOUR_CALM, and the connection is closed
"""

from __future__ import annotations

from collections.abc import Mapping

from egxds.settings.limits import XdsLimits
from egxds.wire.grpc.frame_boundaries import FrameCost

BURST_S = 10.0
"""Of how many seconds the budget may be spent at once."""

_STREAMS = 50
_SENT_BYTES = 1024


class FrameBudget:
    """What one connection may still send."""

    def __init__(self, limits: XdsLimits, now_s: float) -> None:
        """Start with a full budget.

        Args:
            limits: of the xDS port.
            now_s: monotonic seconds.
        """
        self._rates = {
            FrameCost.STREAM: limits.streams_per_second,
            FrameCost.PING: limits.pings_per_second,
            FrameCost.SETTINGS: limits.settings_per_second,
            FrameCost.OTHER: limits.frames_per_second,
        }
        self._left = {cost: rate * BURST_S for cost, rate in self._rates.items()}
        self._filled_at_s = now_s
        self._sent_bytes = 0

    def spend(self, costs: Mapping[FrameCost, int], now_s: float, streams: int, sent_bytes: int) -> FrameCost | None:
        """Take off what was sent.

        Args:
            costs: of what came.
            now_s: monotonic seconds.
            streams: how many are open on the connection.
            sent_bytes: how much the client has been sent so far.

        Returns:
            What there is too much of; None where all is within the budget.
        """
        self._refill(now_s, streams, sent_bytes)
        for cost, count in costs.items():
            self._left[cost] -= count
        return next((cost for cost in costs if self._left[cost] < 0), None)

    def _refill(self, now_s: float, streams: int, sent_bytes: int) -> None:
        passed_s = now_s - self._filled_at_s
        for cost, rate in self._rates.items():
            share = rate * (1 + streams / _STREAMS) if cost is FrameCost.OTHER else rate
            self._left[cost] = max(self._left[cost], min(self._left[cost] + share * passed_s, share * BURST_S))
        # Not bounded by the burst: what was sent is sent once.
        self._left[FrameCost.OTHER] += (sent_bytes - self._sent_bytes) / _SENT_BYTES
        self._filled_at_s, self._sent_bytes = now_s, sent_bytes
