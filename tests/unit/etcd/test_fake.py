"""The etcd in memory does what a real one does, and fails where it is told to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from egxds.etcd.errors import (
    CompactedError,
    NoSpaceError,
    OutcomeUnknownError,
    UnavailableError,
    WrongClusterError,
)
from egxds.etcd.operations import Delete, EtcdStore, Get, Put, WatchNews
from tests.etcd.story import STORY
from tests.etcd_fake import FakeCluster, FakeEtcd

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("tell", STORY, ids=lambda tell: tell.__name__)
async def test_it_tells_the_story(tell: Callable[[EtcdStore], Awaitable[None]]) -> None:
    """As a real etcd does."""
    await tell(FakeEtcd())


async def test_a_transaction_fails_before_or_after_it_is_applied() -> None:
    """Once, and for the client that was told so alone."""
    cluster = FakeCluster()
    store, other = FakeEtcd(cluster), FakeEtcd(cluster)
    store.fail_before()
    store.fail_after()
    with pytest.raises(UnavailableError):
        await store.transact((), (Put("a", b"1"),))
    assert (await other.transact((), (Get("a"),))).found == ((),)
    with pytest.raises(OutcomeUnknownError):
        await store.transact((), (Put("a", b"1"),))
    assert [found.value for found in (await store.transact((), (Get("a"),))).found[0]] == [b"1"]


async def test_others_may_do_something_in_between() -> None:
    """Before a transaction gets there."""
    cluster = FakeCluster()
    store, other = FakeEtcd(cluster), FakeEtcd(cluster)

    async def meanwhile() -> None:
        await other.transact((), (Put("a", b"other"),))

    store.before = meanwhile
    assert (await store.transact((), (Get("a"),))).found[0][0].value == b"other"


async def test_what_was_compacted_is_not_told() -> None:
    """A watch that begins before that ends."""
    store = FakeEtcd()
    for value in (b"1", b"2", b"3"):
        await store.transact((), (Put("a", value),))
    store.cluster.compact(4)
    async with store.watch("a", 4) as news:
        assert [each.value for each in (await anext(news)).put] == [b"3"]
    async with store.watch("a", 3) as news:
        with pytest.raises(CompactedError) as caught:
            await anext(news)
    assert caught.value.revision == 4


async def test_watches_end_and_tell_that_nothing_changed() -> None:
    """Where a test says so."""
    store = FakeEtcd()
    async with store.watch("a", 2) as news:
        store.tell_progress()
        assert await anext(news) == WatchNews(1)
        await store.transact((), (Put("a", b"1"),))
        store.tell_progress()
        assert (await anext(news)).revision == 2
        assert await anext(news) == WatchNews(2)
        store.break_watches()
        with pytest.raises(UnavailableError):
            await anext(news)
    store.is_cut_off = True
    with pytest.raises(UnavailableError):
        async with store.watch("a", 2):
            pass


async def test_a_full_store_takes_deletions_alone() -> None:
    """As etcd does until its alarm is disarmed."""
    store = FakeEtcd()
    await store.transact((), (Put("a", b"1"),))
    store.cluster.is_full = True
    with pytest.raises(NoSpaceError):
        await store.transact((), (Put("b", b"1"),))
    assert (await store.transact((), (Delete("a"),))).succeeded
    assert (await store.status()).errors == ("NOSPACE",)


async def test_a_cluster_that_is_restored_is_at_an_earlier_revision() -> None:
    """With its id, or with another one, which its clients do not take."""
    store = FakeEtcd()
    first = await store.transact((), (Put("a", b"1"),))
    backup = store.cluster.backup()
    await store.transact((), (Put("a", b"2"),))
    store.cluster.restore(backup)
    again = await store.transact((), (Get("a"),))
    assert (again.revision, again.found[0][0].value) == (first.revision, b"1")
    store.cluster.restore(backup, cluster_id=7)
    with pytest.raises(WrongClusterError):
        await store.transact((), (Get("a"),))
    assert (await FakeEtcd(store.cluster).transact((), (Get("a"),))).succeeded


async def test_what_is_under_a_lease_ends_when_the_cluster_says_so() -> None:
    """Time is not kept here."""
    store = FakeEtcd()
    lease = await store.grant_lease(10)
    await store.transact((), (Put("a", b"1", lease),))
    store.cluster.end_lease(lease)
    assert (await store.transact((), (Get("a"),))).found == ((),)
    assert not await store.keep_lease(lease)
