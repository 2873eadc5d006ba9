"""The record of a replica, and what others are told of it, on an etcd in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from egxds.etcd.errors import EtcdError, PermissionDeniedError
from egxds.etcd.operations import Put
from egxds.fleet import keeping
from egxds.fleet.envoys import EnvoyRow, Stand, encoded_parts
from egxds.fleet.keeping import RecordKeeper, Told
from egxds.fleet.record import Identity
from egxds.fleet.watching import FleetWatcher, envoys_of_all
from egxds.published.layout import Layout
from tests.etcd_fake import FakeCluster, FakeEtcd
from tests.unit.fleet.replicas import replica

pytestmark = pytest.mark.anyio

LAYOUT = Layout("/egxds/")
_PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "APART_S", 0.01)
    monkeypatch.setattr(keeping, "_TOGETHER_S", 0.0)
    monkeypatch.setattr(keeping, "_SHORTEST_PAUSE_S", 0.01)


class Self:
    """A replica that says something.

    Attributes:
        record: what it says; to be changed, and stirred.
        rows: its Envoys.
        keeper: keeps it.
        before: awaited before it is gathered, for what happens meanwhile.
        store: its way to the cluster.
    """

    def __init__(self, cluster: FakeCluster, name: str = "one", instance: str = "0" * 16) -> None:
        self.store = FakeEtcd(cluster)
        self.record = replica(name, instance=instance)
        self.rows: list[EnvoyRow] = []
        self.before: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint
        self.keeper = RecordKeeper(Identity(name, instance), LAYOUT, self._told)

    async def _told(self) -> Told:
        await self.before()
        return Told(self.record.encode(), encoded_parts(self.rows))

    def say(self, **changed: object) -> None:
        """Say something else."""
        self.record = self.record.model_copy(update=changed)
        self.keeper.stir()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep it for as long as the block runs."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.keeper.keep, self.store)
            yield
            tasks.cancel_scope.cancel()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a fact that nobody tells."""
    with anyio.fail_after(_PATIENCE_S):
        while not holds():  # noqa: ASYNC110 nobody tells it
            await anyio.sleep(0.005)


@asynccontextmanager
async def watched(cluster: FakeCluster) -> AsyncIterator[FleetWatcher]:
    """Follow what is told of all."""
    watcher = FleetWatcher(LAYOUT, lambda: None)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watcher.follow, FakeEtcd(cluster))
        yield watcher
        tasks.cancel_scope.cancel()


async def test_others_are_told_of_it_while_it_lives() -> None:
    """Of each change, and of its end."""
    cluster = FakeCluster()
    me = Self(cluster)
    async with watched(cluster) as watcher:
        async with me.kept():
            await until(lambda: watcher.book.records() == {"one": me.record})
            me.say(generation=7)
            await until(lambda: watcher.book.records()["one"].generation == 7)
            assert (me.keeper.fault, watcher.fault) == ("", "")
        await until(lambda: not watcher.book.records())
    assert not cluster.keys


async def test_what_is_the_same_is_not_written_again() -> None:
    """Of a thousand Envoys, one that changes costs its part and the record."""
    cluster = FakeCluster()
    me = Self(cluster)
    me.rows = [EnvoyRow(f"edge-{number}", "default/web", Stand.IN_SYNC) for number in range(1000)]
    async with me.kept():
        await until(lambda: len(cluster.keys) == 33)
        before, revision = cluster.written_bytes, cluster.revision
        me.keeper.stir()
        me.rows[5] = EnvoyRow("edge-5", "default/web", Stand.PENDING)
        me.say(generation=2)
        await until(lambda: cluster.revision > revision)
        assert cluster.written_bytes - before < 3000
        revision = cluster.revision
        me.keeper.stir()
        me.rows = []
        me.keeper.stir()
        await until(lambda: len(cluster.keys) == 1)
    rows, faults = await envoys_of_all(me.store, LAYOUT)
    assert (rows, faults) == ({}, ())


async def test_envoys_of_all_are_read_from_the_store() -> None:
    """What is no list of them is said."""
    cluster = FakeCluster()
    one, two = Self(cluster), Self(cluster, "two", "1" * 16)
    one.rows = [EnvoyRow("b", "g", Stand.IN_SYNC), EnvoyRow("a", "g", Stand.PENDING)]
    two.rows = [EnvoyRow("c", "g", Stand.IN_SYNC)]
    async with one.kept(), two.kept():
        await until(lambda: len(cluster.keys) == 5)
        cluster.apply([Put("/egxds/envoys/two/odd", b"?")])
        rows, faults = await envoys_of_all(one.store, LAYOUT)
    assert {name: [row.id for row in found] for name, found in rows.items()} == {"one": ["a", "b"], "two": ["c"]}
    assert faults == ("/egxds/envoys/two/odd: is no list of Envoys",)


