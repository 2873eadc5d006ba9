"""Replicas that know of each other, and real Envoys: who has what is seen from any, and Envoys are spread."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from egxds.app.client_tls import XdsConnection
from tests.envoy.client import SteadyClient
from tests.envoy.conftest import StartEnvoy, run_envoy, start_envoy
from tests.envoy.manifests import gateway, http
from tests.envoy.waiting import wait_for
from tests.etcd.cluster import EtcdCluster
from tests.etcd.desk import Desk
from tests.etcd.replica import Replica, publish
from tests.etcd.shop import NOTICED_S, Shop

__all__ = ["run_envoy", "start_envoy"]

pytestmark = pytest.mark.envoy

MakeReplica = Callable[..., Replica]
ClusterOf = Callable[..., EtcdCluster]
NAMES = ("one", "two")


@pytest.fixture
def cluster(cluster_of: ClusterOf, shop: Shop) -> EtcdCluster:
    """One member, with a shop published."""
    cluster = cluster_of()
    publish(cluster, shop.files("a"), "the first")
    return cluster


@pytest.fixture
def pair(cluster: EtcdCluster, replica_of: MakeReplica) -> list[Replica]:
    """Two replicas, `one` and `two`, that do not run yet."""
    return [replica_of(cluster, replica={"name": name}) for name in NAMES]


@pytest.fixture
def desk(tmp_path: Path, cluster: EtcdCluster) -> Desk:
    """Whoever publishes there."""
    return Desk(tmp_path / "desk", cluster)


def way(*replicas: Replica) -> XdsConnection:
    """What an Envoy is told of where they are."""
    return XdsConnection(tuple(each.settings["xds"]["address"] for each in replicas))


def told(replica: Replica) -> dict[str, dict[str, Any]]:
    """Return what a replica knows of all, by their names."""
    return {each["name"]: each for each in replica.api("fleet")["replicas"]}


def counts(replica: Replica) -> dict[str, int]:
    """Return how many Envoys in sync each replica has, as one knows it."""
    return {name: each["envoys"]["inSync"] for name, each in told(replica).items()}


def wait_counts(replica: Replica, **expected: int) -> None:
    """Wait until a replica knows each to have so many Envoys in sync."""
    wait_for(lambda: counts(replica) == expected, f"{expected}", NOTICED_S)


def wait_metric(replica: Replica, name: str, value: float) -> None:
    """Wait for the value of a metric."""
    wait_for(lambda: replica.metric(name) == value, f"{name} to be {value}", NOTICED_S)


def wait_status(replica: Replica, status: int) -> None:
    """Wait until `egxds status` ends so."""
    wait_for(lambda: replica.run("status").returncode == status, f"exit {status}", NOTICED_S)


def let_go(replica: Replica) -> list[str]:
    """Return which Envoys a replica has let go, in their order."""
    return [node for line in replica.events("fleet.let_go") for node in line["nodes"]]


def test_the_fleet_is_seen_from_any(
    cluster: EtcdCluster, pair: list[Replica], start_envoy: StartEnvoy, shop: Shop
) -> None:
    """Replicas with their generations, and the Envoys of all."""
    for replica in pair:
        replica.start()
    start_envoy(pair[0], node_id="envoy-1", connection=way(pair[0]))
    start_envoy(pair[1], node_id="envoy-2", connection=way(pair[1]))
    for replica in pair:
        wait_counts(replica, one=1, two=1)
        known = told(replica)
        assert {each["generation"] for each in known.values()} == {1}
        assert known["one"]["served"] == known["two"]["served"] != ""
        shown = replica.run("status")
        assert shown.returncode == 0, shown.stdout
        assert re.search(r"one( \(this one\))?: generation 1, 1 of 1 Envoys in sync", shown.stdout), shown.stdout
        assert "two" in shown.stdout
        assert "generation 1, 1 of" not in replica.run("status", "--local").stdout
        envoys = replica.run("clients").stdout
        assert re.search(r"one +envoy-1 +default/web +in sync", envoys), envoys
        assert re.search(r"two +envoy-2 +default/web +in sync", envoys), envoys
        assert "envoy-1" not in pair[1].run("clients", "--local").stdout
        listed = json.loads(replica.run("clients", "-o", "json").stdout)["fleet"]["items"]
        assert [(each["replica"], each["id"]) for each in listed] == [("one", "envoy-1"), ("two", "envoy-2")]
    cluster.members[0].kill()
    wait_for(lambda: pair[0].api("fleet")["fault"], "it to be noticed", NOTICED_S)
    assert set(told(pair[0])) == set(NAMES)
    shop.wait_answer("a")
    cluster.start()
    wait_for(lambda: not pair[0].api("fleet")["fault"], "etcd to be back", NOTICED_S)
    pair[1].kill()
    wait_for(lambda: set(told(pair[0])) == {"one"}, "it to be forgotten", NOTICED_S)


def test_publish_waits_until_all_have_it(pair: list[Replica], start_envoy: StartEnvoy, shop: Shop, desk: Desk) -> None:
    """Or says who refuses it, with file and line; and who does not follow."""
    for name, replica in zip(NAMES, pair, strict=True):
        replica.start()
        start_envoy(replica, node_id=f"envoy-{name}", connection=way(replica))
    desk.write(shop.files("a", "b"))
    taken = desk.publish("--wait", "60s")
    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert "2 of 2 Envoys on 2 replicas have it" in taken.stdout
    shop.wait_answer("b")
    again = desk.run("rollback", "1", "--wait")
    assert (again.returncode, "2 of 2 Envoys on 2 replicas have it" in again.stdout) == (0, True), again.stdout
    with socket.socket() as taken_port:
        taken_port.bind(("127.0.0.1", 0))
        taken_port.listen()
        listeners = http(shop.port), http(taken_port.getsockname()[1], "taken")
        desk.write({"gateway.yaml": gateway("web", *listeners)})
        refused = desk.publish("--wait", "60s")
    assert refused.returncode == 1, refused.stdout
    assert "2 refuse it" in refused.stdout
    assert re.search(r"Envoy envoy-one at one refuses listener default/web/taken \(gateway.yaml:\d+\)", refused.stdout)


def test_a_replica_that_does_not_follow_is_named(
    cluster: EtcdCluster, replica_of: MakeReplica, shop: Shop, desk: Desk
) -> None:
    """With its generation and the reason."""
    one = replica_of(cluster, replica={"name": "one"})
    small = replica_of(cluster, replica={"name": "small"}, limits={"fileBytes": 2048, "totalBytes": 4096})
    for replica in (one, small):
        replica.start()
    desk.write({**shop.files("a"), "large.yaml": f"# {'x' * 3000}\n"})
    waited = desk.publish("--wait", "20s")
    assert waited.returncode == 1
    assert "1 of 2 replicas are behind" in waited.stdout
    assert re.search(r"replica small is at generation 1, with 0 Envoys: .*bytes", waited.stdout), waited.stdout


def test_envoys_are_spread(pair: list[Replica], start_envoy: StartEnvoy, shop: Shop) -> None:
    """A new replica has its share within a minute, and no request is lost; one that ends has none left."""
    one, two = pair
    one.start()
    nodes = [f"envoy-{number}" for number in range(4)]
    for node in nodes:
        start_envoy(one, node_id=node, connection=way(one, two))
    shop.wait_answer("a")
    with SteadyClient(shop.port, "a.test") as client:
        two.start()
        for replica in pair:
            wait_counts(replica, one=2, two=2)
        gone = let_go(one)
        assert len(set(gone)) == len(gone) == 2
        assert let_go(two) == []
        assert {each["id"] for each in two.api("clients")["items"]} == set(gone)
        two.signal(signal.SIGTERM)
        wait_counts(one, one=4)
    assert client.failures == []
    two.wait()


def test_spreading_may_be_turned_off(pair: list[Replica], start_envoy: StartEnvoy) -> None:
    """And on, by a reload."""
    one = pair[0]
    one.settings["xds"]["spread"] = False
    one.write_settings()
    for replica in pair:
        replica.start()
    for node in ("envoy-1", "envoy-2"):
        start_envoy(one, node_id=node, connection=way(one))
    wait_counts(one, one=2, two=0)
    assert let_go(one) == []
    one.settings["xds"]["spread"] = True
    one.write_settings()
    one.signal(signal.SIGHUP)
    wait_for(lambda: let_go(one), "one to be let go", NOTICED_S)


def test_replicas_that_serve_different_resources_are_an_error(pair: list[Replica]) -> None:
    """On all of them, until it is over; they are ready all the same."""
    one, two = pair
    two.settings["clientTraffic"] = {"path": {"disableMergeSlashes": True}}
    two.write_settings()
    for replica in pair:
        replica.start()
    for replica in pair:
        wait_metric(replica, "source_replicas_differ", 1)
        assert "replicas serve different resources of generation 1" in replica.admin("/readyz").text
        assert replica.admin("/readyz").status == 200
        wait_status(replica, 1)
        wait_for(lambda at=replica: at.events("fleet.differs"), "the log to say so")  # type: ignore[misc]
    two.stop()
    wait_metric(one, "source_replicas_differ", 0)
    wait_for(lambda: one.events("fleet.agrees"), "the log to say that it is over")


def test_who_may_not_write_serves_on(
    cluster: EtcdCluster, replica_of: MakeReplica, shop: Shop, tmp_path: Path, start_envoy: StartEnvoy
) -> None:
    """With the rights of a replica of before, and it is said."""
    password = tmp_path / "password"
    password.write_text("first")
    cluster.enable_auth("of root", other="second")
    cluster.ctl("role", "add", "reader")
    cluster.ctl("role", "grant-permission", "--prefix=true", "reader", "read", "/egxds/")
    cluster.ctl("user", "add", "replica:first")
    cluster.ctl("user", "grant-role", "replica", "reader")
    replica = replica_of(cluster, user="replica", passwordFile=str(password))
    replica.start()
    start_envoy(replica)
    shop.wait_answer("a")
    wait_for(lambda: replica.events("fleet.not_recorded"), "it to be said", NOTICED_S)
    wait_for(lambda: "keeps no record of itself" in replica.run("status").stdout, "status to say it", NOTICED_S)
    assert replica.run("status").returncode == 0
    assert replica.metric("source_recorded") == 0
    assert len(replica.events("fleet.not_recorded")) == 1


def test_an_envoy_is_not_taken_back(
    cluster_of: ClusterOf, replica_of: MakeReplica, start_envoy: StartEnvoy, shop: Shop
) -> None:
    """By a replica that is cut off from etcd: that sends it on, and serves it only where it finds no other."""
    cluster = cluster_of(3)
    publish(cluster, shop.files("a"))
    one, two = (replica_of(cluster, replica={"name": name}) for name in NAMES)
    one.settings["xds"]["spread"] = False
    source = two.settings["sources"]["etcd"]
    source["endpoints"] = source["endpoints"][2:]
    for replica in (one, two):
        replica.write_settings()
    one.start()
    start_envoy(one, connection=way(one, two))
    two.start()
    wait_counts(two, one=1, two=0)
    cluster.members[2].pause()
    two.wait_connected(is_so=False)
    # A majority may have to be found first.
    assert publish(cluster, shop.files("a", "b"), requestTimeout="30s") == 2
    shop.wait_answer("b")
    with SteadyClient(shop.port, "b.test") as client:
        one.stop()
        wait_for(lambda: two.events("session.close"), "it to be sent on", NOTICED_S)
        one.start()
        wait_counts(one, one=1)
    assert client.failures == []
    assert two.events("session.push") == []
    assert {each["status"] for each in two.events("session.close")} == {"UNAVAILABLE"}
    one.kill()
    shop.wait_answer("b", 404)
    assert two.metric("source_generation") == 1
