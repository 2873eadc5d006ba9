"""A daemon whose standard streams and limits are those that a shell gives it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.envoy.daemon import Daemon
from tests.envoy.waiting import FACT_LIMIT_S, wait_for
from tests.envoy.workspace import Workspace

_METRIC = re.compile(r"(?m)^(\w+)(?:\{.*\})? (\S+)$")


class RedirectedDaemon(Daemon):
    """`egxds serve`, as a shell starts it.

    Attributes:
        redirection: behind the command, such as `2>&-`.
        before: commands of the shell before it, such as `ulimit -v 500000;`.
    """

    def __init__(self, workspace: Workspace, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(workspace, settings)
        self.redirection = ""
        self.before = ""

    @property
    def command(self) -> list[str]:
        """What starts it."""
        return ["/bin/sh", "-c", f'{self.before} exec "$@" {self.redirection}', "sh", *super().command]

    @property
    def descriptors(self) -> Path:
        """Directory of its open file descriptors."""
        return Path(f"/proc/{self.pid}/fd")

    def metric(self, name: str) -> float:
        """Return the value of a metric, the sum where it has labels."""
        found = [float(value) for found, value in _METRIC.findall(self.admin("/metrics").text) if found == name]
        assert found, f"no metric {name}"
        return sum(found)

    def wait_metric(self, name: str, least: float = 1) -> None:
        """Wait until a metric is at least so large."""
        wait_for(lambda: self.metric(name) >= least, f"{name} to reach {least}")

    def wait_log(self, text: str, deadline_s: float = FACT_LIMIT_S) -> None:
        """Wait until the log has some text."""
        wait_for(lambda: text in self.log, f"{text!r} in the log", deadline_s)


class Reader:
    """Whoever reads a log: a named pipe."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._descriptor = -1
        self.read = b""

    def open(self) -> None:
        """Be there to read, from now on."""
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

    def close(self) -> None:
        """Go away."""
        os.close(self._descriptor)

    def fill(self) -> None:
        """Leave no room for a single byte."""
        writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        for size in (4096, 1):
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(writer, b"\n" * size)
        os.close(writer)

    def wait_for(self, text: str) -> None:
        """Read until there is some text."""

        def has_come() -> bool:
            with contextlib.suppress(BlockingIOError):
                self.read += os.read(self._descriptor, 1 << 20)
            return text.encode() in self.read

        wait_for(has_come, f"{text!r} from the pipe")
