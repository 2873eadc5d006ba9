"""Input that is broken, missing or empty at a start: a new Envoy is given what was served last, and people are told."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.client import SteadyClient
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route, https
from tests.envoy.metrics_page import MetricsPage
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy


@pytest.fixture
def state_dir(workspace: Workspace) -> Path:
    """Where the last good input is kept."""
    return workspace.root / "state"


@pytest.fixture
def stack(
    workspace: Workspace,
    backend: EchoBackend,
    state_dir: Path,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
) -> Stack:
    """Two hosts, each in a file of its own, and a certificate."""
    port = free_port()
    workspace.write("gateway.yaml", gateway("web", http(port), https(free_port(), "tls.test", "tls")))
    workspace.write("secret.yaml", Authority().issue("tls.test").secret("tls"))
    workspace.write("backend.yaml", backend_manifest("echo", backend.port))
    for name in ("a", "b"):
        workspace.write(f"{name}.yaml", http_route(name, f"{name}.test", "echo"))
    daemon = make_daemon(stateDir=str(state_dir))
    daemon.start()
    running = Stack(workspace, daemon, start_envoy(daemon), port)
    running.wait_backend("a.test", "echo")
    wait_for(lambda: b"b.test" in kept(state_dir), "the input to be kept")
    return running


def kept(state_dir: Path) -> bytes:
    """Return what is kept of the input."""
    path = state_dir / "input.last-good"
    return path.read_bytes() if path.exists() else b""


def ready(daemon: Daemon) -> str:
    """Return what /readyz says, which is to be 200."""
    answer = daemon.admin("/readyz")
    assert answer.status == 200
    return answer.text


def status(daemon: Daemon) -> subprocess.CompletedProcess[str]:
    """Ask as a person does."""
    command = [sys.executable, "-m", "egxds", "status", "-c", str(daemon.settings_path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def versions(daemon: Daemon) -> dict[str, str]:
    """Return every resource with its version."""
    return {f"{each['type']} {each['name']}": each["version"] for each in daemon.api("config_dump")["items"]}


def unmount(routes: Path) -> None:
    """Leave an empty directory."""
    shutil.rmtree(routes)
    routes.mkdir()


def garble(routes: Path) -> None:
    """Leave files that are no text, and cut ones."""
    for path in routes.iterdir():
        path.write_bytes(b"\xff\xfe" if path.name < "c" else path.read_bytes()[:-30] + b"\n  {")


@pytest.mark.parametrize(
    "damage", [lambda routes: routes.rename(routes.with_name("away")), unmount, garble], ids=["gone", "empty", "broken"]
)
def test_a_new_envoy_gets_all_that_was_served(
    stack: Stack, start_envoy: StartEnvoy, damage: Callable[[Path], object]
) -> None:
    """Under traffic: the Envoy that was there is told nothing, a new one is given everything, people are told."""
    daemon, routes = stack.daemon, stack.workspace.routes
    before = versions(daemon)
    copy = shutil.copytree(routes, stack.workspace.root / "copy")
    with SteadyClient(stack.port, "a.test") as client:
        daemon.kill()
        damage(routes)
        daemon.start()
        assert versions(daemon) == before
        wait_for(lambda: daemon.api("clients")["items"], "the Envoy to be back")
        client.wait_for_more()
    assert client.failures == []
    stack.envoy.stop()
    start_envoy(daemon)
    for host in ("a.test", "b.test"):
        stack.wait_backend(host, "echo")
    assert "the last good state of " in ready(daemon)
    metrics = MetricsPage(daemon)
    metrics.wait_over("egxds_last_good_since_timestamp_seconds", least=1)
    assert (metrics.value("egxds_last_good_in_force") or 0) > 0
    told = status(daemon)
    assert told.returncode == 1, told
    # What is logged is written behind the way to Envoy, and behind what is counted.
    wait_for(lambda: daemon.events("files.last_good_in_force"), "it to be logged")
    (event,) = daemon.events("files.last_good_in_force")
    assert event["level"] == "warning"
    shutil.rmtree(routes, ignore_errors=True)
    shutil.copytree(copy, routes)
    stack.workspace.write("a.yaml", http_route("a", "repaired.test", "echo"))
    stack.wait_backend("repaired.test", "echo")
    wait_for(lambda: ready(daemon) == "ok\n", "all to be well")
    metrics.wait("egxds_last_good_in_force", value=0)
    wait_for(lambda: daemon.events("files.last_good_over"), "its end to be logged")
    assert len(daemon.events("files.last_good_over")) == 1


def test_a_running_daemon_keeps_what_it_has(stack: Stack) -> None:
    """Its volume is gone, and then empty: no request fails; a file with a comment says that it is meant."""
    daemon, routes = stack.daemon, stack.workspace.routes
    with SteadyClient(stack.port, "a.test") as client:
        routes.rename(routes.with_name("away"))
        wait_for(lambda: "does not exist" in ready(daemon), "the missing directory to be told of")
        routes.mkdir()
        wait_for(lambda: "nothing is left of what was read" in ready(daemon), "the empty directory to be told of")
        client.wait_for_more()
    assert client.failures == []
    stack.workspace.write("none.yaml", "# nothing is served on purpose\n")
    wait_for(lambda: "no Gateway of ours is defined" in ready(daemon), "everything to be gone")


def test_an_edit_while_it_was_down_is_served_beside_a_broken_file(stack: Stack, start_envoy: StartEnvoy) -> None:
    """What can be read is believed, also that something is gone; of the broken file the last good state is served."""
    stack.daemon.stop()
    stack.envoy.stop()
    stack.workspace.write("gateway.yaml", b"\0")
    stack.workspace.write("a.yaml", http_route("a", "edited.test", "echo"))
    stack.workspace.delete("b.yaml")
    stack.daemon.start()
    start_envoy(stack.daemon)
    stack.wait_backend("edited.test", "echo")
    stack.wait_status("b.test", 404)
    assert stack.get("a.test").status == 404


def wait_written(state_dir: Path, size_bytes: int) -> None:
    """Wait until the file of the input has another size."""
    wait_for(lambda: len(kept(state_dir)) != size_bytes, "the input to be written")


def test_a_crash_while_edits_are_written(stack: Stack, state_dir: Path) -> None:
    """However often: there is always a good state that was one, and nothing is set aside."""
    daemon, routes = stack.daemon, stack.workspace.routes
    away = routes.with_name("away")
    for number in range(8):
        size_bytes = len(kept(state_dir))
        for edit in range(4):
            name = f"e{number}-{edit}"
            stack.workspace.write(f"{name}.yaml", http_route(name, f"{name}.test", "echo"))
        wait_written(state_dir, size_bytes)
        daemon.kill()
        routes.rename(away)
        daemon.start()
        served = daemon.admin("/api/v1/config_dump").text
        assert [host for host in ("a.test", "b.test") if f'"{host}"' not in served] == []
        away.rename(routes)
        wait_for(lambda: ready(daemon) == "ok\n", "the files to be read")
    assert daemon.events("files.last_good_ignored") == []
    stack.wait_backend("e7-3.test", "echo")
