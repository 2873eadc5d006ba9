"""A real Envoy that is served a candidate, under load: it changes over to what is other, and no request fails."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from egxds.resources.resource import Resource
from tests.envoy.backend import EchoBackend
from tests.envoy.client import SteadyClient
from tests.envoy.conftest import RunEnvoy
from tests.envoy.control_plane import ControlPlane, plain_bootstrap
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.resources import cluster, endpoints, listener, route
from tests.envoy.test_make_before_break import HOST, wait_for_cluster, wait_for_edition
from tests.envoy.waiting import wait_for
from tests.ports import free_port

pytestmark = pytest.mark.envoy

CANARY = "canary-1"
CANDIDATES = 40


def edition(port: int, number: int, backend: EchoBackend) -> tuple[Resource, ...]:
    """Write all resources of an edition, whose routes lead to a cluster of its own."""
    name = f"c{number}"
    way_in = (listener("l", port, "r"), route("r", name, str(number)))
    return (*way_in, cluster(name), endpoints(name, backend.port))


def updates(envoy: EnvoyProcess) -> dict[str, int]:
    """Return how often an Envoy has taken something, by type."""
    return {name: count for name, count in envoy.stats("update_success").items() if "xds-grpc" not in name}


@pytest.mark.rule(81, 82, 83)
def test_candidates_come_and_go_and_one_is_promoted(
    control_plane: ControlPlane, run_envoy: RunEnvoy, backend: EchoBackend
) -> None:
    """Each has its own cluster, which is there before the routes to it and goes behind them; listeners stay."""
    port = free_port()
    control_plane.publish(*edition(port, 0, backend))
    envoy = run_envoy(plain_bootstrap(control_plane.port, CANARY))
    envoy.wait_ready()
    wait_for_edition(port, 0)
    with ExitStack() as stack:
        clients = [stack.enter_context(SteadyClient(port, HOST)) for _ in range(2)]
        for number in range(1, CANDIDATES + 1):
            control_plane.serve_first(CANARY, *edition(port, number, backend))
            wait_for_edition(port, number)
            if number < CANDIDATES:
                control_plane.withdraw()
                wait_for_edition(port, 0)
        wait_for_cluster(envoy, f"c{CANDIDATES}")
        wait_for(control_plane.is_settled, "all to be taken")
        before = updates(envoy)
        control_plane.publish(*edition(port, CANDIDATES, backend))
        control_plane.withdraw()
        for client in clients:
            client.wait_for_more()
        # What comes behind the promotion is the first that it hears of.
        control_plane.publish(
            *edition(port, CANDIDATES, backend)[:1],
            route("r", f"c{CANDIDATES}", "last"),
            *edition(port, CANDIDATES, backend)[2:],
        )
        wait_for(lambda: updates(envoy) != before, "the next edition")
        assert sum(updates(envoy).values()) == sum(before.values()) + 1
    assert [client.failures for client in clients] == [[], []]
    assert envoy.stats("listener_manager.listener_modified")["listener_manager.listener_modified"] == 0
