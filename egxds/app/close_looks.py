"""How often every file is read though nothing seems to have changed. Pure; time is an argument.

The poll is for file systems that send no events, and whose times may not tell one write from another: so it reads
every file. For 10,000 files that takes more than half a second, for which a change that comes meanwhile has to wait. So
reading all of them gets a five-hundredth of the time at most; polls in between read what has other times than before,
which is what nearly all of them find.
"""

from __future__ import annotations

import math

from egxds.files.reading.content import Scan, Scope

_SHARE = 0.002
"""Of the time, for reading what seems not to have changed."""


class CloseLooks:
    """Says how closely a poll may look."""

    def __init__(self) -> None:
        """Start with nothing read: the first look may be a close one."""
        self._next_at_s = -math.inf

    def scope_of_poll(self, scope: Scope, now_s: float) -> Scope:
        """Return what to read where a poll, or an event, asks for something.

        Args:
            scope: what it asks for.
            now_s: monotonic seconds.
        """
        return Scan.CHANGED if scope is Scan.ALL and now_s < self._next_at_s else scope

    def took(self, scope: Scope, seconds: float, now_s: float) -> None:
        """Take note of how long it took to read something.

        Args:
            scope: what was read.
            seconds: how long that took.
            now_s: monotonic seconds, when it was done.
        """
        if scope is Scan.ALL:
            self._next_at_s = now_s + seconds / _SHARE
