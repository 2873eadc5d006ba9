"""The client and a real etcd: what a store does, and the limits of both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from egxds.etcd.errors import CompactedError, NoSpaceError, RequestTooLargeError, UnavailableError, WrongClusterError
from egxds.etcd.operations import Delete, EtcdStore, Get, Put
from tests.etcd.clients import PATIENCE_S, client_of, end_of, next_change, read, write
from tests.etcd.cluster import EtcdCluster
from tests.etcd.story import STORY

pytestmark = pytest.mark.anyio

KEY = "/egxds/head"


@pytest.mark.parametrize("tell", STORY, ids=lambda tell: tell.__name__)
async def test_it_tells_the_story(etcd: EtcdCluster, tell: Callable[[EtcdStore], Awaitable[None]]) -> None:
    """As the one in memory does."""
    async with client_of(etcd) as client:
        await tell(client)


async def test_how_a_member_is_doing(etcd: EtcdCluster) -> None:
    """It says of which cluster it is, as all its replies do."""
    async with client_of(etcd) as client:
        status = await client.status()
        assert (status.cluster_id, status.has_leader, status.errors) == (client.cluster_id, True, ())
        assert status.version.startswith("3.")
        assert (await client.transact((), (Get("x"), Put("y", b"1")))).cluster_id == status.cluster_id


async def test_what_is_larger_than_a_message_may_be_is_refused_alike(etcd: EtcdCluster) -> None:
    """By gRPC, before etcd has looked at it."""
    async with client_of(etcd) as client:
        with pytest.raises(RequestTooLargeError):
            await write(client, KEY, bytes(4_000_000))


async def test_a_watch_of_what_is_forgotten_says_since_when_not(etcd: EtcdCluster) -> None:
    """So that who follows reads all anew."""
    async with client_of(etcd) as client:
        first = await write(client, KEY, b"1")
        await write(client, KEY, b"2")
        last = await write(client, KEY, b"3")
        etcd.compact(last)
        async with client.watch(KEY, first) as news:
            end = await end_of(news)
        assert isinstance(end, CompactedError)
        assert end.revision == last
        async with client.watch(KEY, last) as news:
            assert [put.value for put in (await next_change(news)).put] == [b"3"]


async def test_a_watch_says_that_it_is_alive(etcd: EtcdCluster) -> None:
    """Though nothing changes, and for as long as it is read."""
    async with client_of(etcd) as client:
        last = await write(client, KEY, b"1")
        async with client.watch(KEY, last + 1) as news:
            with anyio.fail_after(PATIENCE_S):
                quiet = [await anext(news) for _ in range(2)]
        assert [(each.revision, each.put, each.deleted) for each in quiet] == [(last, (), ())] * 2


async def test_what_is_raised_while_a_watch_is_read_comes_out_as_it_is(etcd: EtcdCluster) -> None:
    """And not within a group."""
    async with client_of(etcd) as client:
        with pytest.raises(ZeroDivisionError):
            async with client.watch(KEY, 1):
                raise ZeroDivisionError


async def test_a_lease_that_is_not_kept_ends_by_itself(etcd: EtcdCluster) -> None:
    """With what was put with it, as others see."""
    async with client_of(etcd) as client:
        lease = await client.grant_lease(5)  # time enough to put something with it, however slow a disk is
        put = await client.transact((), (Put("/egxds/replicas/a", b"1", lease),))
        async with client.watch("/egxds/replicas/a", put.revision + 1) as news:
            assert (await next_change(news)).deleted == ("/egxds/replicas/a",)
        assert not await client.keep_lease(lease)


async def test_a_quota_that_is_used_up_is_an_error_of_its_own(cluster_of: Callable[..., EtcdCluster]) -> None:
    """Deletions go on, and all else once space was made and the alarm disarmed."""
    cluster = cluster_of(options=("--quota-backend-bytes=8388608",))
    async with client_of(cluster) as client:
        with pytest.raises(NoSpaceError):
            await _fill(client)
        assert "NOSPACE" in "".join((await client.status()).errors)
        assert await read(client, KEY) == bytes(1_000_000)
        removed = await client.transact((), (Delete(KEY),))
        assert removed.succeeded
        cluster.compact(removed.revision)
        cluster.ctl("defrag")
        cluster.ctl("alarm", "disarm")
        assert await write(client, KEY, b"small") > removed.revision


async def _fill(store: EtcdStore) -> None:
    with anyio.fail_after(PATIENCE_S):
        while True:
            await write(store, KEY, bytes(1_000_000))


async def test_another_cluster_is_not_spoken_to(etcd: EtcdCluster, cluster_of: Callable[..., EtcdCluster]) -> None:
    """Nothing is written there, though somebody has put it at the address of the one before."""
    other = cluster_of()
    async with client_of(etcd) as client:
        expected = (await client.status()).cluster_id
    async with client_of(other, cluster_id=expected) as client:
        with pytest.raises(WrongClusterError) as caught:
            await write(client, KEY, b"1")
        with pytest.raises(WrongClusterError):
            async with client.watch(KEY, 1):
                pass
    assert caught.value.expected == expected != caught.value.found
    async with client_of(other) as client:
        assert await read(client, KEY) is None


async def test_a_cluster_that_was_restored_is_at_an_earlier_revision(cluster_of: Callable[..., EtcdCluster]) -> None:
    """With the same id; with another one it is another cluster, which a client that knew the first does not take."""
    cluster = cluster_of()
    async with client_of(cluster) as client:
        first = await write(client, KEY, b"1")
        backup = cluster.backup()
        await write(client, KEY, b"2")
        async with client.watch(KEY, first) as news:
            cluster.restore(backup)
            assert isinstance(await end_of(news), UnavailableError)
        again = await client.transact((), (Get(KEY),))
        assert (again.revision, [each.value for each in again.found[0]]) == (first, [b"1"])
        cluster.restore(backup, token="another")
        with pytest.raises(WrongClusterError):
            await read(client, KEY)
