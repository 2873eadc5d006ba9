"""Processes that hang, as a test wants them.

kill(2) returns when the signal is queued. One thread of the process takes it when it next gets a processor, and only
then are the others told: on a busy machine they go on for some milliseconds, which is time enough for an answer.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

_LIMIT_S = 30.0
_BETWEEN_S = 0.001


def halt(pid: int) -> None:
    """Stop a process with its connections open; return when no thread of it runs any more.

    Raises:
        TimeoutError: one still runs after half a minute.
    """
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + _LIMIT_S
    while not all(_is_stopped(thread) for thread in Path(f"/proc/{pid}/task").iterdir()):
        if time.monotonic() > end:
            raise TimeoutError(f"process {pid} has not stopped within {_LIMIT_S:.0f} s")
        time.sleep(_BETWEEN_S)


def _is_stopped(thread: Path) -> bool:
    """Tell whether it is stopped; one that has ended meanwhile runs no more."""
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0] in "TZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
