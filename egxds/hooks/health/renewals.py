"""Decides how soon everything is asked again where what an extension said holds no more. Pure.

At once, as a rule: a server that was restarted is to be heard. But to ask everything is a burst of calls, and one of
them may be what the server dies of. It comes back each time, on a new connection, and to ask it everything each time
would have it die all day, with the calls of all others that it is just answering. So while calls fail, the second time
in a row waits for a second, the next ones for 2, 4, 8 and 10.
"""

from __future__ import annotations

import math

FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 10.0


class Renewals:
    """When one extension was asked everything again. Times are seconds on one monotonic clock."""

    def __init__(self) -> None:
        self._last_s = -math.inf
        self._in_a_row = 0

    def pause_s(self, now_s: float, *, is_failing: bool) -> float:
        """Return the seconds after which everything is asked again, which counts as done then.

        Args:
            now_s: the time.
            is_failing: whether calls of the extension fail.
        """
        if not is_failing:
            self._in_a_row = 0
            self._last_s = now_s
            return 0.0
        spacing_s = min(FIRST_PAUSE_S * 2.0 ** (self._in_a_row - 1), MAX_PAUSE_S) if self._in_a_row else 0.0
        due_s = max(now_s, self._last_s + spacing_s)
        self._in_a_row = min(self._in_a_row + 1, 16)
        self._last_s = due_s
        return due_s - now_s
