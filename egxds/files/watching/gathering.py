"""When what was noticed is to be looked at, and how much of it at once. Pure; time is an argument.

A file that was closed after writing, or renamed into place, is complete: after a quiet time it is looked at without
delay. One that was modified and not closed is half-written, and a half-written file can open a door: of 443 prefixes of
a route's file 101 parse, 21 of them with a rule that has lost its filter. So it waits for its end, and while it does
nobody else reads it either, be it for the poll or on SIGHUP (`is_being_written`):

    WRITING - closed after writing, or renamed into place -> COMPLETE, looked at with the next look
    WRITING - not modified for 5 s, or 60 s passed --------> looked at as it is: some writers keep a file open
    OPEN ---- closed after writing, or renamed into place --> COMPLETE, looked at with the next look
    OPEN ---- nothing came for 25 ms, or 500 ms passed ----> looked at as it is: whoever makes a link or a directory
              closes nothing
    GONE ---- removed, or renamed to elsewhere ------------> looked at with the next look, or after 25 ms: most of what
              goes is replaced by something, or stands elsewhere, a moment later
    COMPLETE, GONE, OPEN -- modified -----------------------> WRITING
    COMPLETE, GONE, WRITING -- made anew -------------------> OPEN

Two looks are 100 ms apart: what follows the first change of a burst is gathered, be it 50 files or 500 edits in a
second, and the last of it waits no longer than that.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from egxds.files.reading.content import Scan, Scope

QUIET_S = 0.025
"""Time without news after which what is new and was not closed is looked at."""

LONGEST_WAIT_S = 0.5
"""What goes on for so long is looked at all the same."""

WRITER_QUIET_S = 5.0
"""Time for which a writer may pause in the middle of a file: a renderer, a copy over a slow network."""

WRITER_LONGEST_S = 60.0
"""Time after which a file is looked at although somebody goes on writing."""

PAUSE_S = 0.1
"""Time between two looks."""


class Notice(enum.Enum):
    """What became known of a path."""

    COMPLETE = enum.auto()
    OPEN = enum.auto()
    WRITING = enum.auto()
    GONE = enum.auto()
    ATTRIBUTES = enum.auto()
    """Rights or times are others; that says nothing about whether somebody writes."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """A path, and what became known of it; without a path, something of which nobody knows where."""

    path: str | None
    notice: Notice


class _Waiting:
    """Paths that wait for their end.

    They stand in two dicts, with the time of their last news and of their first, each in the order of these times: what
    is due stands first, and finding it costs as much as is due.
    """

    def __init__(self, quiet_s: float, longest_s: float) -> None:
        self._quiet_s = quiet_s
        self._longest_s = longest_s
        self._last_at: dict[str | None, float] = {}
        self._since: dict[str | None, float] = {}

    def __contains__(self, path: str | None) -> bool:
        return path in self._since

    def note(self, path: str | None, now_s: float) -> None:
        self._last_at.pop(path, None)
        self._last_at[path] = now_s
        self._since.setdefault(path, now_s)

    def forget(self, path: str | None) -> None:
        self._last_at.pop(path, None)
        self._since.pop(path, None)

    def due_s(self) -> float:
        return min(_first(self._last_at) + self._quiet_s, _first(self._since) + self._longest_s)

    def due(self, now_s: float) -> Iterator[str | None]:
        yield from takewhile(lambda path: self._last_at[path] + self._quiet_s <= now_s, self._last_at)
        yield from takewhile(lambda path: self._since[path] + self._longest_s <= now_s, self._since)


class Gathering:
    """What was noticed and not yet looked at."""

    def __init__(self) -> None:
        self._complete: set[str | None] = set()
        self._gone: set[str | None] = set()
        self._open = _Waiting(QUIET_S, LONGEST_WAIT_S)
        self._written = _Waiting(WRITER_QUIET_S, WRITER_LONGEST_S)
        self._looked_at = -math.inf

    def note(self, noticed: Noticed, now_s: float) -> None:
        """Take something in.

        Args:
            noticed: what.
            now_s: seconds of a clock that never goes back.
        """
        path, notice = noticed.path, noticed.notice
        waiting = next((each for each in (self._open, self._written) if path in each), None)
        if notice is Notice.ATTRIBUTES and waiting is not None:
            waiting.note(path, now_s)
            return
        if notice in (Notice.COMPLETE, Notice.ATTRIBUTES):
            self._forget(path)
            self._complete.add(path)
            return
        joined = self._written if notice is Notice.WRITING else self._open
        if waiting is not joined:
            self._forget(path)
        self._complete.discard(path)
        self._gone.discard(path)
        if notice is Notice.GONE:
            self._gone.add(path)
        joined.note(path, now_s)

    def is_being_written(self, path: str) -> bool:
        """Whether somebody writes to a file and has not closed it, as far as is known; may be asked by any thread.

        Args:
            path: real.
        """
        return path in self._written

    def due_s(self) -> float:
        """Return the time of the next look, which may have passed; infinity where there is nothing to look at."""
        waited_s = -math.inf if self._complete else min(self._open.due_s(), self._written.due_s())
        return max(waited_s, self._looked_at + PAUSE_S)

    def take(self, now_s: float) -> Scope:
        """Return what to look at now, which is due, and forget it."""
        taken = self._complete | self._gone
        taken.update(self._open.due(now_s), self._written.due(now_s))
        for path in taken:
            self._forget(path)
        self._looked_at = now_s
        paths = frozenset(path for path in taken if path is not None)
        return paths if len(paths) == len(taken) else Scan.CHANGED

    def _forget(self, path: str | None) -> None:
        self._complete.discard(path)
        self._gone.discard(path)
        self._open.forget(path)
        self._written.forget(path)


def _first(times: dict[str | None, float]) -> float:
    return next(iter(times.values()), math.inf)
