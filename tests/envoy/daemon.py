"""The control plane as a process of its own, the way a user runs it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

from egxds.app.bootstrap import bootstrap
from egxds.app.client_tls import XdsConnection
from egxds.settings.daemon import Settings
from tests.envoy.client import Answer, http_get
from tests.envoy.processes import Child
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port


class Daemon(Child):
    """`egxds serve` on free ports, which it keeps across restarts.

    Attributes:
        settings: what its settings file says; `write_settings` writes changes of it.
        starts_warm: whether it is forked where it is started as it is by default (`tests.envoy.warm_start`).
    """

    starts_warm: ClassVar[bool] = sys.platform == "linux"

    def __init__(self, workspace: Workspace, settings: Mapping[str, Any] | None = None) -> None:
        """Describe it; `start` starts it.

        Args:
            workspace: whose routes it reads.
            settings: keys that are added to, or replace, those of every test.
        """
        super().__init__("egxds", workspace.root / "egxds.log")
        self._workspace = workspace
        self.settings: dict[str, Any] = {
            "sources": {"files": {"paths": [str(workspace.routes)]}},
            "xds": {"address": f"127.0.0.1:{free_port()}"},
            "admin": {"address": f"127.0.0.1:{free_port()}"},
            "logging": {"level": "debug", "format": "json"},
            **(settings or {}),
        }
        self.settings_path = workspace.root / "egxds.yaml"
        self.write_settings()

    @property
    def command(self) -> list[str]:
        """What starts it."""
        return [sys.executable, "-m", "egxds", *self._arguments]

    @property
    def _arguments(self) -> list[str]:
        return ["serve", "-c", str(self.settings_path)]

    def write_settings(self) -> None:
        """Write `settings`, for the next start."""
        self.settings_path.write_text(json.dumps(self.settings, indent=1))

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it, also again after it ended, and wait until it serves."""
        self.launch(environment)
        self.wait_ready()

    def launch(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it without waiting."""
        is_plain = environment is None and self.command == [sys.executable, "-m", "egxds", *self._arguments]
        if is_plain and self.starts_warm:
            self.spawn_warm(self._arguments)
        else:
            self.spawn(self.command, environment)

    def wait_ready(self) -> None:
        """Wait until it says that it serves."""
        wait_for(self._is_ready, "the daemon to be ready")

    def admin(self, path: str) -> Answer:
        """Ask its admin server."""
        host, _, port = self.settings["admin"]["address"].rpartition(":")
        return http_get(int(port), host, path)

    def api(self, path: str, **query: str) -> Any:
        """Return an answer below `/api/v1/` as data."""
        answer = self.admin(f"/api/v1/{path}" + (f"?{urlencode(query)}" if query else ""))
        assert answer.status == 200, answer
        return answer.json

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return its log lines of one event, such as `session.nack`, oldest first; a crash may have cut one short."""
        whole = (line for line in self.log.splitlines() if line.startswith("{") and line.endswith("}"))
        lines = [json.loads(line) for line in whole]
        return [line for line in lines if line.get("event") == event]

    def bootstrap(
        self, selector: str = "default/web", node_id: str = "envoy-1", connection: XdsConnection | None = None
    ) -> dict[str, object]:
        """Return the bootstrap of an Envoy that talks to it."""
        return bootstrap(Settings.model_validate(self.settings), selector, node_id, 0, connection)

    def _is_ready(self) -> bool:
        self.assert_alive()
        return self.admin("/readyz").status == 200