async def test_a_lease_that_is_lost_is_made_good() -> None:
    """All of it is written again, also what was left over."""
    cluster = FakeCluster()
    me = Self(cluster)
    me.rows = [EnvoyRow("a", "g", Stand.IN_SYNC)]
    async with me.kept():
        await until(lambda: len(cluster.keys) == 2)
        for lease in list(cluster.leases):
            cluster.end_lease(lease)
        me.say(generation=2)
        await until(lambda: len(cluster.keys) == 2)
        assert me.keeper.fault == ""


async def test_nothing_is_put_without_a_lease_that_is_lost_meanwhile() -> None:
    """It would stand there for ever, of a replica that has gone."""
    cluster = FakeCluster()
    me = Self(cluster)
    await me.keeper._granted(me.store, await me.store.grant_lease(10))

    async def lose() -> None:
        me.keeper._lost()

    me.before = lose
    me.rows = [EnvoyRow("a", "g", Stand.IN_SYNC)]
    me.say(generation=7)
    await me.keeper.say_now(me.store)
    cluster.end_lease(1)
    assert (list(cluster.keys), me.keeper._written) == ([], {})
    assert "lease has ended" in me.keeper.fault


async def test_what_was_put_with_a_lease_that_is_lost_is_written_again() -> None:
    """The store had taken it when the lease was lost, and forgets it with that."""
    cluster = FakeCluster()
    me = Self(cluster)
    await me.keeper._granted(me.store, await me.store.grant_lease(10))

    async def lose() -> None:
        me.keeper._lost()
        me.store.before = FakeEtcd().before

    me.store.before = lose
    me.say(generation=7)
    await me.keeper.say_now(me.store)
    assert me.keeper._written == {}
    assert "lease has ended" in me.keeper.fault
    cluster.end_lease(1)
    await me.keeper._granted(me.store, await me.store.grant_lease(10))
    assert b'"generation":7' in cluster.keys["/egxds/replicas/one"].value
    assert (list(cluster.leases.values()), me.keeper.fault) == ([{"/egxds/replicas/one"}], "")


async def test_a_name_belongs_to_one() -> None:
    """Whoever comes later says so, writes nothing, and has it once the other is gone."""
    cluster = FakeCluster()
    first, second = Self(cluster), Self(cluster, instance="1" * 16)
    async with watched(cluster) as watcher, second.kept():
        await until(lambda: "one" in watcher.book.records())
        async with first.kept():
            await until(lambda: "another replica is called one" in first.keeper.fault)
            assert watcher.book.records()["one"].instance == "1" * 16
            for lease in list(cluster.leases):
                cluster.end_lease(lease)
    async with watched(cluster) as watcher, first.kept():
        await until(lambda: "one" in watcher.book.records())
        assert watcher.book.records()["one"].instance == "0" * 16


@pytest.mark.parametrize("error", [PermissionDeniedError("permission denied"), None], ids=["denied", "away"])
async def test_where_it_cannot_be_written_that_is_said(error: EtcdError | None) -> None:
    """And tried again."""
    cluster = FakeCluster()
    me = Self(cluster)
    me.store.fail_before(error)
    async with me.kept():
        await until(lambda: bool(cluster.keys))
        assert me.keeper.fault == ""
        me.store.fail_before(error)
        me.say(generation=3)
        await until(lambda: b'"generation":3' in cluster.keys["/egxds/replicas/one"].value)
        await until(lambda: me.keeper.fault == "")


async def test_what_is_no_record_costs_a_line_and_nobody_else() -> None:
    """It may be anything."""
    cluster = FakeCluster()
    me = Self(cluster)
    async with watched(cluster) as watcher, me.kept():
        await until(lambda: "one" in watcher.book.records())
        cluster.apply([Put("/egxds/replicas/odd\x1b", b"\xff"), Put("/egxds/replicas/two/x", me.record.encode())])
        await until(lambda: len(watcher.book.faults()) == 2)
        assert list(watcher.book.records()) == ["one"]
        assert all(fault.isprintable() for fault in watcher.book.faults())


async def test_a_store_that_was_away_is_looked_at_again() -> None:
    """What is known stays meanwhile, and that it may be old is said."""
    cluster = FakeCluster()
    me, watcher, way = Self(cluster), FleetWatcher(LAYOUT, lambda: None), FakeEtcd(cluster)
    async with anyio.create_task_group() as tasks, me.kept():
        tasks.start_soon(watcher.follow, way)
        await until(lambda: "one" in watcher.book.records())
        way.is_cut_off = True
        await until(lambda: bool(watcher.fault))
        assert "one" in watcher.book.records()
        me.say(generation=9)
        cluster.compact(cluster.revision)
        way.is_cut_off = False
        await until(lambda: watcher.book.records()["one"].generation == 9)
        assert watcher.fault == ""
        tasks.cancel_scope.cancel()
