"""Ties a child process to ours, so that it never outlives us, whatever ends us. Standard library only.

The child starts as this file, asks the kernel for a SIGKILL on the death of its parent, and becomes the
program. Asking between fork and exec inside our own process would not do: other threads may hold locks then.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def bound_to_parent(command: Sequence[str]) -> list[str]:
    """Return the command that starts a program as a child that dies with us.

    The child must be started from a thread that lives as long as the process: the kernel counts the
    starting thread as the parent. Linux forgets the wish where the program carries file capabilities.

    Args:
        command: absolute path of the program, and its arguments.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _become(parent: int, command: Sequence[str]) -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        if os.getppid() != parent:
            # The parent was gone before the kernel knew our wish.
            sys.exit(1)
    os.execv(command[0], list(command))  # noqa: S606 the program the caller named


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
