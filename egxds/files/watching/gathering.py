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
from itertools import takewhile

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
    """What was noticed and not yet looked at.

    What waits for its end stands in two dicts, with the time of its last news and of its first, each in the order of
    these times: what is due stands first, and finding it costs as much as is due.
    """

    def __init__(self) -> None:
        self._complete: set[str | None] = set()
        self._gone: set[str | None] = set()
        self._last_at: dict[str | None, float] = {}
        self._since: dict[str | None, float] = {}
        self._looked_at = -math.inf

    def note(self, noticed: Noticed, now_s: float) -> None:
        """Take something in.

        Args:
            noticed: what.
            now_s: seconds of a clock that never goes back.
        """
        path, notice = noticed.path, noticed.notice
        if notice is Notice.COMPLETE or (notice is Notice.ATTRIBUTES and path not in self._since):
            self._forget(path)
            self._complete.add(path)
            return
        if notice is not Notice.ATTRIBUTES:
            self._complete.discard(path)
            self._gone.discard(path)
        if notice is Notice.GONE:
            self._gone.add(path)
        self._last_at.pop(path, None)
        self._last_at[path] = now_s
        self._since.setdefault(path, now_s)

    def due_s(self) -> float:
        """Return the time of the next look, which may have passed; infinity where there is nothing to look at."""
        quiet_at = _first(self._last_at) + QUIET_S
        waited_at = _first(self._since) + LONGEST_WAIT_S
        return max(-math.inf if self._complete else min(quiet_at, waited_at), self._looked_at + PAUSE_S)

    def take(self, now_s: float) -> Scope:
        """Return what to look at now, which is due, and forget it."""
        taken = self._complete | self._gone
        taken.update(takewhile(lambda path: self._last_at[path] + QUIET_S <= now_s, self._last_at))
        taken.update(takewhile(lambda path: self._since[path] + LONGEST_WAIT_S <= now_s, self._since))
        for path in taken:
            self._forget(path)
        self._looked_at = now_s
        paths = frozenset(path for path in taken if path is not None)
        return paths if len(paths) == len(taken) else Scan.CHANGED

    def _forget(self, path: str | None) -> None:
        self._complete.discard(path)
        self._gone.discard(path)
        self._last_at.pop(path, None)
        self._since.pop(path, None)


def _first(times: dict[str | None, float]) -> float:
    return next(iter(times.values()), math.inf)
