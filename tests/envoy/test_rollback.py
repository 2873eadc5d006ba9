"""An earlier generation of files in force again, with an Envoy under load: no request fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.client import SteadyClient
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy


def run(daemon: Daemon, *words: str) -> str:
    """Run a command as a person does."""
    command = [sys.executable, "-m", "egxds", *words, "-c", str(daemon.settings_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    return done.stdout


@pytest.fixture
def stack(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Stack:
    """Two hosts, of which one will be broken."""
    port = free_port()
    workspace.write("gateway.yaml", gateway("web", http(port)))
    workspace.write("backend.yaml", backend_manifest("echo", backend.port))
    for name in ("a", "b"):
        workspace.write(f"{name}.yaml", http_route(name, f"{name}.test", "echo"))
    daemon = make_daemon(stateDir=str(workspace.root / "state"))
    daemon.start()
    running = Stack(workspace, daemon, start_envoy(daemon), port)
    running.wait_backend("a.test", "echo")
    wait_for(lambda: "new: " in run(daemon, "history"), "the first generation")
    return running


def test_back_and_forth_under_load(stack: Stack) -> None:
    """What is the same in both generations is served throughout, over restarts; what was broken is whole again."""
    daemon, workspace = stack.daemon, stack.workspace
    with SteadyClient(stack.port, "a.test") as client:
        workspace.write("b.yaml", http_route("b", "b.test", "nothing"))
        stack.wait_status("b.test", 500)
        wait_for(lambda: "changed: " in run(daemon, "history"), "the second generation")
        assert "generation 3 is in force" in run(daemon, "rollback", "gen:head~1", "-m", "b is broken")
        stack.wait_backend("b.test", "echo")
        daemon.kill()
        daemon.start()
        wait_for(lambda: daemon.api("clients")["items"], "the Envoy to be back")
        client.wait_for_more()
        stack.wait_backend("b.test", "echo")
        workspace.write("b.yaml", http_route("b", "repaired.test", "echo"))
        stack.wait_backend("repaired.test", "echo")
        client.wait_for_more()
    assert client.failures == []
