"""Two Envoys with a replica each, of which one is a canary."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from egxds.app.client_tls import XdsConnection
from tests.envoy.conftest import StartEnvoy
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.waiting import wait_for
from tests.etcd.cluster import EtcdCluster
from tests.etcd.desk import Desk
from tests.etcd.replica import Replica
from tests.etcd.shop import NOTICED_S, Shop


@pytest.fixture
def cluster(cluster_of: Callable[..., EtcdCluster]) -> EtcdCluster:
    """One member."""
    return cluster_of()


@pytest.fixture
def desk(tmp_path: Path, cluster: EtcdCluster, shop: Shop) -> Desk:
    """Whoever publishes there; a shop with one host is published."""
    desk = Desk(tmp_path / "desk", cluster)
    desk.write(shop.files("a"))
    assert desk.publish().returncode == 0
    return desk


class Two:
    """A replica each for two Envoys, of which the first is the canary."""

    def __init__(self, replicas: tuple[Replica, Replica], start: StartEnvoy) -> None:
        self.replicas = replicas
        for replica in replicas:
            replica.start()
        connections = [XdsConnection((each.settings["xds"]["address"],)) for each in replicas]
        self.canary = start(replicas[0], node_id="canary", connection=connections[0])
        self.other = start(replicas[1], node_id="other", connection=connections[1])

    def wait_hosts(self, canary: str, other: str) -> None:
        """Wait until each has the hosts of these names."""
        for envoy, expected in ((self.canary, canary), (self.other, other)):
            wanted = {f"{name}.test" for name in expected}
            wait_for(lambda at=envoy, hosts=wanted: hosts_of(at) == hosts, f"{wanted}", NOTICED_S)  # type: ignore[misc]

    def wait_generation(self, number: int) -> None:
        """Wait until both replicas have a generation in force: either may hear of it last."""
        for replica in self.replicas:
            replica.wait_generation(number)

    def ask_for_5xx(self, *envoys: EnvoyProcess) -> None:
        """Have both replicas ask these Envoys how many requests they answer by 5xx."""
        for replica in self.replicas:
            replica.settings["envoys"] = [{"admin": each.admin_address} for each in envoys]
            replica.write_settings()
            replica.signal(signal.SIGHUP)
            wait_for(lambda at=replica: at.events("app.reloaded"), "its settings to be read", NOTICED_S)  # type: ignore[misc]

    def canary_status(self, replica: int = 1) -> dict[str, Any]:
        """Return what a replica says of the candidate."""
        found: dict[str, Any] = self.replicas[replica].api("status")["canary"] or {}
        return found

    def taken(self, replica: int = 1) -> int:
        """Return how many canary nodes have taken the candidate, as a replica knows; 0 where it knows of none yet."""
        found: int = self.canary_status(replica).get("nodes", {}).get("taken", 0)
        return found

    def sent(self) -> int:
        """Return how many responses the canary was sent."""
        return sum(self.replicas[0].sent().values())


def hosts_of(envoy: EnvoyProcess) -> set[str]:
    """Return the domains of all routes that an Envoy has."""
    (dump,) = envoy.config_dump("RoutesConfigDump")
    configurations = [each["route_config"] for each in dump.get("dynamic_route_configs", ())]
    hosts = [host for each in configurations for host in each.get("virtual_hosts", ())]
    return {domain for host in hosts for domain in host["domains"] if domain.endswith(".test")}


def answered(envoy: EnvoyProcess, what: str) -> int:
    """Return how many requests an Envoy has answered: `5xx`, or `completed`, which is all."""
    return sum(envoy.stats(rf"^http\.http-.*\.downstream_rq_{what}$").values())


@pytest.fixture
def two(cluster: EtcdCluster, desk: Desk, replica_of: Callable[..., Replica], start_envoy: StartEnvoy) -> Two:
    """Both, in sync."""
    made = [replica_of(cluster, replica={"name": name}) for name in ("one", "two")]
    two = Two((made[0], made[1]), start_envoy)
    two.wait_hosts("a", "a")
    return two
