"""A lease that is kept, on an etcd in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from egxds.etcd.errors import UnavailableError
from egxds.etcd.kept_lease import KeptLease
from tests.etcd_fake import FakeEtcd

pytestmark = pytest.mark.anyio

_PATIENCE_S = 20.0


class CountingEtcd(FakeEtcd):
    """Says when a lease was kept so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.kept_often = anyio.Event()
        self._left = times

    async def keep_lease(self, lease_id: int) -> bool:
        self._left -= 1
        if not self._left:
            self.kept_often.set()
        return await super().keep_lease(lease_id)


class Keeper:
    """Takes note of what becomes of a lease.

    Attributes:
        told: the ids of leases, and 0 for each loss.
        failing: how many more times it fails to do something with a new lease.
    """

    def __init__(self) -> None:
        self.told: list[int] = []
        self.failing = 0
        self._changed = anyio.Event()

    async def granted(self, lease_id: int) -> None:
        self._note(lease_id)
        if self.failing:
            self.failing -= 1
            raise UnavailableError("not now")

    def lost(self) -> None:
        self._note(0)

    async def wait_until(self, *told: int) -> None:
        """Wait until just this was told."""
        with anyio.fail_after(_PATIENCE_S):
            while self.told != list(told):
                await self._changed.wait()

    def _note(self, said: int) -> None:
        self.told.append(said)
        self._changed.set()
        self._changed = anyio.Event()


@asynccontextmanager
async def kept(store: FakeEtcd, keeper: Keeper) -> AsyncIterator[None]:
    """Have a lease kept meanwhile, which lasts a second."""
    lease = KeptLease(store, 1, keeper.granted, keeper.lost)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lease.keep)
        yield
        tasks.cancel_scope.cancel()


async def test_it_is_kept_and_ended_with_its_keeper() -> None:
    """Nothing is told in between."""
    store, keeper = CountingEtcd(4), Keeper()
    async with kept(store, keeper):
        await keeper.wait_until(1)
        with anyio.fail_after(_PATIENCE_S):
            await store.kept_often.wait()
        assert (list(store.cluster.leases), keeper.told) == ([1], [1])
    assert not store.cluster.leases


async def test_one_that_has_ended_is_lost_and_another_one_is_had() -> None:
    """So what was put with it can be put again."""
    store, keeper = FakeEtcd(), Keeper()
    async with kept(store, keeper):
        await keeper.wait_until(1)
        store.cluster.end_lease(1)
        await keeper.wait_until(1, 0, 2)


async def test_one_of_which_nothing_is_heard_is_lost_in_time() -> None:
    """And there is another one when etcd is back."""
    store, keeper = FakeEtcd(), Keeper()
    async with kept(store, keeper):
        await keeper.wait_until(1)
        store.is_cut_off = True
        await keeper.wait_until(1, 0)
        store.is_cut_off = False
        await keeper.wait_until(1, 0, 2)


async def test_what_cannot_be_put_with_it_is_a_loss() -> None:
    """It is tried again with another one, and the first does not stay behind."""
    store, keeper = FakeEtcd(), Keeper()
    keeper.failing = 1
    async with kept(store, keeper):
        await keeper.wait_until(1, 0, 2)
        assert list(store.cluster.leases) == [2]
