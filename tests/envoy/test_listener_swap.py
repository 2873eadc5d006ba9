"""A Gateway's listener gets another name, and with it Envoy's; the port stays, and so does whoever talks to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.client import FRESH, SteadyClient
from tests.envoy.conftest import RunEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST = "one.test"
RENAMES = 10
UNHURRIED = ("--disable-hot-restart", "--drain-time-s", "4")
"""Time for every client to hear `connection: close` before its connection is cut."""


def wait_listening(envoy: EnvoyProcess, name: str) -> None:
    """Wait until the listener of this name, and no other, serves."""

    def listens() -> bool:
        (dump,) = envoy.config_dump("ListenersConfigDump")
        assert [one["name"] for one in dump.get("dynamic_listeners", []) if "active_state" in one] == [name]
        return True

    wait_for(listens, f"{name} to listen")


@pytest.mark.rule(83)
def test_renamed_listener_keeps_its_port(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], run_envoy: RunEnvoy
) -> None:
    """The old listener goes and the new one comes in one response: no connection is refused, no request fails."""
    port = free_port()
    workspace.write("gateway.yaml", gateway("web", http(port, "name-0")))
    workspace.write("backend.yaml", backend_manifest("echo", backend.port))
    workspace.write("route.yaml", http_route("one", HOST, "echo"))
    daemon = make_daemon()
    daemon.start()
    envoy = run_envoy(daemon.bootstrap(), UNHURRIED)
    Stack(workspace, daemon, envoy, port).wait_backend(HOST, "echo")

    with ExitStack() as stack:
        clients = [stack.enter_context(SteadyClient(port, HOST, headers=kind)) for kind in ({}, {}, FRESH, FRESH)]
        for number in range(1, RENAMES + 1):
            workspace.write("gateway.yaml", gateway("web", http(port, f"name-{number}")))
            wait_listening(envoy, f"default/web/name-{number}")
        draining = "listener_manager.total_listeners_draining"
        wait_for(lambda: envoy.stats(draining) == {draining: 0}, "the old listeners to be gone")
        for client in clients:
            client.wait_for_more()
    assert [client.failures for client in clients] == [[]] * len(clients)
