"""What limits the memory of this process, and how much of it is used. Reads /proc and /sys/fs/cgroup.

Three limits count, each with a use of its own: memory.max of the control group (MemoryMax of systemd, `docker run -m`)
and of all above it, where pages of files are not counted, as the kernel takes them back first; RLIMIT_AS (`ulimit -v`);
and RLIMIT_DATA (`ulimit -d`).
"""

from __future__ import annotations

import contextlib
import re
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PAGE_BYTES = resource.getpagesize()
_UNLIMITED = "max"
_CACHED = re.compile(r"^(?:active_file|inactive_file) (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """A limit, and how near it is.

    Attributes:
        limit_bytes: the limit.
        used_bytes: of it, by whoever it is for.
        source: what sets it, as an operator calls it.
    """

    limit_bytes: int
    used_bytes: int
    source: str

    @property
    def left_bytes(self) -> int:
        """What there is still to be had; less than nothing where the limit was lowered."""
        return self.limit_bytes - self.used_bytes


def nearest_limit(root: Path = Path("/")) -> MemoryUse | None:
    """Return the limit of which least is left; nothing where there is none, or no way to see it.

    Args:
        root: directory that /proc and /sys are below.
    """
    return min((*_of_process(root), *_of_groups(root)), key=lambda use: use.left_bytes, default=None)


def resident_bytes() -> int:
    """Return the memory that this process has in use; 0 where there is no way to see it."""
    pages = _pages(Path("/"))
    return pages[1] * _PAGE_BYTES if pages else 0


def _of_process(root: Path) -> Iterator[MemoryUse]:
    pages = _pages(root)
    if not pages:
        return
    rules = ((resource.RLIMIT_AS, pages[0], "ulimit -v"), (resource.RLIMIT_DATA, pages[5], "ulimit -d"))
    for kind, used, source in rules:
        limit_bytes, _ = resource.getrlimit(kind)
        if limit_bytes != resource.RLIM_INFINITY:
            yield MemoryUse(limit_bytes, used * _PAGE_BYTES, source)


def _pages(root: Path) -> list[int]:
    """Return what proc(5) says of a process in /proc/self/statm: size, resident, ..., and data."""
    return [int(word) for word in (_read(root / "proc/self/statm") or "").split()]


def _of_groups(root: Path) -> Iterator[MemoryUse]:
    mounted = root / "sys/fs/cgroup"
    for line in (_read(root / "proc/self/cgroup") or "").splitlines():
        number, _, path = line.split(":", 2)
        if number == "0":  # version 2; others have no such files
            group = mounted / path.strip("/")
            for directory in (group, *group.parents):
                yield from _of_group(directory)
                if directory == mounted:
                    return


def _of_group(directory: Path) -> Iterator[MemoryUse]:
    limit, current, statistics = (_read(directory / f"memory.{name}") for name in ("max", "current", "stat"))
    if limit is None or current is None or limit.strip() == _UNLIMITED:
        return
    cached_bytes = sum(map(int, _CACHED.findall(statistics or "")))
    yield MemoryUse(int(limit), int(current) - cached_bytes, f"memory.max of {directory}")


def _read(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return path.read_text()
    return None
