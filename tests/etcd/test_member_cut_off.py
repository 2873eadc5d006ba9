"""A member that the others do not hear any more, while clients do: it answers, and knows nothing new."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from envoy.service.discovery.v3 import discovery_pb2

from egxds import names
from egxds.etcd.errors import EtcdError, UnavailableError
from egxds.published.layout import Layout
from tests.bench.delta_client import Arrival, DeltaClient
from tests.envoy.client import SteadyClient
from tests.envoy.conftest import StartEnvoy, run_envoy, start_envoy
from tests.envoy.waiting import wait_for
from tests.etcd.clients import client_of, end_of, next_change, read, read_at_last, write
from tests.etcd.cluster import EtcdCluster, EtcdMember, Place
from tests.etcd.desk import Desk
from tests.etcd.replica import Replica, publish
from tests.etcd.shop import Shop
from tests.packaging.bridge import Bridge, namespace
from tests.packaging.engine import own_network

__all__ = ["run_envoy", "start_envoy"]

_MEMBERS = ("m0", "m1", "m2")
_HEAD = Layout("/egxds/").head
_ROUTES = "default/web/http"
_WATCHERS = re.compile(r"(?m)^etcd_debugging_mvcc_watcher_total (\d+)$")
_LIMIT_S = 15.0
"""To notice takes less than 10 s; a machine that does much else is given more."""
_PATIENT = ("--heartbeat-interval=500", "--election-timeout=5000")
"""Of members with a long way between them: left to themselves they end a watch after 20 s."""

MakeReplica = Callable[..., Replica]


class Parted:
    """A cluster on a machine for each member, of which one can be cut off from the others.

    Attributes:
        cluster: of three; the one that is cut off is first, so that it is asked first.
    """

    def __init__(self, cluster: EtcdCluster, bridge: Bridge) -> None:
        self.cluster = cluster
        self._bridge = bridge

    def publish_elsewhere(self, files: Mapping[str, str]) -> None:
        """Publish where the others take it, as soon as they have a leader."""
        others = [each.for_clients for each in self.cluster.members[1:]]
        publish(self.cluster, files, endpoints=others, requestTimeout="30s")

    @property
    def member(self) -> EtcdMember:
        """The one that is cut off."""
        return self.cluster.members[0]

    def choose(self, *, leads: bool) -> None:
        """Have the leader be the one, or another."""
        leader = self.cluster.leader()
        self.cluster.members.sort(key=lambda each: (each is leader) is not leads)

    def cut_off(self) -> None:
        """Let the others hear nothing of it; clients do."""
        self._bridge.part(self.member.name, *(each.name for each in self.cluster.members[1:]))

    def join(self) -> None:
        """Let them hear it again, and wait until all are one."""
        self._bridge.join(self.member.name, *(each.name for each in self.cluster.members[1:]))
        self.cluster.wait_until_served()

    def held_here(self) -> str:
        """Return what it has at the head, whoever has published since."""
        return self.cluster.ctl("get", "--print-value-only", "--consistency=s", _HEAD, endpoint=self.member)

    def generation_here(self) -> int:
        """Return the number of it."""
        return int(json.loads(self.held_here())["generation"])

    def watchers_here(self) -> int:
        """Return how many watches are open on it."""
        connection = HTTPConnection(self.member.place.address, self.member.port, timeout=20)
        connection.request("GET", "/metrics")
        found = _WATCHERS.search(connection.getresponse().read().decode())
        connection.close()
        assert found is not None
        return int(found[1])


@pytest.fixture(autouse=True)
def bridge(require: Callable[..., None]) -> Iterator[Bridge]:
    """A machine for each member; whatever the test starts itself is on one that reaches all of them."""
    require("ip", "nsenter")
    if os.geteuid() != 0:
        pytest.skip("only root may make machines of a network")
    with own_network(), Bridge(_MEMBERS) as bridge:
        yield bridge


@pytest.fixture
def parted_of(cluster_of: Callable[..., EtcdCluster], bridge: Bridge) -> Callable[..., Parted]:
    """Makes all of it; nothing is cut yet."""

    def make(**more: Any) -> Parted:
        inside = {name: ("nsenter", f"--net=/run/netns/{namespace(name)}") for name in _MEMBERS}
        places = [Place(bridge.addresses[name], entered_by) for name, entered_by in inside.items()]
        return Parted(cluster_of(3, places=places, **more), bridge)

    return make


@pytest.fixture
def parted(parted_of: Callable[..., Parted]) -> Parted:
    """Such a cluster, as etcd is without more words."""
    return parted_of()


def start(replica: Replica) -> None:
    """Start it in the network that the test is in."""
    replica.start(dict(os.environ))


def wait_well(replicas: Sequence[Replica], generation: int) -> None:
    """Wait until all have a generation in force, and nothing to say."""
    for replica in replicas:
        replica.wait_generation(generation)
        wait_for(lambda at=replica: at.admin("/readyz").text == "ok\n", "nothing to be said")  # type: ignore[misc]


def wait_told(client: DeltaClient, host: str) -> list[Arrival]:
    """Return what arrives until a client has the routes of a host, which come last."""
    return client.wait(lambda each: each.type_url == names.ROUTE_CONFIGURATION and host.encode() in each.message)


def told_twice(arrivals: Sequence[Arrival]) -> list[tuple[str, str, str]]:
    """Return what came more than once: type, name and version."""
    responses = [discovery_pb2.DeltaDiscoveryResponse.FromString(each.message) for each in arrivals]
    told = Counter((each.type_url, its.name, its.version) for each in responses for its in each.resources)
    return [each for each, count in told.items() if count > 1]


@pytest.mark.envoy
@pytest.mark.parametrize("leads", [False, True], ids=["a follower", "the leader"])
def test_replicas_go_to_another_member(
    parted: Parted, replica_of: MakeReplica, start_envoy: StartEnvoy, shop: Shop, *, leads: bool
) -> None:
    """Their watch stays open, and nobody would tell them anything; what is published meanwhile is served by both."""
    parted.choose(leads=leads)
    publish(parted.cluster, shop.files("a"))
    replicas = [replica_of(parted.cluster) for _ in range(2)]
    for replica in replicas:
        start(replica)
    first, second = replicas
    start_envoy(first)
    shop.wait_answer("a")
    wait_for(lambda: parted.watchers_here() >= len(replicas), "watches to be on that member")
    wanted = {names.ROUTE_CONFIGURATION: (_ROUTES,)}
    bare = DeltaClient(int(second.settings["xds"]["address"].rpartition(":")[2]), "default/web", wanted, node="bare")
    with SteadyClient(shop.port, "a.test") as client, bare:
        told = wait_told(bare, "a.test")
        listeners_sent = first.sent()["listener"]
        parted.cut_off()
        parted.publish_elsewhere(shop.files("a", "b"))
        shop.wait_answer("b")
        wait_well(replicas, 2)
        wait_for(lambda: parted.watchers_here() == 0, "all watches to have left that member")
        assert parted.generation_here() == 1
        told += wait_told(bare, "b.test")
        before, sent = first.resources(), first.sent()
        parted.join()
        wait_well(replicas, 2)
        assert (first.resources(), first.sent(), bare.drain()) == (before, sent, [])
        publish(parted.cluster, shop.files("a", "b", "c"))
        shop.wait_answer("c")
        wait_well(replicas, 3)
        told += wait_told(bare, "c.test")
        client.wait_for_more()
    assert client.failures == []
    assert first.resources() == second.resources()
    assert first.sent()["listener"] == listeners_sent
    assert told_twice(told) == []


@pytest.mark.envoy
def test_who_reaches_that_member_alone_goes_by_what_it_has_kept(
    parted: Parted, replica_of: MakeReplica, start_envoy: StartEnvoy, shop: Shop
) -> None:
    """That member has a generation between that and the newest, which is not to be taken for the newest."""
    publish(parted.cluster, shop.files("a"))
    kept, new = (replica_of(parted.cluster, endpoints=[parted.member.for_clients]) for _ in range(2))
    start(kept)
    kept.wait_kept(1)
    kept.kill()
    publish(parted.cluster, shop.files("a", "b"))
    wait_for(lambda: parted.generation_here() == 2, "that member to have it")
    parted.cut_off()
    parted.publish_elsewhere(shop.files("a", "c"))
    start(kept)
    new.launch(dict(os.environ))
    wait_for(lambda: "generation 1 stays in force" in kept.admin("/readyz").text, "it to be said")
    wait_for(lambda: "has not been loaded" in new.admin("/readyz").text, "it to say what it waits for")
    assert parted.generation_here() == 2
    start_envoy(kept)
    shop.wait_answer("a")
    wait_for(lambda: "has not answered for" in kept.run("status").stdout, "status to say it")
    assert "generation 1 is in force" in kept.run("status").stdout
    assert not kept.metric("source_connected")
    assert new.admin("/readyz").status == 503
    parted.join()
    shop.wait_answer("c")
    new.wait_generation(3)
    assert shop.answers("b") == 404
    assert '"source.in_force", "generation": 2' not in kept.log + new.log


def test_who_publishes_there_goes_on_or_is_told(parted: Parted, bridge: Bridge, shop: Shop, tmp_path: Path) -> None:
    """Another member takes it; who knows no other is told that nothing was published."""
    parted.choose(leads=False)
    publish(parted.cluster, shop.files("a"))
    desk = Desk(tmp_path / "desk", parted.cluster)
    alone = Desk(tmp_path / "alone", parted.cluster, endpoints=[parted.member.for_clients])
    parted.cut_off()
    for each, names_of in ((desk, ("a", "b")), (alone, ("a", "lost"))):
        each.write(shop.files(*names_of))
    assert desk.publish().returncode == 0
    told = alone.publish()
    assert told.returncode != 0
    assert parted.member.for_clients in told.stderr
    parted.join()
    head = json.loads(parted.cluster.ctl("get", "--print-value-only", _HEAD))
    assert head["generation"] == 2


@pytest.mark.anyio
@pytest.mark.parametrize("leads", [False, True], ids=["a follower", "the leader"])
@pytest.mark.parametrize("options", [(), _PATIENT], ids=["as they are", "patient"])
async def test_a_watch_on_it_ends(parted_of: Callable[..., Parted], options: tuple[str, ...], *, leads: bool) -> None:
    """Though it answers every question for its progress; nothing is read from it, and reading goes on elsewhere."""
    parted = parted_of(options=options)
    parted.choose(leads=leads)
    cluster = parted.cluster
    async with client_of(cluster, requestTimeout="30s") as client:
        last = await write(client, _HEAD, b"1")
        async with client.watch(_HEAD, last + 1) as news:
            parted.cut_off()
            assert isinstance(await end_of(news, _LIMIT_S), UnavailableError)
        assert await read(client, _HEAD) == b"1"
        last = await write(client, _HEAD, b"2")
        assert await read(client, _HEAD) == b"2"
        async with client.watch(_HEAD, last) as news:
            assert (await next_change(news)).revision == last
    async with client_of(cluster, endpoints=[parted.member.for_clients], requestTimeout="2s") as client:
        with pytest.raises(EtcdError):
            await read(client, _HEAD)
        assert parted.held_here() == "1\n"
        await to_thread.run_sync(parted.join)
        assert await read_at_last(client, _HEAD) == b"2"
