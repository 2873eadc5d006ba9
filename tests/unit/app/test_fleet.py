"""This replica among others, on an etcd in memory: what is told of it, what of others is known, and who is let go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import anyio
import pytest
from structlog.testing import capture_logs

from egxds.app import fleet as fleet_module
from egxds.app import fleet_report
from egxds.app.canary_facts import TakenBack
from egxds.app.canary_judge import CanaryJudge
from egxds.app.fleet import Fleet
from egxds.app.own_record import Knowledge, default_name
from egxds.etcd.errors import PermissionDeniedError
from egxds.etcd.operations import Delete, EtcdStore, Put
from egxds.fleet import differing, keeping, shares
from egxds.fleet.envoys import Stand
from egxds.fleet.record import ReplicaRecord, decoded_replica
from egxds.inspect.envoys import OfferedState
from egxds.inspect.status import StatusStore
from egxds.names import CLUSTER
from egxds.published.followed import Followed
from egxds.sessions.events import Node, Request
from egxds.sessions.open_streams import Clients
from egxds.settings.daemon import Settings
from egxds.settings.etcd import EtcdSource
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics
from egxds.wire.xds.newcomers import GRACE_S, Newcomers, Verdict
from tests.etcd_fake import FakeCluster, FakeEtcd
from tests.revisions import by_type
from tests.unit.app.test_canary_judge import FACTS, Replica, refusal
from tests.unit.fleet.replicas import SERVED, SINCE, replica
from tests.unit.fleet.test_canary import stand
from tests.unit.published.store import Store, route
from tests.unit.snapshot.resources import cluster

pytestmark = pytest.mark.anyio

_PATIENCE_S = 20.0
KEY = "/egxds/replicas/me"


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the daemon."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        (fleet_module, "EVERY_S", 0.02),
        (keeping, "APART_S", 0.01),
        (keeping, "_SHORTEST_PAUSE_S", 0.01),
        (differing, "LASTING_S", 0.05),
        (fleet_report, "_LASTING_S", 0.05),
        (shares, "STEADY_S", 0.05),
        (shares, "GROWTH_S", 0.2),
    ):
        monkeypatch.setattr(module, name, value)


class Xds:
    """Stands in for the server of Envoys."""

    address = "127.0.0.1:18000"

    def __init__(self) -> None:
        self.clients = Clients()
        self.newcomers = Newcomers()
        self.asked: list[int] = []

    def let_go(self, most: int, may_go: Callable[[str], bool]) -> tuple[str, ...]:
        """Let those go that may."""
        self.asked.append(most)
        nodes = [client.session.node.id for client in self.clients.all() if client.session.node is not None]
        return tuple(node for node in nodes if may_go(node))[:most]


class Rooms:
    """What else the fleet asks.

    Attributes:
        is_settled: whether all is published.
        refused: why what was published is not followed.
        is_connected: whether the store answers.
    """

    def __init__(self) -> None:
        self.is_settled = True
        self.refused = ""
        self.is_connected = False

    def described(self) -> dict[str, object]:
        """Say how the source is doing."""
        way = {"isConnected": self.is_connected, "isAtHead": True, "read": 1}
        return {"refused": self.refused, "goneBack": "", **way}


class House:
    """A replica called `me`.

    Attributes:
        cluster: where all keep their records.
        client: its way there.
    """

    def __init__(self, canary: CanaryJudge | None = None, **etcd: Any) -> None:
        self.cluster = FakeCluster()
        self.client = FakeEtcd(self.cluster)
        self.status, self.store, self.xds, self.rooms = StatusStore(), SnapshotStore(), Xds(), Rooms()
        self.stores = Stores(self.store)
        self.metrics = Metrics()
        xds, rooms = cast("Any", self.xds), cast("Any", self.rooms)
        known = Knowledge(self.status, self.stores, xds, lambda: self.rooms.is_settled, rooms, lambda _: (), canary)
        source = {"endpoints": ["localhost:2379"], "replica": {"name": "me", "adminAddress": "a.test:1"}, **etcd}
        self.settings = Settings.model_validate({"sources": {"etcd": source}})
        self.fleet = Fleet(self.settings, self._connect, self.metrics, known)

    @asynccontextmanager
    async def _connect(self, _settings: EtcdSource) -> AsyncIterator[EtcdStore]:
        yield self.client

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Have it live for as long as the block runs, ready, with one generation in force."""
        published = Store()
        origin = Followed(1, published.publish({"a.yaml": route("a")}))
        self.store.publish("ns/web", "edge", by_type((cluster("a"),)))
        self.store.mark_loaded()
        self.status.mark_loaded()
        self.status.mark_bound()
        self.fleet.accepted(origin.encode())
        self.fleet.published("ns/web", self.store.snapshot("ns/web"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.fleet.work)
            yield
            tasks.cancel_scope.cancel()

    def connect(self, node_id: str) -> None:
        """Have an Envoy that has taken all."""
        client = self.xds.clients.open("127.0.0.1:1", 0.0, None)
        client.gateways = ("ns/web",)
        client.session.receive(Request(CLUSTER, node=Node(node_id, "ns/web", "envoy")), 0.0)
        self.status.envoys.opened(client.stream, node_id)
        self.status.envoys.offered(client.stream, OfferedState(1), 0.0)
        self.status.envoys.took_all(client.stream)
        self.fleet.stir()

    def record(self) -> ReplicaRecord | None:
        """Return what stands in the store of this one."""
        found = self.cluster.keys.get(KEY)
        return decoded_replica("me", found.value) if found else None

    def others(self, *records: ReplicaRecord) -> None:
        """Have records of others stand there."""
        self.cluster.apply([Put(f"/egxds/replicas/{each.name}", each.encode()) for each in records])

    async def described(self) -> Any:
        """Return what the admin API shows."""
        return await self.fleet.described()


async def until(holds: Callable[[], object]) -> None:
    """Wait for a fact that nobody tells."""
    with anyio.fail_after(_PATIENCE_S):
        while not holds():  # noqa: ASYNC110 nobody tells it
            await anyio.sleep(0.005)


def said(house: House) -> ReplicaRecord:
    """Return what it says."""
    found = house.record()
    assert found is not None
    return found


async def test_it_says_what_it_serves_and_to_whom() -> None:
    """And each change of that."""
    house = House()
    async with house.living():
        await until(house.record)
        first = said(house)
        assert (first.generation, first.is_ready, first.admin, first.xds) == (1, True, "a.test:1", ("127.0.0.1:18000",))
        assert len(first.served) == 64
        house.connect("envoy-1")
        await until(lambda: said(house).envoys.in_sync == 1)
        assert any(key.startswith("/egxds/envoys/me/") for key in house.cluster.keys)
        house.store.publish("ns/web", "edge", by_type((cluster("b"),)))
        house.fleet.published("ns/web", house.store.snapshot("ns/web"))
        await until(lambda: said(house).envoys.pending == 1)
        assert said(house).served not in ("", first.served)
        house.rooms.is_settled = False
        await until(lambda: said(house).served == "")
        house.rooms.refused = "is no record\x1b"
        await until(lambda: said(house).refused == "is no record\\x1b")
    assert not house.cluster.keys


async def test_all_are_shown_from_any() -> None:
    """What others say, and this one as it is now."""
    house = House()
    async with house.living():
        await until(house.record)
        house.others(replica("other", counts=(2, 1, 0), generation=5))
        house.connect("envoy-1")
        await until(lambda: house.metrics.registry.get_sample_value("egxds_source_replicas", {"source": "etcd"}) == 2)
        found = await house.described()
        assert [(each["name"], each["isSelf"], each["generation"]) for each in found["replicas"]] == [
            ("me", True, 1),
            ("other", False, 5),
        ]
        assert found["replicas"][1]["envoys"] == {"inSync": 2, "pending": 1, "refusing": 0}
        envoys: Any = await house.fleet.envoys()
        assert [(each["replica"], each["id"], each["state"]) for each in envoys["items"]] == [
            ("me", "envoy-1", "in sync")
        ]
        house.client.is_cut_off = True
        await until(lambda: "no member answers" in str(house.fleet._watcher and house.fleet._watcher.fault))
        found = await house.described()
        assert ("no member answers" in found["fault"], len(found["replicas"])) == (True, 2)
        envoys = await house.fleet.envoys()
        assert "cannot be asked" in envoys["faults"][0]
        assert [each["id"] for each in envoys["items"]] == ["envoy-1"]


async def test_an_envoy_is_in_sync_with_what_it_is_served() -> None:
    """A canary with the candidate, from when that is served on: what it took of the head is not it."""
    house = House()
    async with house.living():
        await until(house.record)
        for node in ("envoy-1", "envoy-2"):
            house.connect(node)

        async def states() -> dict[str, tuple[str, bool]]:
            envoys: Any = await house.fleet.envoys()
            return {each["id"]: (each["state"], each["canary"]) for each in envoys["items"]}

        assert await states() == dict.fromkeys(("envoy-1", "envoy-2"), ("in sync", False))
        candidate = SnapshotStore()
        candidate.publish("ns/web", "edge", by_type((cluster("a", "other"),)))
        candidate.mark_loaded()
        assert candidate.generation == house.store.generation
        house.stores.serve(candidate, ["envoy-1"])
        assert await states() == {"envoy-1": ("pending", False), "envoy-2": ("in sync", False)}
        (client, _) = house.xds.clients.all()
        client.is_canary = True
        house.status.envoys.offered(client.stream, OfferedState(1, house.stores.choice("envoy-1").turn), 0.0)
        house.status.envoys.took_all(client.stream)
        assert await states() == {"envoy-1": ("in sync", True), "envoy-2": ("in sync", False)}


async def test_replicas_that_differ_are_an_error() -> None:
    """Once, as long as it lasts, and with their names."""
    house = House()
    with capture_logs() as lines:
        async with house.living():
            await until(house.record)
            house.others(replica("other", served=SERVED["b"]))
            await until(house.fleet.problems)
            (problem,) = house.fleet.problems()
            assert "generation 1: " in problem.message
            assert "other" in problem.message
            assert house.fleet.notes()[0] in problem.message
            house.others(replica("other", served=said(house).served))
            await until(lambda: not house.fleet.problems())
    assert [line["event"] for line in lines if line["event"].startswith("fleet.")] == ["fleet.differs", "fleet.agrees"]


async def test_who_may_not_write_serves_on_and_says_so_once() -> None:
    """Whoever reads on finds why."""
    house = House()

    async def refuse() -> None:
        if any(isinstance(each, Put) for each in house.client.operations[-1]):
            raise PermissionDeniedError("permission denied")

    house.client.before = refuse
    with capture_logs() as lines:
        async with house.living():
            await until(house.fleet.problems)
            assert "keeps no record of itself: permission denied" in house.fleet.problems()[0].message
            found = await house.described()
            assert (found["recordFault"], [each["name"] for each in found["replicas"]]) == ("permission denied", ["me"])
            house.client.before = House().client.before
            await until(house.record)
            await until(lambda: not house.fleet.problems())
    told = [line["event"] for line in lines if line["event"].startswith("fleet.")]
    assert told == ["fleet.not_recorded", "fleet.recorded"]


async def test_a_candidate_is_judged_by_the_records_of_all() -> None:
    """What is known of it here stands in the record; where another replica is behind, nothing is done."""
    candidate = Replica()
    candidate.facts = replace(FACTS, promote_after_s=1)
    house = House(candidate.judge)
    async with house.living():
        await until(lambda: house.record() and said(house).canary == candidate.judge.stand() is not None)
        candidate.stands["edge-2"] = Stand.PENDING
        await until(lambda: said(house).canary == stand(2, 1))
        house.others(replica("other"))
        await until(lambda: "it has not come to replica other yet" in str(house.fleet.candidate()))
        assert candidate.written == []
        candidate.stands["edge-2"] = Stand.IN_SYNC
        house.others(replica("other", canary=stand(0)))
        await until(lambda: candidate.written)
        assert candidate.written == [("promote", 7)]


async def test_a_candidate_is_not_promoted_where_a_record_cannot_be_read() -> None:
    """That replica may be of a version to come: what its Envoys say to the candidate is not known here."""
    candidate = Replica()
    candidate.facts = replace(FACTS, promote_after_s=1)
    house = House(candidate.judge)
    house.cluster.apply([Put("/egxds/replicas/newer", b'{"format": 2}')])
    async with house.living():
        await until(lambda: "replicas/newer: is no record" in str(house.fleet.candidate()))
        assert candidate.written == []
        house.cluster.apply([Delete("/egxds/replicas/newer")])
        await until(lambda: candidate.written)
        assert candidate.written == [("promote", 7)]


async def test_a_candidate_that_an_envoy_refuses_is_taken_back() -> None:
    """And shown, with where it stands, for as long as it does."""
    candidate = Replica()
    house = House(candidate.judge)
    async with house.living():
        await until(house.record)
        house.status.refusals.update(1, [refusal()])
        await until(lambda: candidate.written)
        assert candidate.written[0][:2] == ("take back", 7)
        await until(lambda: said(house).canary == stand(refused=1, fault=str(refusal())))
        candidate.facts = replace(FACTS, put_at=9, taken_back=TakenBack("refused", SINCE, "me"))
        await until(lambda: said(house).canary is None)
        (problem,) = house.fleet.problems()
        assert str(problem.location) == "etcd:/egxds/head-candidate"


async def test_too_many_envoys_are_let_go() -> None:
    """Not where it is turned off, nor while nobody knows what others have."""
    house = House()
    for number in range(6):
        house.connect(f"envoy-{number}")
    async with house.living():
        await until(house.record)
        house.others(replica("other"))
        await until(lambda: house.xds.asked)
        assert house.xds.asked[0] == 1
        await until(lambda: house.metrics.registry.get_sample_value("egxds_xds_let_go_total"))
        off = house.settings.model_copy(update={"xds": house.settings.xds.model_copy(update={"spread": False})})
        house.fleet.follow(off)
        house.xds.asked.clear()
        house.others(replica("another"))
        await until(lambda: house.metrics.registry.get_sample_value("egxds_source_replicas", {"source": "etcd"}) == 3)
        assert house.xds.asked == []


async def test_who_was_sent_on_in_a_doubt_that_has_ended_comes_first_in_the_next() -> None:
    """Also where no Envoy came in between."""
    house = House()
    newcomers = house.xds.newcomers
    async with house.living():
        house.others(replica("other"))
        came_s = anyio.current_time()
        await until(lambda: newcomers.verdict("envoy-1", came_s, came_s) is Verdict.SENT_ON)
        house.rooms.is_connected = True
        await until(lambda: not newcomers._visits)
        house.rooms.is_connected = False
        assert newcomers.verdict("envoy-1", came_s + GRACE_S, came_s + GRACE_S) is Verdict.SENT_ON


async def test_its_end_is_told_before_it_comes() -> None:
    """So that nobody is sent to it."""
    house = House()
    async with house.living():
        await until(house.record)
        await house.fleet.drain()
        assert said(house).is_draining
        assert not said(house).takes_envoys


async def test_of_files_no_replica_is_known() -> None:
    """And nothing is asked of anybody."""
    house = House()
    files = Settings.model_validate({"sources": {"files": {"paths": ["routes/"]}}})
    fleet = Fleet(files, house._connect, Metrics(), house.fleet._own._knowledge)
    await fleet.work()
    await fleet.drain()
    assert (await fleet.described(), await fleet.envoys(), fleet.problems(), fleet.notes()) == (None, None, (), ())
    assert house.client.transactions == 0


def test_a_name_is_another_one_for_each_machine_and_address() -> None:
    """And the same at each start, and one that a key may have."""
    names = [
        default_name("edge-1", "id", "0.0.0.0:18000"),
        default_name("edge-1", "id", "0.0.0.0:18001"),
        default_name("edge-1", "other", "0.0.0.0:18000"),
        default_name("_édge/1" * 50, "", ""),
        default_name("", "", ""),
    ]
    assert len(set(names)) == len(names)
    assert names[0] == default_name("edge-1", "id", "0.0.0.0:18000")
    for name in names:
        assert decoded_replica(name, replica(name, since=datetime.now(UTC)).encode()).name == name
