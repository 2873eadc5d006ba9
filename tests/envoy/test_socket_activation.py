"""The service manager keeps the xDS port: while the daemon is away nobody is refused, and all are served afterwards."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.handed_sockets import HandedSockets
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.stack import Stack
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy


@pytest.fixture
def port() -> int:
    """Where Envoys listen."""
    return free_port()


@pytest.fixture
def daemon(workspace: Workspace, backend: EchoBackend, port: int, make_daemon: Callable[..., Daemon]) -> Daemon:
    """A daemon with one route, not started."""
    workspace.write("gateway.yaml", gateway("web", http(port)))
    workspace.write("backend.yaml", backend_manifest("echo", backend.port))
    workspace.write("route.yaml", http_route("a", "a.test", "echo"))
    return make_daemon()


class Callers:
    """One who connects to a port again and again, and leaves at once."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.connected = 0
        self.refused: list[OSError] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.wait(0.005):
            try:
                socket.create_connection(self._address).close()
                self.connected += 1
            except OSError as err:
                self.refused.append(err)


@pytest.fixture
def handed(daemon: Daemon) -> Iterator[HandedSockets]:
    """Its sockets, as the units of the project hand them over."""
    with HandedSockets(daemon, "xds", "admin") as sockets:
        yield sockets


def test_a_restart_refuses_no_connection(
    daemon: Daemon, handed: HandedSockets, workspace: Workspace, port: int, start_envoy: StartEnvoy
) -> None:
    """Who connects while the daemon stops, is away, and starts is not refused; an Envoy that does so is served."""
    handed.launch()
    daemon.wait_ready()
    host, _, xds_port = daemon.settings["xds"]["address"].rpartition(":")
    with Callers((host, int(xds_port))) as callers:
        assert daemon.stop() == 0
        envoy = start_envoy(daemon, wait=False)
        handed.launch()
        daemon.wait_ready()
        Stack(workspace, daemon, envoy, port).wait_backend("a.test", "echo")
    assert callers.refused == []
    assert callers.connected > 0
    (failures,) = envoy.stats("cluster.xds_cluster.upstream_cx_connect_fail").values()
    assert failures == 0


def test_the_file_of_a_unix_socket_stays(daemon: Daemon, tmp_path: Path) -> None:
    """A Unix socket that was handed over is the manager's: the end of the daemon leaves its file where it is."""
    path = tmp_path / "xds.sock"
    daemon.settings["xds"] = {"address": f"unix:{path}"}
    daemon.write_settings()
    with HandedSockets(daemon, "xds") as handed:
        handed.launch()
        daemon.wait_ready()
        assert daemon.stop() == 0
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
