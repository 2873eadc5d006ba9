"""The daemon goes away and comes back, by a crash or in order, under traffic: no request fails, little is sent."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.client import SteadyClient, http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route, https
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

AUTHORITY = Authority()


@pytest.fixture
def tls_port() -> int:
    """Where Envoy listens for HTTPS."""
    return free_port()


@pytest.fixture
def stack(
    workspace: Workspace,
    backend: EchoBackend,
    tls_port: int,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
) -> Stack:
    """Two HTTP hosts and one HTTPS host, so that every resource type is in use."""
    port = free_port()
    workspace.write("gateway.yaml", gateway("web", http(port), https(tls_port, "tls.test", "tls")))
    workspace.write("secret.yaml", AUTHORITY.issue("tls.test").secret("tls"))
    workspace.write("backend.yaml", backend_manifest("echo", backend.port))
    for name in ("a", "b", "tls"):
        workspace.write(f"{name}.yaml", http_route(name, f"{name}.test", "echo"))
    daemon = make_daemon()
    daemon.start()
    running = Stack(workspace, daemon, start_envoy(daemon), port)
    running.wait_backend("a.test", "echo")
    return running


def connected(stack: Stack) -> bool:
    """Whether the Envoy is there and has taken everything it was sent."""
    clients = stack.daemon.api("clients")["items"]
    types = [entry for client in clients for entry in client["types"]]
    return len(types) == 6 and all(entry["sent"] == entry["acked"] for entry in types)


def wait_connected(stack: Stack) -> None:
    """Wait until the Envoy is connected, with every type asked for and answered."""
    wait_for(lambda: connected(stack), "the Envoy to be connected")


def held(stack: Stack) -> list[tuple[str, str, str]]:
    """What the Envoy holds of listeners, routes and clusters: name, version, and when it took that."""
    (listeners,) = stack.envoy.config_dump("ListenersConfigDump")
    (clusters,) = stack.envoy.config_dump("ClustersConfigDump")
    (routes,) = stack.envoy.config_dump("RoutesConfigDump")
    found: list[dict[str, Any]] = [
        *({"name": entry["name"], **entry["active_state"]} for entry in listeners["dynamic_listeners"]),
        *({**entry, "name": entry["cluster"]["name"]} for entry in clusters["dynamic_active_clusters"]),
        *({**entry, "name": entry["route_config"]["name"]} for entry in routes["dynamic_route_configs"]),
    ]
    return sorted((entry["name"], entry["version_info"], entry["last_updated"]) for entry in found)


def sent_since(stack: Stack, before: int) -> Counter[str]:
    """How many resources of each type were sent after this many pushes."""
    pushes = stack.daemon.events("session.push")[before:]
    sent: Counter[str] = Counter()
    for push in pushes:
        sent[push["type"]] += push["resources"] + push["removed"]
    return sent


@pytest.mark.rule(53, 61, 63, 113)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_restart_is_not_noticed(stack: Stack, tls_port: int, number: signal.Signals) -> None:
    """No request fails, and only endpoints and secrets are sent again: what did not change stays as it is."""
    wait_connected(stack)
    before, pushes = held(stack), len(stack.daemon.events("session.push"))
    assert len(before) >= 5

    with SteadyClient(stack.port, "a.test") as one, SteadyClient(stack.port, "b.test") as two:
        one.wait_for_more()
        stack.daemon.signal(number)
        stack.daemon.wait()
        one.wait_for_more()
        stack.daemon.start()
        wait_connected(stack)
        one.wait_for_more()
        two.wait_for_more()
    assert one.failures + two.failures == []

    assert held(stack) == before
    sent = sent_since(stack, pushes)
    assert (sent["listener"], sent["route"], sent["cluster"]) == (0, 0, 0)
    assert sent["endpoint"] == 3
    assert sent["secret"] == 1
    assert http_get(tls_port, "tls.test", ca=AUTHORITY.cert).status == 200


@pytest.mark.rule(54, 55, 57)
def test_change_while_away(stack: Stack) -> None:
    """What changed, came and went while nobody watched is sent on reconnect, and nothing but that."""
    wait_connected(stack)
    stack.daemon.kill()
    pushes = len(stack.daemon.events("session.push"))
    stack.workspace.delete("b.yaml")
    stack.workspace.write("c.yaml", http_route("c", "c.test", "echo"))

    with SteadyClient(stack.port, "a.test") as client:
        stack.daemon.start()
        stack.wait_backend("c.test", "echo")
        stack.wait_status("b.test", 404)
        client.wait_for_more()
    assert client.failures == []

    wait_connected(stack)
    sent = sent_since(stack, pushes)
    assert sent["listener"] == 0
    assert sent["route"] == 1
    assert sent["cluster"] == 2, "one came, one went"


@pytest.mark.rule(11)
def test_envoy_first(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """An Envoy that is there before the daemon is not ready, and serves once the daemon is there."""
    port = free_port()
    workspace.write("gateway.yaml", gateway("web", http(port)))
    workspace.write("backend.yaml", backend_manifest("echo", backend.port))
    workspace.write("a.yaml", http_route("a", "a.test", "echo"))
    daemon = make_daemon()
    envoy = start_envoy(daemon, wait=False)
    assert envoy.admin("/ready").text.strip() == "PRE_INITIALIZING"

    daemon.start()
    envoy.wait_ready()
    Stack(workspace, daemon, envoy, port).wait_backend("a.test", "echo")


def test_envoy_restart(stack: Stack) -> None:
    """An Envoy that starts anew, with the same name, gets everything."""
    stack.envoy.kill()
    stack.envoy.start()
    stack.envoy.wait_ready()
    for host in ("a.test", "b.test"):
        stack.wait_backend(host, "echo")
