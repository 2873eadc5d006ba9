"""What another process uses, as /proc says. Reads files; where there is no /proc, everything is 0."""

from __future__ import annotations

import os
import resource
from pathlib import Path

_PAGE_BYTES = resource.getpagesize()
_USER_TIME, _SYSTEM_TIME = 11, 12
"""Of the words behind the name of the program, in proc(5)."""


def resident_bytes(pid: int) -> int:
    """Return the memory that a process has in use; 0 where it has ended."""
    words = _read(pid, "statm").split()
    return int(words[1]) * _PAGE_BYTES if len(words) > 1 else 0


def cpu_s(pid: int) -> float:
    """Return the seconds of processor time that a process has taken; 0 where it has ended."""
    words = _read(pid, "stat").rpartition(")")[2].split()
    if len(words) <= _SYSTEM_TIME:
        return 0.0
    return (int(words[_USER_TIME]) + int(words[_SYSTEM_TIME])) / os.sysconf("SC_CLK_TCK")


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except OSError:
        return ""
