"""Files of a shop, to be published."""

from __future__ import annotations

from tests.envoy.backend import EchoBackend
from tests.envoy.client import http_get
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.waiting import wait_for
from tests.ports import free_port

NOTICED_S = 60.0


class Shop:
    """Files of a Gateway with a host for each name, to be published.

    Attributes:
        port: where Envoy listens.
    """

    def __init__(self, backend: EchoBackend) -> None:
        self.port = free_port()
        self._files = {
            "gateway.yaml": gateway("web", http(self.port)),
            "backend.yaml": backend_manifest("echo", backend.port),
        }

    def files(self, *names: str) -> dict[str, str]:
        """Return what serves some hosts."""
        return {**self._files, **{f"routes/{name}.yaml": http_route(name, f"{name}.test", "echo") for name in names}}

    def answers(self, name: str) -> int:
        """Return the status with which a host is answered."""
        return http_get(self.port, f"{name}.test").status

    def wait_answer(self, name: str, status: int = 200) -> None:
        """Wait for an answer."""
        wait_for(lambda: self.answers(name) == status, f"{status} from {name}", NOTICED_S)
