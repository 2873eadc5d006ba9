"""An Envoy hands over to its successor, which has the same node id: both are served, and no request fails."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.envoy.client import FRESH, SteadyClient
from tests.envoy.conftest import RunEnvoy
from tests.envoy.site import HOST, Site
from tests.envoy.waiting import wait_for

pytestmark = pytest.mark.envoy

HANDOVER = ("--drain-time-s", "3", "--parent-shutdown-time-s", "8")
"""The predecessor says `connection: close` for three seconds, and ends after eight."""


def streams_that_took_a_route(site: Site, before: int) -> set[int]:
    """Return the streams that have ACKed a RouteConfiguration since this many ACKs."""
    acks = site.daemon.events("session.ack")[before:]
    return {ack["stream"] for ack in acks if ack["type"] == "route"}


@pytest.mark.rule(1, 10, 64)
def test_handover(site: Site, run_envoy: RunEnvoy, tmp_path: Path) -> None:
    """The successor starts from nothing, a change reaches both, and clients that hear `connection: close` move over."""
    base_id = tmp_path / "base-id"
    bootstrap = site.daemon.bootstrap()
    old = run_envoy(bootstrap, ("--use-dynamic-base-id", "--base-id-path", str(base_id), *HANDOVER))
    old.wait_ready()
    site.wait_taken(old)

    with ExitStack() as stack:
        clients = [stack.enter_context(SteadyClient(site.port, HOST, headers=kind)) for kind in ({}, {}, FRESH)]
        new = run_envoy(bootstrap, ("--base-id", base_id.read_text(), "--restart-epoch", "1", *HANDOVER))
        new.wait_ready()
        site.wait_taken(new)
        first, second = (client["stream"] for client in site.clients())

        before = len(site.daemon.events("session.ack"))
        site.edit("moved")
        wait_for(lambda: streams_that_took_a_route(site, before) == {first, second}, "both to take the change")
        for client in clients:
            client.wait_for_more()
        assert old.wait() == 0
        wait_for(lambda: [client["stream"] for client in site.clients()] == [second], "the daemon to notice")
        for client in clients:
            client.wait_for_more()
    assert [client.failures for client in clients] == [[]] * len(clients)
    assert new.stats("^server.hot_restart_epoch$") == {"server.hot_restart_epoch": 1}
