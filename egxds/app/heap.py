"""Gives memory back to the system that glibc holds free. Reads the clock of the process; calls the C library.

What a change or a new Envoy takes, responses above all, is freed between what lives on, and glibc gives back only what
is free at the end of its heap. After twenty Envoys had each been sent 10,000 clusters, 24 MB were held for nobody, and
so is much of what the first load took. `malloc_trim` returns whole pages in between, too; it took 23 ms where 200 MB
were free, in which others wait for memory. So it is called once work is over:

    something was done since the last time, and for one interval next to nothing ----> trimmed
    much was done since the last time, and it goes on -------------------------------> trimmed all the same
"""

from __future__ import annotations

import ctypes
import time

import anyio
from anyio import to_thread

_EVERY_S = 2.0
_WORTH_IT_CPU_S = 0.1
_QUIET_CPU_S = 0.05
_MUCH_CPU_S = 5.0


class TrimTimes:
    """Says when to trim. Pure: the clock is an argument."""

    def __init__(self, cpu_s: float) -> None:
        """Start with nothing done.

        Args:
            cpu_s: seconds of CPU that the process has taken so far.
        """
        self._trimmed_at_cpu_s = self._looked_at_cpu_s = cpu_s

    def is_due(self, cpu_s: float) -> bool:
        """Say whether to trim now; asked once in an interval.

        Args:
            cpu_s: seconds of CPU that the process has taken so far.
        """
        since_trim_s, since_look_s = cpu_s - self._trimmed_at_cpu_s, cpu_s - self._looked_at_cpu_s
        self._looked_at_cpu_s = cpu_s
        is_quiet = since_look_s < _QUIET_CPU_S
        return since_trim_s >= _MUCH_CPU_S or (is_quiet and since_trim_s >= _WORTH_IT_CPU_S)

    def trimmed(self, cpu_s: float) -> None:
        """Take note that it was done; what it took itself is no reason for the next one."""
        self._trimmed_at_cpu_s = self._looked_at_cpu_s = cpu_s


async def keep_trimmed() -> None:
    """Trim the heap after each piece of work, until cancelled; return at once where the C library is another."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is None:
        return
    times = TrimTimes(time.process_time())
    while True:
        await anyio.sleep(_EVERY_S)
        if times.is_due(time.process_time()):
            # ctypes lets go of the interpreter meanwhile.
            await to_thread.run_sync(malloc_trim, 0)
            times.trimmed(time.process_time())
