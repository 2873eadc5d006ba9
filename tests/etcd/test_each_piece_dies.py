"""Three members of etcd, three replicas and six Envoys under load: each dies in turn while others publish."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from egxds.app.client_tls import XdsConnection
from tests.envoy.backend import EchoBackend
from tests.envoy.client import http_get
from tests.envoy.conftest import RunEnvoy, run_envoy
from tests.envoy.envoy_process import ALONE, EnvoyProcess
from tests.envoy.waiting import wait_for
from tests.etcd.cluster import EtcdCluster
from tests.etcd.fleet import HOSTS, TURN, ManyShops, Publishing, Shopper
from tests.etcd.replica import Replica

__all__ = ["run_envoy"]

pytestmark = pytest.mark.envoy

ENVOYS = 6
_HANDOVER = ("--drain-time-s", "2", "--parent-shutdown-time-s", "5")
_LIMIT_S = 60.0


class Fleet:
    """All that runs.

    Attributes:
        cluster: of etcd.
        replicas: of egxds.
        shops: what is published.
        publishing: who does.
    """

    def __init__(self, cluster: EtcdCluster, replicas: list[Replica], shops: ManyShops) -> None:
        self.cluster = cluster
        self.replicas = replicas
        self.shops = shops
        self.publishing = Publishing(cluster, shops)

    def start(self, run_envoy: RunEnvoy, base_id: Path) -> EnvoyProcess:
        """Start replicas and Envoys, and wait until these serve; return the Envoy that may be taken over."""
        for replica in self.replicas:
            replica.start()
        options = ("--use-dynamic-base-id", "--base-id-path", str(base_id), *_HANDOVER)
        first = run_envoy(self.bootstrap(0), options)
        for number in range(1, ENVOYS):
            run_envoy(self.bootstrap(number), ALONE)
        for port in self.shops.ports:
            wait_for(lambda at=port: http_get(at, HOSTS[0]).status == 200, "an Envoy to serve", _LIMIT_S)  # type: ignore[misc]
        return first

    def bootstrap(self, number: int) -> dict[str, object]:
        """Return the bootstrap of an Envoy, which knows all replicas."""
        way = XdsConnection(tuple(each.settings["xds"]["address"] for each in self.replicas))
        return self.replicas[0].bootstrap(f"default/web-{number}", f"envoy-{number}", way)

    def members_die(self, shopper: Shopper) -> None:
        """Have each member end as by a crash; what is published meanwhile is served by all Envoys."""
        for member in self.cluster.members:
            member.kill()
            shopper.wait_for_turn(self.publishing.wait_for_more(2))
            member.start()
            self.cluster.wait_until_served(member)

    def replicas_die(self, shopper: Shopper) -> None:
        """Do the same to each replica; its Envoys go to others."""
        for replica in self.replicas:
            replica.kill()
            shopper.wait_for_turn(self.publishing.wait_for_more(2))
            replica.start()

    def wait_even(self) -> None:
        """Wait until each replica has what was published last in force, and serves the same bytes by equal versions."""
        for replica in self.replicas:
            replica.wait_generation(self.publishing.generation)
        first, *others = self.replicas
        wait_for(lambda: all(each.resources() == first.resources() for each in others), "equal resources", _LIMIT_S)

    def in_sync(self) -> list[str]:
        """Return the ids of Envoys that have taken all that there is for them, each as often as it is connected."""
        clients = [client for replica in self.replicas for client in replica.api("clients")["items"]]
        return sorted(each["id"] for each in clients if {its["state"] for its in each["types"]} == {"SYNCED"})

    def turns(self) -> set[str]:
        """Return what the Envoys tell."""
        return {http_get(port, host).headers[TURN] for port in self.shops.ports for host in HOSTS}


@pytest.fixture
def fleet(cluster_of: Callable[..., EtcdCluster], replica_of: Callable[..., Replica], backend: EchoBackend) -> Fleet:
    """What is started later; the cluster runs."""
    cluster = cluster_of(3)
    return Fleet(cluster, [replica_of(cluster) for _ in range(3)], ManyShops(backend, ENVOYS))


def test_each_piece_dies_in_turn(fleet: Fleet, run_envoy: RunEnvoy, tmp_path: Path) -> None:
    """No request is lost, no Envoy goes back, and after quiet all replicas serve the same."""
    base_id = tmp_path / "base-id"
    first = fleet.start(run_envoy, base_id)
    with Shopper(fleet.shops.ports) as shopper:
        with fleet.publishing as publishing:
            run_envoy(fleet.bootstrap(0), ("--base-id", base_id.read_text(), "--restart-epoch", "1", *_HANDOVER))
            fleet.members_die(shopper)
            fleet.replicas_die(shopper)
            assert first.wait() == 0
            publishing.wait_for_more(1)
        shopper.wait_for_turn(publishing.turn)
        fleet.wait_even()
    assert shopper.failures == []
    wait_for(lambda: fleet.in_sync() == [f"envoy-{number}" for number in range(ENVOYS)], "all to be in sync", _LIMIT_S)
    back = fleet.replicas[0].run("rollback", "gen:head~1")
    assert back.returncode == 0, back.stderr
    wait_for(lambda: fleet.turns() == {str(publishing.turn - 1)}, "what was before", _LIMIT_S)
