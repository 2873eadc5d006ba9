"""What a thread takes of the processors, and for how long it waits for one. Reads /proc.

A thread that has taken next to nothing may be blocked, or it may be ready to run on a machine that does much else: the
kernel knows the second as its delay. Where it does not say so, there is none.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_DELAY = 1
"""Place in /proc/…/schedstat, in nanoseconds: behind the time of processors that was taken."""

_NANOSECONDS = 1e9


@dataclass(frozen=True, slots=True)
class Use:
    """What there was of it until a moment.

    Attributes:
        ran_s: seconds of processor time.
        delayed_s: seconds in which it was ready to run, and others ran.
    """

    ran_s: float = 0.0
    delayed_s: float = 0.0


class ThreadUse:
    """That of the thread which makes it: of one that has ended the C library looks into memory that is gone."""

    def __init__(self) -> None:
        self._clock: int | None = None
        with contextlib.suppress(AttributeError, OSError):  # a system that cannot tell
            self._clock = time.pthread_getcpuclockid(threading.get_ident())
        self._schedstat = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")

    def look(self) -> Use:
        """Return what there was until now; nothing once the thread has ended."""
        return Use(self._ran_s(), self._delayed_s())

    def _ran_s(self) -> float:
        if self._clock is None:
            return 0.0
        try:
            return time.clock_gettime(self._clock)
        except OSError:  # it has ended
            return 0.0

    def _delayed_s(self) -> float:
        try:
            return int(self._schedstat.read_text().split()[_DELAY]) / _NANOSECONDS
        except (OSError, LookupError, ValueError):  # it has ended, or the kernel does not count it
            return 0.0
