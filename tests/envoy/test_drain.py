"""The daemon ends in order: every Envoy is told, comes back by itself, and gets again no more than it must."""

from __future__ import annotations

from collections import Counter

import pytest

from egxds.translate.http_filters.table import fetched_filters
from tests.envoy.client import SteadyClient
from tests.envoy.conftest import StartEnvoy
from tests.envoy.site import HOST, Site
from tests.envoy.waiting import wait_for

pytestmark = pytest.mark.envoy

ENVOYS = 2
TYPES = {"cluster", "endpoint", "extension", "listener", "route"}


def are_served(site: Site) -> bool:
    """Say whether every Envoy has asked for everything, and has taken all that it was sent."""
    clients = [client["types"] for client in site.clients()]
    have_asked = [{entry["type"] for entry in types} for types in clients] == [TYPES] * ENVOYS
    return have_asked and all(entry["sent"] == entry["acked"] for types in clients for entry in types)


@pytest.mark.rule(53, 58, 63, 113)
def test_every_envoy_is_told(site: Site, start_envoy: StartEnvoy) -> None:
    """Each stream ends with a status, no traffic notices, and endpoints and fetched filters alone are sent again."""
    envoys = [start_envoy(site.daemon, node_id=f"envoy-{number}") for number in range(ENVOYS)]
    site.wait_taken(*envoys)
    pushes = len(site.daemon.events("session.push"))

    with SteadyClient(site.port, HOST) as client:
        assert site.daemon.stop() == 0
        assert [closed["status"] for closed in site.daemon.events("session.close")] == ["UNAVAILABLE"] * ENVOYS
        client.wait_for_more()
        site.daemon.start()
        wait_for(lambda: are_served(site), "all Envoys to be back")
        client.wait_for_more()
    assert client.failures == []

    again: Counter[str] = Counter()
    for push in site.daemon.events("session.push")[pushes:]:
        again[push["type"]] += push["resources"] + push["removed"]
    assert +again == {"endpoint": ENVOYS, "extension": ENVOYS * len(fetched_filters("default/web"))}
