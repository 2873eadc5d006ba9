"""Which call it was that ended a process, and when it may be asked again. Pure.

A process that ends takes all calls with it that are under way, and one of them is to blame. So they are asked again one
by one, in a process that is there for nothing else: a call that ends that too is the one. It fails, and is not asked
again before a pause that doubles, lest its probes end one process after the other.

    a call ends a process that it had for itself -----------> GUILTY: fails; is asked again after 1, 2, 4, 8, 10 s
    three different ones in a row do ------------------------> so does everything: the rest fail unasked, for 1 s
    it does not ----------------------------------------------> it is innocent, also of what it was guilty of before
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds.hooks.calls import CallKey

FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 10.0
IN_A_ROW = 3
MAX_KNOWN = 1_000


@dataclass(frozen=True, slots=True)
class _Guilt:
    why: str
    times: int
    until_s: float


class Suspects:
    """What is known of calls that ended processes. Times are seconds on one monotonic clock."""

    def __init__(self) -> None:
        self._guilty: dict[CallKey, _Guilt] = {}
        self._in_a_row = 0
        self._hopeless_until_s = 0.0
        self._last_why = ""

    def is_known(self, key: CallKey) -> bool:
        """Whether a call has ended a process before."""
        return key in self._guilty

    def verdict(self, key: CallKey, now_s: float) -> str:
        """Return why a call is not to be asked now; empty where it may be."""
        guilt = self._guilty.get(key)
        return guilt.why if guilt is not None and now_s < guilt.until_s else ""

    def hopeless(self, now_s: float) -> str:
        """Return why no suspect is to be asked now; empty where they may be."""
        return self._last_why if now_s < self._hopeless_until_s else ""

    def convict(self, key: CallKey, why: str, now_s: float) -> None:
        """Take note that a call ended a process that it had for itself."""
        known = self._guilty.pop(key, None)
        times = known.times + 1 if known else 0
        pause_s = min(FIRST_PAUSE_S * 2.0 ** min(times, 16), MAX_PAUSE_S)
        self._guilty[key] = _Guilt(why, times, now_s + pause_s)
        if len(self._guilty) > MAX_KNOWN:
            self._guilty.pop(next(iter(self._guilty)))
        self._in_a_row += 1
        if self._in_a_row >= IN_A_ROW:
            self._hopeless_until_s = now_s + FIRST_PAUSE_S
            self._last_why = why

    def acquit(self, key: CallKey) -> None:
        """Take note that a call ended nothing."""
        self._guilty.pop(key, None)
        self._in_a_row = 0

    def forget(self) -> None:
        """Let nothing hold: the code is another."""
        self._guilty.clear()
        self._in_a_row = 0
        self._hopeless_until_s = 0.0
