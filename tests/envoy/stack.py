"""A whole installation: files, daemon, Envoy."""

from __future__ import annotations

from dataclasses import dataclass

from tests.envoy.client import Answer, http_get
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace


@dataclass(frozen=True)
class Stack:
    """What runs, and where it is asked.

    Attributes:
        port: where Envoy listens for HTTP.
    """

    workspace: Workspace
    daemon: Daemon
    envoy: EnvoyProcess
    port: int

    def get(self, host: str, path: str = "/") -> Answer:
        """Send a request through Envoy."""
        return http_get(self.port, host, path)

    def wait_status(self, host: str, status: int, path: str = "/") -> None:
        """Wait until a hostname answers with a status."""

        def answers() -> bool:
            answer = self.get(host, path)
            assert answer.status == status, answer
            return True

        wait_for(answers, f"{status} from {host}{path}")

    def wait_backend(self, host: str, name: str, path: str = "/") -> None:
        """Wait until a hostname is served by a backend of this name."""

        def serves() -> bool:
            answer = self.get(host, path)
            assert answer.status == 200, answer
            assert answer.json["backend"] == name, answer
            return True

        wait_for(serves, f"{host}{path} to be served by {name}")
