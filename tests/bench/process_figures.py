"""What another process costs: CPU, memory, bytes written; read from the kernel (Linux)."""

from __future__ import annotations

import time
from pathlib import Path

_MIB = 2**20
_QUIET_S, _LOOK_EVERY_S = 0.15, 0.03
_IDLE_SHARE = 0.1
_SAME_S, _CHANGE_MIB = 6.0, 0.5
"""For how long memory stays as it is before it is looked at: the daemon trims its heap in the first quiet seconds."""


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process so far, threads that ended included; to the nanosecond.

    `/proc/<pid>/stat` counts in ticks of 10 ms. This is the clock that `clock_getcpuclockid(3)` names.
    """
    return time.clock_gettime((~pid << 3) | 2)


def thread_cpu_s(pid: int, thread: int) -> float:
    """Return the CPU seconds of one thread of a process so far."""
    spent_ns = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0]
    return int(spent_ns) / 1e9


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / _MIB


def settled_mib(pid: int, limit_s: float = 60.0) -> float:
    """Return the resident memory of a process once it does next to nothing and has given back what it held free."""
    settle(pid, limit_s)
    give_up_at = time.perf_counter() + limit_s
    least, since = resident_mib(pid), time.perf_counter()
    while time.perf_counter() < give_up_at and time.perf_counter() - since < _SAME_S:
        time.sleep(_LOOK_EVERY_S)
        now = resident_mib(pid)
        if now < least - _CHANGE_MIB:
            least, since = now, time.perf_counter()
    return resident_mib(pid)


def written_bytes(pid: int) -> int:
    """Return how many bytes a process has handed to `write` so far, to sockets too."""
    fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(fields["wchar"])


def settle(pid: int, limit_s: float = 60.0) -> None:
    """Wait until a process has done next to nothing for a moment, or the limit has passed."""
    give_up_at = time.perf_counter() + limit_s
    quiet_since, seen, at = time.perf_counter(), cpu_s(pid), time.perf_counter()
    while time.perf_counter() < give_up_at:
        time.sleep(_LOOK_EVERY_S)
        spent, now = cpu_s(pid), time.perf_counter()
        if spent - seen > _IDLE_SHARE * (now - at):
            quiet_since = now
        elif now - quiet_since >= _QUIET_S:
            return
        seen, at = spent, now
