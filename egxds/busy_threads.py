"""Work in worker threads, of which others can see whether it gets on. Awaits, reads /proc.

Work that takes long is not stuck: ten thousand routes take a thread many seconds in which nothing else shows. What
tells one from the other is what the kernel knows of the thread:

    it has used time of a processor since the last look ---> it gets on
    it is ready to run, and others run (R) ----------------> it gets on, as soon as it is its turn
    the kernel waits for a disk in its place (D) ----------> it gets on, as soon as the disk does; a new process would
                                                             wait for the same disk
    it sleeps, and has used no time (S) -------------------> nobody knows what it waits for; after a while it is stuck

Where there is no /proc, all of it gets on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from anyio import to_thread

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_SLEEPING = "S"
_STATE, _USER_TIME, _SYSTEM_TIME = 0, 11, 12
"""Places in /proc/…/stat behind the name of the thread, which may have any characters in it: proc(5)."""


@dataclass(slots=True)
class _Work:
    what: str
    used_ticks: int = -1
    asleep_since_s: float | None = None


class BusyThreads:
    """What is being worked on in threads."""

    def __init__(self) -> None:
        """Know of no work yet."""
        self._works: dict[int, _Work] = {}

    async def run(self, what: str, work: Callable[[*Ts], T], *arguments: *Ts, abandon_on_cancel: bool = False) -> T:
        """Have a worker thread do something.

        Args:
            what: it is, for people, such as `reading files`.
            work: to be done.
            arguments: of it.
            abandon_on_cancel: where the caller is cancelled, leave the work to itself and do not wait for its end.

        Returns:
            What the work returns.
        """
        return await to_thread.run_sync(self._noted, what, work, arguments, abandon_on_cancel=abandon_on_cancel)

    def _noted(self, what: str, work: Callable[[*Ts], T], arguments: tuple[*Ts]) -> T:
        thread = threading.get_native_id()
        self._works[thread] = _Work(what)
        try:
            return work(*arguments)
        finally:
            del self._works[thread]

    @property
    def what(self) -> str:
        """What is being worked on for longest; empty where nothing is."""
        return next((work.what for work in self._works.copy().values()), "")

    def asleep(self, now_s: float) -> tuple[str, float]:
        """Look at all threads that work.

        Args:
            now_s: the time, of any clock that is always the same.

        Returns:
            What one of them is at that has not got on for longest, and for how many seconds it has not, by the looks
            so far; nothing and 0 where all get on.
        """
        asleep = [("", 0.0)]
        for thread, work in self._works.copy().items():
            _look(work, thread, now_s)
            if work.asleep_since_s is not None:
                asleep.append((work.what, now_s - work.asleep_since_s))
        return max(asleep, key=lambda one: one[1])


def _look(work: _Work, thread: int, now_s: float) -> None:
    try:
        fields = Path(f"/proc/self/task/{thread}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended meanwhile, or there is no /proc
        return
    used_ticks = int(fields[_USER_TIME]) + int(fields[_SYSTEM_TIME])
    if fields[_STATE] != _SLEEPING or used_ticks != work.used_ticks:
        work.asleep_since_s = None
    elif work.asleep_since_s is None:
        work.asleep_since_s = now_s
    work.used_ticks = used_ticks
