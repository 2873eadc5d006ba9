"""A real Envoy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.envoy.client import Answer, http_get
from tests.envoy.processes import Child
from tests.envoy.waiting import wait_for

ALONE = ("--disable-hot-restart", "--drain-time-s", "1")
"""Options of an Envoy that no other takes over, and that drops what it drains after one second."""


def check_config(binary: Path, config: Mapping[str, Any], directory: Path) -> subprocess.CompletedProcess[str]:
    """Have an Envoy look at a configuration without running it; its exit code is 0 where it takes it."""
    path = directory / "bootstrap.json"
    path.write_text(json.dumps(config))
    run = [str(binary), "--mode", "validate", "-c", str(path), "--log-level", "warn"]
    return subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)


class EnvoyProcess(Child):
    """An Envoy with a bootstrap, and its admin page on a free port."""

    def __init__(self, binary: Path, bootstrap: Mapping[str, Any], directory: Path) -> None:
        """Describe it; `start` starts it.

        Args:
            binary: the Envoy.
            bootstrap: the port of its admin page is replaced by 0.
            directory: an empty directory of its own.
        """
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__("envoy", directory / "envoy.log")
        self._binary = binary
        self._config = directory / "bootstrap.json"
        self._admin_address = directory / "admin-address"
        admin = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}
        self._config.write_text(json.dumps({**bootstrap, "admin": admin}))

    def start(self, options: Sequence[str] = ALONE) -> None:
        """Start it, also again, and wait until its admin page answers; that is before it is ready.

        Args:
            options: how it drains and restarts.
        """
        self._admin_address.unlink(missing_ok=True)
        run = ["-c", str(self._config), "--concurrency", "2"]
        levels = ["--log-level", "warning", "--component-log-level", "upstream:info,config:info,init:info"]
        logs = [*levels, "--admin-address-path", str(self._admin_address)]
        self.spawn([str(self._binary), *run, *logs, *options])
        wait_for(self._answers, "Envoy's admin page")

    @property
    def admin_address(self) -> str:
        """Where its admin page is, once it is started."""
        return self._admin_address.read_text().strip()

    def admin(self, path: str) -> Answer:
        """Ask the admin page."""
        host, _, port = self._admin_address.read_text().rpartition(":")
        assert port, "Envoy has not written its admin address yet"
        return http_get(int(port), host, path)

    def wait_ready(self) -> None:
        """Wait until it has its first configuration."""
        wait_for(lambda: self.admin("/ready").text.strip() == "LIVE", "Envoy to be ready")

    def stats(self, pattern: str = "") -> dict[str, int]:
        """Return counters and gauges by name.

        Args:
            pattern: regular expression that the names contain.
        """
        lines = self.admin(f"/stats?type=All&filter={pattern}").text.splitlines()
        pairs = [line.split(": ", 1) for line in lines]
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}

    def config_dump(self, section: str) -> list[dict[str, Any]]:
        """Return one section's entries.

        Args:
            section: the message's short name, such as `ListenersConfigDump`.
        """
        parts: list[dict[str, Any]] = self.admin("/config_dump?include_eds").json["configs"]
        return [part for part in parts if part["@type"].endswith("." + section)]

    def _answers(self) -> bool:
        self.assert_alive()
        return self.admin("/ready").status > 0
