"""The example extension servers run as they are, before a real Envoy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from tests.envoy.backend import EchoBackend
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.processes import ROOT, Child
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

EXAMPLE = ROOT / "config" / "examples" / "extension-server"
BUILD_LIMIT_S = 900

Answers = Callable[[Sequence[str]], str | None]


@pytest.fixture
def answers(
    workspace: Workspace,
    backend: EchoBackend,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
    tmp_path: Path,
) -> Answers:
    """Serves the example with a server that a command starts; returns what its header says."""

    def serve(command: Sequence[str]) -> str | None:
        shutil.copytree(EXAMPLE / "routes", workspace.routes, dirs_exist_ok=True)
        port, server_port = free_port(), free_port()
        text = (workspace.routes / "hello.yaml").read_text()
        workspace.write("hello.yaml", text.replace("8080", str(port)).replace("3000", str(backend.port)))
        managers = yaml.safe_load((EXAMPLE / "egxds.yaml").read_text())["extensionManagers"]
        managers[0]["service"]["ip"]["port"] = server_port
        server = Child("extension server", tmp_path / "server.log")
        server.spawn([*command, "--listen", f"127.0.0.1:{server_port}"])
        try:
            daemon = make_daemon(extensionManagers=managers)
            daemon.start()
            start_envoy(daemon)
            wait_for(lambda: http_get(port).status == 200, f"an answer; the server says: {server.log}", 30)
            return http_get(port).headers.get("x-served-by")
        finally:
            server.kill()

    return serve


def test_the_server_in_python(answers: Answers) -> None:
    """It needs nothing but what comes with egxds."""
    assert answers([sys.executable, str(EXAMPLE / "server.py")]) == "an extension in Python"


@pytest.mark.timeout(BUILD_LIMIT_S)
def test_the_server_in_go(answers: Answers, tmp_path: Path) -> None:
    """It is built of Envoy Gateway's own package, as servers for Envoy Gateway are."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("there is no go on this machine to build the example with")
    built = tmp_path / "served-by"
    command = [go, "build", "-mod=readonly", "-buildvcs=false", "-o", str(built), "."]
    subprocess.run(command, cwd=EXAMPLE / "go", env=dict(os.environ), check=True, timeout=BUILD_LIMIT_S)
    assert answers([str(built)]) == "an extension in Go"
