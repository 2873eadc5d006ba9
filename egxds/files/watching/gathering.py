"""When what was noticed is to be looked at, and how much of it at once. Pure; time is an argument.

A file that was closed after writing, or renamed into place, is complete: after a quiet time it is looked at without
delay. One that was only modified may be half-written, and a half-written file can open a door: of 443 prefixes of a
route's file 101 parse, 21 of them with a rule that has lost its filter. So it waits for its end:

    OPEN ---- closed after writing, or renamed into place --> COMPLETE, looked at with the next look
    OPEN ---- nothing came for 25 ms, or 500 ms passed ----> looked at as it is: whoever maps a file, or makes a link
              or a directory, closes nothing
    GONE ---- removed, or renamed to elsewhere ------------> looked at with the next look, or after 25 ms: most of what
              goes is replaced by something, or stands elsewhere, a moment later
    COMPLETE, GONE -- modified again -----------------------> OPEN

Two looks are 100 ms apart: what follows the first change of a burst is gathered, be it 50 files or 500 edits in a
second, and the last of it waits no longer than that.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from egxds.files.reading.content import Scan, Scope

QUIET_S = 0.025
"""Time without news after which a file that nobody closed is taken to be written."""

LONGEST_WAIT_S = 0.5
"""What goes on for so long is looked at all the same."""

PAUSE_S = 0.1
"""Time between two looks."""


class Notice(enum.Enum):
    """What became known of a path."""

    COMPLETE = enum.auto()
    OPEN = enum.auto()
    GONE = enum.auto()
    ATTRIBUTES = enum.auto()
    """Rights or times are others; that says nothing about whether somebody writes."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """A path, and what became known of it; without a path, something of which nobody knows where."""

    path: str | None
    notice: Notice


class Gathering:
    """What was noticed and not yet looked at."""

    def __init__(self) -> None:
        self._complete: set[str] = set()
        self._gone: set[str] = set()
        self._open: set[str] = set()
        self._is_lost = False
        self._looked_at = -math.inf
        self._waiting_since = math.inf
        self._last_at = -math.inf

    def note(self, noticed: Noticed, now_s: float) -> None:
        """Take something in.

        Args:
            noticed: what.
            now_s: seconds of a clock that never goes back.
        """
        path, notice = noticed.path, noticed.notice
        if path is None:
            self._is_lost = True
        elif notice is Notice.COMPLETE or (notice is Notice.ATTRIBUTES and path not in self._open):
            self._move(path, self._complete)
            return
        elif notice is not Notice.ATTRIBUTES:
            self._move(path, self._gone if notice is Notice.GONE else self._open)
        self._last_at = now_s
        self._waiting_since = min(self._waiting_since, now_s)

    def due_s(self) -> float:
        """Return the time of the next look, which may have passed; infinity where there is nothing to look at."""
        return max(-math.inf if self._complete else self._quiet_at(), self._looked_at + PAUSE_S)

    def take(self, now_s: float) -> Scope:
        """Return what to look at now, which is due, and forget it."""
        is_quiet = now_s >= self._quiet_at()
        scope: Scope = frozenset(self._complete | self._gone | (self._open if is_quiet else set()))
        if self._is_lost:
            scope = Scan.CHANGED
        self._complete.clear()
        self._gone.clear()
        self._is_lost = False
        if is_quiet:
            self._open.clear()
        if not self._open:
            self._waiting_since = math.inf
        self._looked_at = now_s
        return scope

    def _quiet_at(self) -> float:
        if not (self._open or self._gone or self._is_lost):
            return math.inf
        return min(self._last_at + QUIET_S, self._waiting_since + LONGEST_WAIT_S)

    def _move(self, path: str, to: set[str]) -> None:
        for paths in (self._complete, self._gone, self._open):
            paths.discard(path)
        to.add(path)
