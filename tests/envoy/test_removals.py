"""What disappears from the files for a moment only is served as if it had never been away."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.client import SteadyClient
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend as backend_object
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

ROUTE = http_route("a", "a.test", "echo")


@pytest.fixture
def stack(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Stack:
    """The host `a.test`; what disappears stays for longer than any of this takes."""
    port = free_port()
    workspace.write("gateway.yaml", gateway("web", http(port)) + backend_object("echo", backend.port))
    workspace.write("a.yaml", ROUTE)
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "1h"}})
    daemon.start()
    running = Stack(workspace, daemon, start_envoy(daemon), port)
    running.wait_backend("a.test", "echo")
    return running


def reads(stack: Stack) -> float:
    """Return how often the files have been read."""
    lines = stack.daemon.admin("/metrics").text.splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("egxds_config_loads_total{"))


def until_read(stack: Stack, change: Callable[[], object]) -> None:
    """Change something, and wait until the daemon has read it."""
    before = reads(stack)
    change()
    wait_for(lambda: reads(stack) > before, "the files to be read")


def source(stack: Stack) -> str:
    """Return the file that the route comes from."""
    (item,) = stack.daemon.api("objects", kind="HTTPRoute", name="a")["items"]
    return Path(item["source"]["file"]).name


def test_a_file_that_is_being_replaced_keeps_serving(stack: Stack) -> None:
    """Emptied by a shell's `>`, deleted by a checkout, moved in two steps, and read again meanwhile."""
    path = stack.workspace.routes / "a.yaml"
    moved = path.with_name("moved.yaml")
    with SteadyClient(stack.port, "a.test") as client:
        until_read(stack, lambda: path.write_text(""))
        until_read(stack, lambda: stack.daemon.signal(signal.SIGHUP))
        client.wait_for_more()
        until_read(stack, lambda: path.write_text(ROUTE))
        until_read(stack, path.unlink)
        client.wait_for_more()
        moved.write_text(ROUTE)
        wait_for(lambda: source(stack) == "moved.yaml", "the route to come from the new file")
        client.wait_for_more()
    assert client.failures == []


def test_a_file_that_is_being_written_is_not_read(stack: Stack) -> None:
    """Whoever pauses in the middle of it has said half, and that may parse (istio/istio issue 60026)."""
    path = stack.workspace.routes / "a.yaml"
    with SteadyClient(stack.port, "a.test") as client:
        with path.open("w") as file:
            file.write(http_route("a", "half.test", "echo"))
            file.flush()
            # Nor is it read when somebody asks for everything to be read.
            until_read(stack, lambda: stack.daemon.signal(signal.SIGHUP))
            for _ in range(10):  # the pauses of a writer are shorter than 5 s, however slow the machine is
                file.write("\n")
                file.flush()
                client.wait_for_more(5)
            file.seek(0)
            file.truncate()
            file.write(ROUTE + "---\n" + http_route("more", "more.test", "echo"))
        stack.wait_backend("more.test", "echo")
        client.wait_for_more()
    assert client.failures == []


def test_a_copy_changes_nothing(stack: Stack) -> None:
    """Neither when it comes, nor when the original is edited, nor with a restart; and it is said which one counts."""
    stack.workspace.write("a-backup.yaml", ROUTE)
    other = http_route("a", "other.test", "echo")
    stack.workspace.write("a.yaml", other)
    stack.wait_backend("other.test", "echo")
    stack.wait_status("a.test", 404)
    stack.daemon.stop()
    stack.daemon.start()
    stack.wait_backend("other.test", "echo")
    assert stack.get("a.test").status == 404
    assert source(stack) == "a.yaml"
    done = subprocess.run(
        [sys.executable, "-m", "egxds", "validate", "."],
        cwd=stack.workspace.routes,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == (
        "a-backup.yaml:2: error: HTTPRoute default/a: is also defined at a.yaml:2, and that one counts, "
        "since this file is named as a copy is; delete one of the two\n"
    )


def test_a_restart_ends_the_wait(stack: Stack) -> None:
    """Who starts anew has nothing that could have disappeared: the end is the same, only sooner."""
    until_read(stack, lambda: stack.workspace.delete("a.yaml"))
    assert stack.get("a.test").status == 200
    stack.daemon.stop()
    stack.daemon.start()
    stack.wait_status("a.test", 404)
    stack.workspace.write("a.yaml", ROUTE)
    stack.wait_backend("a.test", "echo")


def test_the_end_of_the_wait_needs_no_event(stack: Stack) -> None:
    """With the delay that there is without a setting, and nothing but a deletion, it is gone a second later."""
    stack.daemon.stop()
    stack.daemon.settings["sources"]["files"] = {"paths": [str(stack.workspace.routes)], "pollInterval": "1h"}
    stack.daemon.write_settings()
    stack.daemon.start()
    stack.wait_backend("a.test", "echo")
    until_read(stack, lambda: stack.workspace.delete("a.yaml"))
    stack.wait_status("a.test", 404)
