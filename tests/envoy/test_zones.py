"""Requests that stay in a zone, or are shared out among zones, as a BackendTrafficPolicy says it, on a real Envoy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from egxds.app.zone_bootstrap import EnvoyZones, in_zone
from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.balanced import CLUSTER, GATEWAY, HOST, Balanced, backend_policy
from tests.envoy.conftest import RunEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

Start = Callable[[EnvoyZones], Balanced]


@pytest.fixture
def backends() -> Iterator[list[EchoBackend]]:
    """Two of them."""
    with EchoBackend("one") as one, EchoBackend("two") as two:
        yield [one, two]


def _in_zones(name: str, **of_zones: EchoBackend) -> str:
    """Return a Backend with an endpoint in each zone."""
    found = [{"ip": {"address": "127.0.0.1", "port": each.port}, "zone": zone} for zone, each in of_zones.items()]
    return manifests.backend_of(name, {"endpoints": found})


@pytest.fixture
def start(
    workspace: Workspace, backends: list[EchoBackend], make_daemon: Callable[..., Daemon], run_envoy: RunEnvoy
) -> Start:
    """Starts a shop whose one endpoint stands in zone `a`, and the other in zone `b`."""

    def run(zones: EnvoyZones) -> Balanced:
        one, two = backends
        port = free_port()
        workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
        workspace.write("shop.yaml", manifests.http_route("shop", HOST, "app"))
        workspace.write("backend.yaml", _in_zones("app", a=one, b=two))
        daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
        daemon.start()
        envoy = run_envoy(in_zone(daemon.bootstrap("default/web"), zones))
        envoy.wait_ready()
        found = Balanced(workspace, daemon, envoy, port)
        found.wait_status(HOST, 200)
        return found

    return run


def _local(**more: Any) -> dict[str, Any]:
    return {"type": "RoundRobin", "zoneAware": {"preferLocal": {"minEndpointsThreshold": 1, **more}}}


@pytest.mark.parametrize(("zone", "answering"), [("a", {"one"}), ("b", {"two"}), ("c", {"one", "two"})])
def test_requests_stay_in_the_zone_of_their_envoy(start: Start, zone: str, answering: set[str]) -> None:
    """Whatever share that is; where nobody stands in it they go anywhere."""
    shop = start(EnvoyZones(zone))
    shop.policy(loadBalancer=_local(force={}))
    assert shop.answered_by(30).keys() == answering


@pytest.mark.parametrize(("others", "answering"), [((), {"one", "two"}), (("b",), {"one"})])
def test_every_endpoint_gets_its_share_of_all_envoys(
    start: Start, others: tuple[str, ...], answering: set[str]
) -> None:
    """Of one Envoy both get something; where another one stands in the other zone, each has its own."""
    shop = start(EnvoyZones("a", others))
    shop.policy(loadBalancer=_local())
    assert shop.answered_by(60).keys() == answering


def test_zones_get_what_is_said(start: Start, backends: list[EchoBackend]) -> None:
    """Also nothing; that needs no zone of the Envoy. An endpoint that moves is another zone's."""
    shop = start(EnvoyZones())
    zones = [{"zone": "a", "weight": 0}, {"zone": "b", "weight": 3}]
    shop.policy(loadBalancer={"type": "RoundRobin", "zoneAware": {"weightedZones": zones}})
    assert shop.answered_by(30).keys() == {"two"}
    one, two = backends
    shop.workspace.write("backend.yaml", _in_zones("app", a=two, b=one))
    wait_for(lambda: shop.answered_by(10).keys() == {"one"}, "the other one")


def test_each_of_several_backends_has_zones_of_its_own(start: Start, backends: list[EchoBackend]) -> None:
    """A cluster for each, which has its share; without the policy they have one again."""
    shop = start(EnvoyZones("a"))
    with EchoBackend("three") as three:
        rules = [{"backendRefs": [manifests.backend_ref("app"), manifests.backend_ref("other")]}]
        shop.workspace.write("other.yaml", _in_zones("other", a=three, b=backends[1]))
        shop.workspace.write("shop.yaml", manifests.http_route("shop", HOST, "app", rules=rules))
        wait_for(lambda: "three" in shop.answered_by(10), "the other backend")
        shop.workspace.write("policy.yaml", backend_policy("backends", GATEWAY, loadBalancer=_local(force={})))
        wait_for(lambda: bool(shop.cluster(f"{CLUSTER}/backend/1")) and not shop.cluster(), "a cluster for each")
        assert shop.answered_by(60).keys() == {"one", "three"}
        shop.workspace.delete("policy.yaml")
        wait_for(lambda: bool(shop.cluster()) and not shop.cluster(f"{CLUSTER}/backend/1"), "one cluster")
        assert shop.answered_by(60).keys() == {"one", "two", "three"}
