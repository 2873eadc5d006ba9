"""Replicas on the same files: an Envoy goes from one to another, and is told nothing that it need not be."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from egxds.app.client_tls import XdsConnection
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

StartPair = Callable[..., list[Daemon]]


@pytest.fixture
def port(workspace: Workspace, backend: EchoBackend) -> int:
    """Where the host a.test is served."""
    port = free_port()
    workspace.write("gateway.yaml", gateway("web", http(port)))
    workspace.write("backend.yaml", backend_manifest("echo", backend.port))
    workspace.write("a.yaml", http_route("a", "a.test", "echo"))
    return port


@pytest.fixture
def start_pair(workspace: Workspace, port: int, tmp_path: Path) -> Iterator[StartPair]:
    """Starts two daemons on the files of the workspace, with settings of the xDS server; ends them."""
    started: list[Daemon] = []

    def start(**xds: Any) -> list[Daemon]:
        files = {"sources": {"files": {"paths": [str(workspace.routes)]}}}
        for name in ("first", "second"):
            own = {"xds": {"address": f"127.0.0.1:{free_port()}", **xds}}
            started.append(Daemon(Workspace(tmp_path / name), files | own))
            started[-1].start()
        return started

    yield start
    for daemon in started:
        daemon.discard()


def way(pair: list[Daemon]) -> XdsConnection:
    """What an Envoy is told of where they are."""
    return XdsConnection(tuple(daemon.settings["xds"]["address"] for daemon in pair))


def of_envoy(daemon: Daemon, node_id: str) -> dict[str, Any] | None:
    """Return what a daemon says of an Envoy; None where it is not connected to it."""
    return next((client for client in daemon.api("clients")["items"] if client["id"] == node_id), None)


def is_in_sync(daemon: Daemon, node_id: str) -> bool:
    """Whether an Envoy is connected to a daemon, and has taken all that there is for it."""
    client = of_envoy(daemon, node_id)
    return client is not None and {each["state"] for each in client["types"]} == {"SYNCED"}


def home(daemons: list[Daemon], node_id: str) -> Daemon:
    """Wait until an Envoy is in sync somewhere; return where."""
    wait_for(lambda: any(is_in_sync(each, node_id) for each in daemons), f"{node_id} to be in sync")
    return next(each for each in daemons if of_envoy(each, node_id))


def told_anew(daemon: Daemon) -> set[str]:
    """Return the types of which a daemon has sent resources, but those that who comes back is sent in any case."""
    pushes = (each for each in daemon.events("session.push") if each["resources"] or each["removed"])
    return {each["type"] for each in pushes} - {"endpoint", "extension"}


def test_envoy_loses_one(start_pair: StartPair, workspace: Workspace, port: int, start_envoy: StartEnvoy) -> None:
    """It goes to the other, which sends nothing that it has, and every edit from then on."""
    pair = start_pair()
    envoy = start_envoy(pair[0], connection=way(pair))
    lost = home(pair, "envoy-1")
    (kept,) = (daemon for daemon in pair if daemon is not lost)
    stack = Stack(workspace, kept, envoy, port)
    stack.wait_backend("a.test", "echo")
    with SteadyClient(port, "a.test") as client:
        lost.signal(signal.SIGKILL)
        home([kept], "envoy-1")
        assert not told_anew(kept)
        workspace.write("b.yaml", http_route("b", "b.test", "echo"))
        stack.wait_backend("b.test", "echo")
    assert client.served
    assert client.failures == []


def test_envoys_spread_again(start_pair: StartPair, start_envoy: StartEnvoy) -> None:
    """At an age they are let go, in sync, and come to the replica that was away as well."""
    pair = start_pair(maxConnectionAge="2s")
    pair[1].stop()
    nodes = ["envoy-1", "envoy-2", "envoy-3"]
    for node in nodes:
        start_envoy(pair[0], node_id=node, connection=way(pair))
    pair[1].start()
    wait_for(lambda: any(is_in_sync(pair[1], node) for node in nodes), "an Envoy to come to the second", 60)
    assert not told_anew(pair[1])
    assert all(home(pair, node) for node in nodes)
