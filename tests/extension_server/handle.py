"""Starts the extension server as a process, orders it about, and ends it. For fixtures of any test.

with ExtensionHandle.start() as extension:
    extension.set_mode("hang", hook="Route")
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.ports import free_port

_ROOT = Path(__file__).parents[2]
_ORDER_LIMIT_S = 60.0
_STOP_LIMIT_S = 60.0


class ExtensionHandle:
    """One extension server process.

    Attributes:
        address: where it listens for hook calls: `127.0.0.1:PORT` or `unix:PATH`.
    """

    def __init__(self, address: str, control_port: int, *options: str) -> None:
        """Describe a server; `launch` starts it.

        Args:
            address: where it is to listen.
            control_port: where it takes orders.
            options: more of the server's own options.
        """
        self.address = address
        self._control_port = control_port
        self._more_options = options
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, unix_path: Path | None = None, *options: str) -> Self:
        """Start a server on free ports, or on a Unix socket, and wait until it listens."""
        address = f"unix:{unix_path}" if unix_path else f"127.0.0.1:{free_port()}"
        handle = cls(address, free_port(), *options)
        handle.launch()
        return handle

    @property
    def service(self) -> dict[str, object]:
        """The `service` key of an extension manager's settings that points here."""
        scheme, _, rest = self.address.partition(":")
        if scheme == "unix":
            return {"unix": {"path": rest}}
        return {"ip": {"address": scheme, "port": int(rest)}}

    def launch(self) -> None:
        """Start the process, also again on the same address after it ended, and wait until it listens."""
        command = [sys.executable, "-m", "tests.extension_server.server"]
        options = ["--listen", self.address, "--control", str(self._control_port), *self._more_options]
        self._process = subprocess.Popen([*command, *options], cwd=_ROOT)
        self._await_control()

    def restart(self, word: str) -> None:
        """Start the process again with other logic: what it adds to virtual hosts says this from now on."""
        self.stop()
        self._more_options = (*self._more_options, "--word", word)
        self.launch()

    def say(self, word: str) -> None:
        """Change its logic while it runs: what it adds to virtual hosts says this from now on."""
        self._order({"word": word})

    def count(self) -> None:
        """Have what it adds to virtual hosts say another thing each time that it is asked."""
        self._order({"counting": True})

    def start_over(self) -> None:
        """Be another server on the same address, and work: what was said on the connection before holds no more."""
        self.set_mode("refuse")
        self.set_mode("ok")

    def set_mode(self, mode: str, hook: str | None = None, **details: int) -> None:
        """Say what to do from now on.

        Args:
            mode: one of `tests.extension_server.server.MODES`.
            hook: for this hook only; all of them where None.
            details: `ms` for slow and flap, `size` for oversize.
        """
        order: dict[str, object] = {"mode": mode, **details}
        if hook is not None:
            order["hook"] = hook
        answer = self._order(order)
        assert "error" not in answer, answer["error"]

    def calls(self) -> dict[str, int]:
        """Return how often each hook was called since the process started."""
        counts: dict[str, int] = self._order({})["calls"]
        return counts

    def cancelled(self) -> dict[str, int]:
        """Return how often a client gave up on a call of each hook."""
        counts: dict[str, int] = self._order({})["cancelled"]
        return counts

    def watches(self) -> int:
        """Return how many clients have asked it about its health."""
        count: int = self._order({})["watches"]
        return count

    def say_serving(self, *, is_serving: bool) -> None:
        """Have it say of itself that it serves, or that it does not."""
        self._order({"serving": is_serving})

    def revive(self) -> None:
        """Launch the process again on its address, if it has ended."""
        if self._process is None or self._process.poll() is not None:
            self.launch()

    def wait_dead(self) -> None:
        """Wait until the process has ended by itself."""
        assert self._process is not None
        self._process.wait(_STOP_LIMIT_S)

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP_LIMIT_S)
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _order(self, order: dict[str, object]) -> dict[str, Any]:
        with socket.create_connection(("127.0.0.1", self._control_port), _ORDER_LIMIT_S) as connection:
            connection.sendall(json.dumps(order).encode() + b"\n")
            answer: dict[str, Any] = json.loads(connection.makefile().readline())
        return answer

    def _await_control(self) -> None:
        process = self._process
        assert process is not None
        while process.poll() is None:
            with suppress(ConnectionRefusedError):
                self._order({})
                return
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        raise RuntimeError(f"the extension server ended with {process.returncode} before it listened on {self.address}")
