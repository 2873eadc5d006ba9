"""Changes of single keys go in transactions of many, and each is told what became of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest
from anyio import wait_all_tasks_blocked

from egxds.etcd.errors import EtcdError, UnavailableError
from egxds.etcd.operations import Put, Unchanged
from egxds.hooks.shared.gathered import MOST_TOGETHER, GatheredChanges, Otherwise
from egxds.hooks.shared.keeping import keep, renew
from egxds.hooks.shared.link import Link
from egxds.hooks.shared.stored import CLAIM, packed
from tests.etcd_fake import FakeEtcd

pytestmark = pytest.mark.anyio

COUNT = 200


@asynccontextmanager
async def at_work(store: FakeEtcd) -> AsyncIterator[GatheredChanges]:
    """Carry changes out for as long as the block runs."""
    changes = GatheredChanges(store)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(changes.work)
        yield changes
        tasks.cancel_scope.cancel()


async def claimed(changes: GatheredChanges, count: int = COUNT) -> dict[str, int | Otherwise]:
    """Claim many keys at once."""
    found: dict[str, int | Otherwise] = {}

    async def claim(key: str) -> None:
        found[key] = await changes.claim(key, Put(key, b"mine"))

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(claim, f"/{number}")
    return found


async def test_many_go_together() -> None:
    """As many as a transaction takes."""
    store = FakeEtcd()
    async with at_work(store) as changes:
        assert all(isinstance(each, int) for each in (await claimed(changes)).values())
    assert store.transactions <= -(-COUNT // MOST_TOGETHER) + 3
    assert len(store.cluster.keys) == COUNT


async def test_what_is_there_already_keeps_nothing_else_from_being_done() -> None:
    """It is told what stands there."""
    store = FakeEtcd()
    store.cluster.apply([Put(f"/{number}", b"theirs") for number in range(0, COUNT, 3)])
    async with at_work(store) as changes:
        found = await claimed(changes)
    for number in range(COUNT):
        each = found[f"/{number}"]
        if number % 3:
            assert isinstance(each, int)
        else:
            assert isinstance(each, Otherwise)
            assert each.found is not None
            assert each.found.value == b"theirs"


async def test_an_error_is_told_to_all_of_them() -> None:
    """And what comes later is done."""
    store = FakeEtcd()
    async with at_work(store) as changes:
        store.fail_before()
        with pytest.raises(UnavailableError):
            await changes.claim("/a", Put("/a", b""))
        assert isinstance(await changes.claim("/a", Put("/a", b"")), int)


async def test_when_the_store_is_left_nobody_waits_on() -> None:
    """Neither those that wait for their transaction, nor who comes later."""
    store = FakeEtcd()
    store.before = anyio.sleep_forever
    refused: list[type[Exception]] = []

    async def claim(key: str) -> None:
        try:
            await changes.claim(key, Put(key, b""))
        except EtcdError as err:
            refused.append(type(err))

    with anyio.fail_after(20):
        async with anyio.create_task_group() as asking:
            async with at_work(store) as changes:
                for number in range(COUNT):
                    asking.start_soon(claim, f"/{number}")
                await wait_all_tasks_blocked()
                for _ in range(COUNT):
                    asking.start_soon(claim, "/one more")
                await wait_all_tasks_blocked()
            await claim("/later")
    assert len(refused) == 2 * COUNT + 1
    assert refused[-1] is UnavailableError


async def test_a_claim_that_nobody_waits_for_is_taken_back() -> None:
    """Whenever that is; others would wait for what does not come."""
    for at in ("before", "after"):
        store = FakeEtcd()
        goes_on = anyio.Event()
        store.before = goes_on.wait
        async with at_work(store) as changes:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(changes.claim, "/a", Put("/a", b"mine"))
                await wait_all_tasks_blocked()
                if at == "after":
                    goes_on.set()
                tasks.cancel_scope.cancel()
            goes_on.set()
            await wait_all_tasks_blocked()
            assert store.cluster.keys == {}


async def test_replies_that_are_in_use_are_put_again_as_they_stand() -> None:
    """Under a lease that is new; claims, and what is gone or no reply, are let be."""
    store = FakeEtcd()
    link = Link(store, "/egxds/")
    reply = packed(b"said")
    assert reply is not None
    old = store.cluster.grant()
    store.cluster.apply([Put("/said", reply.value, old), Put("/claim", CLAIM, old), Put("/odd", b"?", old)])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(link.changes.work)
        await renew(link, ["/said", "/claim", "/gone", "/odd"])
        tasks.cancel_scope.cancel()
    store.cluster.end_lease(old)
    assert {key: each.value for key, each in store.cluster.keys.items()} == {"/said": reply.value}


async def test_what_is_in_use_is_renewed_though_no_connection_lives_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within minutes where nobody has done it, and then not again for hours."""
    store, reply = FakeEtcd(), packed(b"said")
    assert reply is not None
    store.cluster.apply([Put("/said", reply.value)])
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr("egxds.hooks.shared.keeping.anyio.sleep", sleep)
    renewals: list[int] = []

    def in_use() -> list[str]:
        renewals.append(len(slept))
        return ["/said"]

    for looks in (3, 10):
        link = Link(store, "/egxds/")
        slept.clear()
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(link.changes.work)
                tasks.start_soon(keep, link, in_use)
                while len(slept) < looks:
                    await anyio.lowlevel.checkpoint()
                assert slept[0] <= 600
                tasks.cancel_scope.cancel()
    assert renewals == [1]
    assert store.cluster.keys["/said"].mod_revision > 2
    assert len(store.cluster.leases) == 2


async def test_a_key_that_two_want_is_changed_by_one() -> None:
    """In one transaction no key may be written twice."""
    store = FakeEtcd()
    async with at_work(store) as changes:
        found: list[int | Otherwise] = []

        async def put() -> None:
            found.append(await changes.put(Unchanged("/a", 0), Put("/a", b"")))

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(put)
    assert sorted(isinstance(each, int) for each in found) == [False, False, True]
