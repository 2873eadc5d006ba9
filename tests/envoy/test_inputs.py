"""Whatever is dropped into the watched directory, every good route keeps serving, and every fault is named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.bad_inputs import BadInput, bad_inputs
from tests.envoy.client import SteadyClient
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.processes import ROOT
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(300)]

GOOD = ("good-0", "good-1", "good-2")


@pytest.fixture
def stack(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Stack:
    """Three good routes; the Envoy takes every Gateway of the class, the wrong ones too."""
    port = free_port()
    workspace.write("gateway.yaml", gateway("web", http(port)))
    routes = "".join(http_route(name, f"{name}.test", "echo") for name in GOOD)
    workspace.write("good.yaml", backend_manifest("echo", backend.port) + routes)
    # Each of many bad inputs is deleted again: what disappears is gone at once.
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    daemon.start()
    running = Stack(workspace, daemon, start_envoy(daemon, "egxds"), port)
    for name in GOOD:
        running.wait_backend(f"{name}.test", "echo")
    return running


@pytest.fixture
def inputs(stack: Stack) -> list[BadInput]:
    """The bad inputs, none of which is there yet."""
    return bad_inputs(stack.port, [free_port() for _ in range(4)])


def reported(answer: dict[str, Any]) -> Iterator[tuple[str, int, str]]:
    """File name, line and words of every problem in an answer of `/api/v1/objects`."""
    for owner in (answer, *answer["items"]):
        for problem in owner.get("problems", []):
            source = problem["source"]
            yield Path(source["file"]).name, source["line"], problem["message"]


def wait_reported(daemon: Daemon, bad: BadInput) -> None:
    """Wait until the daemon names an input's fault, with file and line."""

    def is_reported() -> bool:
        found = [problem for problem in reported(daemon.api("objects")) if problem[0] == bad.shown_file]
        assert any(line == bad.line and bad.says in words for _, line, words in found), (bad, found)
        return True

    wait_for(is_reported, f"a report on {bad.shown_file}")


def wait_forgotten(daemon: Daemon, bad: BadInput) -> None:
    """Wait until nothing is said of an input any more."""

    def is_forgotten() -> bool:
        assert bad.shown_file not in {file for file, _, _ in reported(daemon.api("objects"))}
        return True

    wait_for(is_forgotten, f"{bad.shown_file} to be forgotten")


def test_one_after_the_other(stack: Stack, inputs: list[BadInput]) -> None:
    """Each comes, is named with file and line, and goes again; no request to a good route fails meanwhile."""
    assert len(inputs) > 20
    with ExitStack() as clients:
        steady = [clients.enter_context(SteadyClient(stack.port, f"{name}.test")) for name in GOOD]
        for bad in inputs:
            path = stack.workspace.routes / bad.file
            bad.place(path)
            wait_reported(stack.daemon, bad)
            path.unlink()
            wait_forgotten(stack.daemon, bad)
        for client in steady:
            client.wait_for_more()
    assert [client.failures for client in steady] == [[], [], []]
    assert stack.daemon.events("session.nack") == []


def test_all_together(stack: Stack, inputs: list[BadInput]) -> None:
    """With all of them there every fault is named, good routes serve, also changed ones, also after a restart."""
    with SteadyClient(stack.port, "good-1.test") as client:
        for bad in inputs:
            bad.place(stack.workspace.routes / bad.file)
        for bad in inputs:
            wait_reported(stack.daemon, bad)
        stack.workspace.write("new.yaml", http_route("new", "new.test", "echo"))
        stack.wait_backend("new.test", "echo")

        stack.daemon.kill()
        stack.daemon.start()
        for bad in inputs:
            wait_reported(stack.daemon, bad)
        stack.workspace.write("newer.yaml", http_route("newer", "newer.test", "echo"))
        stack.wait_backend("newer.test", "echo")
    assert client.failures == []
    for name in GOOD:
        stack.wait_backend(f"{name}.test", "echo")
    assert stack.daemon.events("session.nack") == []


def test_validate_says_the_same(stack: Stack, inputs: list[BadInput]) -> None:
    """`egxds validate` names every fault with file and line, and exits with 1."""
    for bad in inputs:
        bad.place(stack.workspace.routes / bad.file)
    command = [sys.executable, "-m", "egxds", "validate", str(stack.workspace.routes)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    for bad in inputs:
        place = f"{stack.workspace.routes / bad.shown_file}:" + (f"{bad.line}:" if bad.line else "")
        found = [line for line in lines if line.startswith(place)]
        assert any(bad.says in line for line in found), (bad, [line for line in lines if bad.shown_file in line])


def test_broken_version_of_a_good_file(stack: Stack) -> None:
    """A good route whose file is broken keeps serving what it was; when it is mended, it serves what it became."""
    good = http_route("mine", "mine.test", "echo")
    stack.workspace.write("mine.yaml", good)
    stack.wait_backend("mine.test", "echo")

    stack.workspace.write("mine.yaml", good + "}\n")
    wait_reported(stack.daemon, BadInput("mine", lambda _: None, 6, "not valid YAML"))
    assert stack.get("mine.test").status == 200

    stack.workspace.write("mine.yaml", http_route("mine", "mended.test", "echo"))
    stack.wait_backend("mended.test", "echo")
    stack.wait_status("mine.test", 404)


def test_empty_file(stack: Stack) -> None:
    """A file without documents is fine, and so is one that is emptied: its objects are gone."""
    stack.workspace.write("mine.yaml", http_route("mine", "mine.test", "echo"))
    stack.wait_backend("mine.test", "echo")
    stack.workspace.write("mine.yaml", "")
    stack.wait_status("mine.test", 404)
    assert list(reported(stack.daemon.api("objects"))) == []
