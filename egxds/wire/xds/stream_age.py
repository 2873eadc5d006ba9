"""When a stream has been open for long enough, so that its Envoy may go to another replica. Draws lots; reads no clock.

Envoys that lost a replica are with the others, and nothing brings them back: a new replica would serve nobody. So a
stream ends at an age (`xds.maxConnectionAge`), each at one of its own around that, lest all that came together go
together. It ends only where that costs its Envoy nothing:

    younger than its age ------------------------> goes on
    something is due, or not taken --------------> goes on: the Envoy would have it later, by way of a reconnect
    silent for less than a second ---------------> goes on: what an Envoy that warms asks for next may be on its way
    all taken, and silent -----------------------> ends, and with the last stream its connection

An Envoy that comes back says what it has, and is sent what differs.

It is for Envoys with one aggregated stream, as our bootstraps have it. Of those with a stream for each type every one
draws its own lot, ends by itself, and comes back on the connection that the others hold: such an Envoy stays.
"""

from __future__ import annotations

import math
import random

QUIET_S = 1.0

_SPREAD = 0.1
"""Part of the age by which a stream may be older or younger."""


class StreamAge:
    """The age of one stream."""

    def __init__(self, most_s: float | None, opened_at_s: float) -> None:
        """Begin.

        Args:
            most_s: age that streams may reach, about; None for any.
            opened_at_s: seconds of a clock that never goes back.
        """
        lot = random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 nobody gains by guessing it
        self._due_s = math.inf if most_s is None else opened_at_s + most_s * lot
        self._last_word_s = opened_at_s

    def spoke(self, now_s: float) -> None:
        """Take note that one side has said something."""
        self._last_word_s = now_s

    def is_quiet(self, now_s: float) -> bool:
        """Tell whether nothing has been said for a while, so that the stream may end without a loss."""
        return now_s - self._last_word_s >= QUIET_S

    def ends_at_s(self) -> float:
        """Return when the stream may end, if nothing is said until then; infinity for never."""
        return max(self._due_s, self._last_word_s + QUIET_S)
