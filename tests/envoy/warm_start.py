"""Daemons that start at once: forked from a process that has imported egxds, as `egxds` would, and done nothing else.

An import takes ten times as long as all else that a test asks of a daemon before its first request. What is forked
runs `egxds.__main__` from its first line, with its own arguments, environment, streams and signals. Tests of how
`egxds` starts, or of what a shell hands to it, start it from nothing.

This module is also what is forked from: `python -m tests.envoy.warm_start DESCRIPTOR` answers a JSON text a line.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from egxds import __main__ as egxds_command

_ROOT = Path(__file__).parents[2]
_PR_SET_PDEATHSIG = 1
_LOOK_EVERY_S = 0.01


class WarmProcess:
    """A process that was forked, with what is used here of `subprocess.Popen`."""

    def __init__(self, parent: _Parent, pid: int) -> None:
        self.pid = pid
        self._parent = parent
        self._exit_code: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, less than 0 for a signal; None while it runs."""
        if self._exit_code is None:
            self._exit_code = self._parent.ask({"poll": self.pid})
        return self._exit_code

    def wait(self, timeout: float) -> int:
        """Wait until it ended; return its exit code."""
        give_up_at = time.monotonic() + timeout
        pause = threading.Event()
        while (code := self.poll()) is None:
            if time.monotonic() > give_up_at:
                raise subprocess.TimeoutExpired("egxds", timeout)
            pause.wait(_LOOK_EVERY_S)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, where it still runs: nobody but `poll` lets its number be given away."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """End it with SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self.send_signal(signal.SIGKILL)


def warm_start(arguments: Sequence[str], output: Path) -> WarmProcess:
    """Start `egxds` with the environment that the test has now.

    Args:
        arguments: behind `egxds`.
        output: where both its streams are added to.
    """
    parent = _parent()
    order = {"arguments": list(arguments), "output": str(output), "environment": dict(os.environ)}
    pid = parent.ask({"start": order})
    assert pid is not None
    return WarmProcess(parent, pid)


@functools.cache
def _parent() -> _Parent:
    return _Parent()


class _Parent:
    """The process that is forked from, one for a run, seen from the tests.

    It ends when nobody can ask it any more, and all that was forked with it.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.envoy.warm_start", str(theirs.fileno())]
            self._process = subprocess.Popen(command, cwd=_ROOT, pass_fds=[theirs.fileno()])
        self._file = ours.makefile("rw")
        self._lock = threading.Lock()
        atexit.register(self._end, ours)

    def _end(self, connection: socket.socket) -> None:
        self._file.close()
        connection.close()
        self._process.wait()

    def ask(self, question: Mapping[str, Any]) -> int | None:
        """Return the answer to one question."""
        with self._lock:
            self._file.write(json.dumps(question) + "\n")
            self._file.flush()
            answer: int | None = json.loads(self._file.readline())
        return answer


def _answer(connection: socket.socket) -> None:
    """Answer until the tests are gone; what is forked does not come back."""
    with connection.makefile("r") as questions:
        for line in questions:
            question = json.loads(line)
            answer = _ended(question["poll"]) if "poll" in question else _fork(question["start"])
            connection.sendall(json.dumps(answer).encode() + b"\n")


def _ended(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _fork(order: Mapping[str, Any]) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _become(parent, order)
        finally:
            os._exit(70)
    return pid


def _become(parent: int, order: Mapping[str, Any]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(70)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for descriptor in (1, 2):
        os.dup2(os.open(order["output"], os.O_WRONLY | os.O_APPEND | os.O_CREAT), descriptor)
    os.closerange(3, 10)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["egxds", *order["arguments"]]
    egxds_command.main()


def _serve(descriptor: int) -> None:
    from egxds.cli import application  # noqa: F401, PLC0415 what `egxds` imports by and by
    from egxds.cli.imports import lasting  # noqa: PLC0415

    with lasting():
        from egxds.cli import daemon  # noqa: F401, PLC0415

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    with socket.socket(fileno=descriptor) as connection:
        _answer(connection)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
