"""How much a process holds: what must not grow."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.envoy.daemon import Daemon

_MIB = 2**20


@dataclass(frozen=True)
class Sample:
    """What the daemon held at one moment at which nothing was going on.

    Attributes:
        tasks: of the event loop.
        descriptors: open files and sockets.
        threads: of the process.
        memory_mib: resident.
    """

    tasks: float
    descriptors: float
    threads: float
    memory_mib: float

    @classmethod
    def of(cls, daemon: Daemon) -> Sample:
        """Ask the daemon's metrics."""
        lines = (line.split() for line in daemon.admin("/metrics").text.splitlines() if not line.startswith("#"))
        metrics = {line[0]: float(line[1]) for line in lines if len(line) == 2}
        return cls(
            tasks=metrics["egxds_tasks"],
            descriptors=metrics["process_open_fds"],
            threads=len(list(Path(f"/proc/{daemon.pid}/task").iterdir())),
            memory_mib=metrics["process_resident_memory_bytes"] / _MIB,
        )


@dataclass(frozen=True)
class Growth:
    """From the second quarter of the samples, after the warming up, to the last.

    Attributes:
        tasks: more of them.
        descriptors: more of them.
        threads: more of them.
        memory_mib: more of it.
    """

    tasks: float
    descriptors: float
    threads: float
    memory_mib: float

    @classmethod
    def over(cls, samples: Sequence[Sample]) -> Growth:
        """Compare medians, so that one odd moment does not count."""
        quarter = max(1, len(samples) // 4)
        before, after = samples[quarter : 2 * quarter], samples[-quarter:]

        def grown(name: str) -> float:
            earlier, later = ([float(getattr(one, name)) for one in group] for group in (before, after))
            return statistics.median(later) - statistics.median(earlier)

        return cls(grown("tasks"), grown("descriptors"), grown("threads"), grown("memory_mib"))
