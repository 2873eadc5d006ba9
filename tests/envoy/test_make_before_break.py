"""Routes move from cluster to cluster under load: the new one serves before the old one goes, and no request fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from egxds.resources.resource import Resource
from tests.envoy.backend import EchoBackend
from tests.envoy.client import SteadyClient, http_get
from tests.envoy.conftest import RunEnvoy, StartEnvoy
from tests.envoy.control_plane import ControlPlane, plain_bootstrap
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.resources import EDITION, cluster, endpoints, listener, route
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST = "one.test"
MOVES = 200
CLIENTS = 4

Edition = Callable[[int, str], tuple[Resource, ...]]


@pytest.fixture
def port() -> int:
    """Where the Envoy listens."""
    return free_port()


@pytest.fixture
def edition(port: int, backend: EchoBackend) -> Edition:
    """Writes all resources of one edition: a route says its number, and leads to a cluster of this name."""

    def write(number: int, name: str) -> tuple[Resource, ...]:
        way_in = (listener("l", port, "r"), route("r", name, str(number)))
        return (*way_in, cluster(name), endpoints(name, backend.port))

    return write


def wait_for_edition(port: int, number: int) -> None:
    """Wait until the route of this edition answers."""
    wait_for(lambda: http_get(port, HOST).headers.get(EDITION) == str(number), f"edition {number}")


def wait_for_cluster(envoy: EnvoyProcess, name: str) -> None:
    """Wait until a cluster is the only one."""

    def is_alone() -> bool:
        (dump,) = envoy.config_dump("ClustersConfigDump")
        assert [entry["cluster"]["name"] for entry in dump["dynamic_active_clusters"]] == [name]
        return True

    wait_for(is_alone, f"{name} to be the only cluster")


def load(port: int, stack: ExitStack) -> list[SteadyClient]:
    """Start clients that ask without pause."""
    return [stack.enter_context(SteadyClient(port, HOST)) for _ in range(CLIENTS)]


@pytest.mark.rule(81, 82, 83)
@pytest.mark.parametrize("name_of", [lambda n: f"c{n % 2}", lambda n: f"c{n}"], ids=["to and fro", "onwards"])
@pytest.mark.parametrize("pause_each", [1, 50], ids=["step by step", "in bursts"])
def test_route_moves(
    control_plane: ControlPlane,
    run_envoy: RunEnvoy,
    port: int,
    edition: Edition,
    name_of: Callable[[int], str],
    pause_each: int,
) -> None:
    """Between two clusters or ever new ones, each move waited for or many at once: every request is served."""
    control_plane.publish(*edition(0, name_of(0)))
    envoy = run_envoy(plain_bootstrap(control_plane.port))
    envoy.wait_ready()
    with ExitStack() as stack:
        clients = load(port, stack)
        for number in range(1, MOVES + 1):
            control_plane.publish(*edition(number, name_of(number)))
            if number % pause_each == 0:
                wait_for_edition(port, number)
        wait_for_cluster(envoy, name_of(MOVES))
        for client in clients:
            client.wait_for_more()
    assert [client.failures for client in clients] == [[]] * CLIENTS


@pytest.mark.rule(81, 82, 83)
def test_files_move_a_host_to_other_routes(
    workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy, port: int
) -> None:
    """An HTTPRoute is renamed again and again, and with it its cluster, and leads to another backend each time."""
    workspace.write("gateway.yaml", gateway("web", http(port)))
    with EchoBackend("even") as even, EchoBackend("odd") as odd, ExitStack() as stack:
        for backend in (even, odd):
            workspace.write(f"{backend.name}.yaml", backend_manifest(backend.name, backend.port))
        workspace.write("route.yaml", http_route("r0", HOST, "even"))
        # The route of the old name would speak for the host until it is gone.
        daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
        daemon.start()
        running = Stack(workspace, daemon, start_envoy(daemon), port)
        running.wait_backend(HOST, "even")
        clients = load(port, stack)
        for number in range(1, 31):
            name = ("even", "odd")[number % 2]
            workspace.write("route.yaml", http_route(f"r{number}", HOST, name))
            running.wait_backend(HOST, name)
        wait_for_cluster(running.envoy, "httproute/default/r30/rule/0")
        for client in clients:
            client.wait_for_more()
    assert [client.failures for client in clients] == [[]] * CLIENTS
