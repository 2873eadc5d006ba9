"""What is told of a change: from the file to the Envoy that took it, or refused it; and of hooks that fail."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.live_events import LiveEvents
from tests.envoy.manifests import backend, gateway, http, http_route
from tests.envoy.shop import manager
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.extension_server.handle import ExtensionHandle
from tests.ports import free_port

pytestmark = pytest.mark.envoy


@pytest.fixture
def extension() -> Iterator[ExtensionHandle]:
    """A working extension server."""
    with ExtensionHandle.start() as running:
        yield running


@pytest.fixture
def files(workspace: Workspace, backend: EchoBackend) -> Workspace:
    """A Gateway with one route."""
    workspace.write("gateway.yaml", gateway("web", http(free_port())))
    workspace.write("backend.yaml", backend_of(backend))
    workspace.write("route.yaml", http_route("shop", "one.test", "echo"))
    return workspace


def backend_of(running: EchoBackend) -> str:
    """Return the Backend of a backend."""
    return backend("echo", running.port)


def test_an_edit_from_the_file_to_the_envoy(
    files: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """File, object with its line, resource, generation, and the Envoy that took it with the time that it took."""
    daemon = make_daemon()
    daemon.start()
    with LiveEvents(daemon) as events:
        start_envoy(daemon)
        assert events.wait("envoys")["connected"] == ["envoy-1"]
        first = events.wait("change")
        assert first["objects"]["added"] == 3
        events.wait("taken", lambda one: one["generation"] == first["generation"])
        files.write("route.yaml", http_route("shop", "two.test", "echo"))
        change = events.wait("change", lambda one: one["objects"]["changed"])
        assert [name.rpartition("/")[2] for name in change["files"]] == ["route.yaml"]
        (item,) = change["objects"]["items"]
        assert (item["change"], item["kind"], item["name"]) == ("changed", "HTTPRoute", "shop")
        assert item["source"]["line"] == 2  # below the line that begins the document
        (resource,) = change["resources"]["items"]
        assert (resource["type"], resource["change"]) == ("route", "changed")
        taken = events.wait("taken", lambda one: one["generation"] == change["generation"])
        assert [one["node"] for one in taken["items"]] == ["envoy-1"]
        assert 0 <= change["readMs"] <= change["publishedMs"] <= taken["slowestMs"]
        files.write("route.yaml", http_route("shop", "two.test", "echo").replace("hostnames", "hostname"))
        (problem,) = events.wait("problems", lambda one: one["appearedCount"])["appeared"]
        assert problem["source"]["file"].endswith("route.yaml")
        daemon.signal(signal.SIGTERM)
        daemon.wait()
        wait_for(lambda: events.has_ended, "the stream to end")


def test_the_command_of_the_docs(files: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy) -> None:
    """It ends with what came of the edit: taken, or a file that is wrong."""
    (block,) = (each for each in blocks(ROOT / "docs" / "status-page.md") if each.language == "sh")
    daemon = make_daemon()
    daemon.start()
    start_envoy(daemon)
    address = daemon.settings["admin"]["address"]
    assert "egxds watch " in block.text
    command = block.text.replace("egxds watch ", f"{sys.executable} -m egxds watch --admin {address} ")
    (files.root / "new").mkdir()
    for host, status in (("two.test", 0), ("not_a_host!", 1)):
        (files.root / "new" / "shop.yaml").write_text(http_route("added", host, "echo"))
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            ["sh", "-ec", command], cwd=files.root, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (status, ""), done
    assert "routes/shop.yaml:" in done.stdout


def test_what_an_envoy_refuses(
    workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """With its words, and where the cause stands; and that it is over."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        workspace.write("gateway.yaml", gateway("web", http(other.getsockname()[1], "taken"), http(free_port())))
        daemon = make_daemon()
        daemon.start()
        with LiveEvents(daemon) as events:
            start_envoy(daemon)
            (refused,) = events.wait("refused")["begun"]
            assert (refused["node"], refused["type"], refused["name"]) == ("envoy-1", "listener", "default/web/taken")
            assert "Address already in use" in refused["error"]
            assert refused["sources"][0]["file"].endswith("gateway.yaml")
            other.close()
            (over,) = events.wait("refused", lambda one: one["overCount"])["over"]
            assert over["name"] == "default/web/taken"


def test_a_hook_that_fails_and_recovers(
    files: Workspace, make_daemon: Callable[..., Daemon], extension: ExtensionHandle
) -> None:
    """What is published for it, and why; and that it is over."""
    daemon = make_daemon(extensionManagers=[manager(extension, "deny")])
    daemon.start()
    with LiveEvents(daemon) as events:
        events.wait("change")
        extension.set_mode("unavailable")
        files.write("route.yaml", http_route("shop", "two.test", "echo"))
        failing = events.wait("hooks", lambda one: one["begunCount"])
        assert (failing["before"], failing["outcome"]) == ("accepted", "denied")
        assert failing["begun"][0]["error"]
        extension.set_mode("ok")
        over = events.wait("hooks", lambda one: one["outcome"] == "accepted")
        assert over["overCount"]
        assert not over["failing"]
