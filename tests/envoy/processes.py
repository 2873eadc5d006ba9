"""Child processes of tests: tied to the test run, their output kept, ended in seconds."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from io import FileIO
from pathlib import Path

from egxds.app.child_process import bound_to_parent
from tests.envoy.warm_start import WarmProcess, warm_start

ROOT = Path(__file__).parents[2]
STOP_LIMIT_S = 60.0


class Child:
    """A process whose output goes to a file."""

    def __init__(self, name: str, log_path: Path) -> None:
        self.name = name
        self._log_path = log_path
        self._process: subprocess.Popen[bytes] | WarmProcess | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def log(self) -> str:
        """Everything it wrote, restarts included."""
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    def spawn(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
    ) -> None:
        """Start it; its output is added to what it wrote before, below a line that a crash may have cut short.

        Args:
            command: absolute path of the program, and its arguments.
            environment: its variables; None for those of the test.
            descriptors: open files that it inherits.
        """
        with self._open_log() as log:
            self._process = subprocess.Popen(
                bound_to_parent(command),
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=descriptors,
            )

    def spawn_warm(self, arguments: Sequence[str]) -> None:
        """Start `egxds` as a process that has imported it already, with the environment of the test.

        Args:
            arguments: behind `egxds`.
        """
        with self._open_log():
            self._process = warm_start(arguments, self._log_path)

    def _open_log(self) -> FileIO:
        is_split = self.log != "" and not self.log.endswith("\n")
        log = self._log_path.open("ab", buffering=0)
        log.write(b"\n" if is_split else b"")
        return log

    def assert_alive(self) -> None:
        """Fail at once, whoever waits for whatever, where it ended by itself."""
        if self.exit_code is not None:
            raise RuntimeError(f"{self.name} ended with {self.exit_code}:\n{self.log[-4000:]}")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait until it ended; return its exit code."""
        assert self._process is not None
        return self._process.wait(STOP_LIMIT_S)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_LIMIT_S)

    def stop(self) -> int:
        """End it with SIGTERM; return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self.wait()

    def discard(self) -> None:
        """End it if it still runs, and show what it wrote: pytest prints that for tests that failed."""
        self.kill()
        print(f"--- {self.name} ---\n{self.log[-20_000:]}")  # noqa: T201 captured by pytest
