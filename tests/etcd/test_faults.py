"""Members that die, hang, are cut off from the others and come back, each a real process."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from anyio import to_thread

from egxds.etcd.errors import OutcomeUnknownError, TimedOutError, UnavailableError
from egxds.etcd.operations import EtcdStore, Put
from tests.etcd.clients import PATIENCE_S, client_of, end_of, next_change, read, read_at_last, write
from tests.etcd.cluster import EtcdCluster

pytestmark = pytest.mark.anyio

KEY = "/egxds/head"
NOTICED_S = 15.0
"""That a watch has died in silence is noticed within 10 s; a machine that does much else is given more."""


async def test_a_watch_goes_on_where_it_was_after_a_restart(cluster_of: Callable[..., EtcdCluster]) -> None:
    """It ends, and another one from the next revision on is told what happened meanwhile."""
    cluster = cluster_of()
    (member,) = cluster.members
    async with client_of(cluster, requestTimeout="30s") as client:
        first = await write(client, KEY, b"1")
        async with client.watch(KEY, first) as news:
            assert (await next_change(news)).revision == first
            member.stop()
            assert isinstance(await end_of(news), UnavailableError)
        with pytest.raises(UnavailableError):
            await read(client, KEY)
        member.start()
        cluster.wait_until_served()
        cluster.put(KEY, "2")
        async with client.watch(KEY, first + 1) as news:
            assert [each.value for each in (await next_change(news)).put] == [b"2"]


async def test_another_member_takes_over_and_the_first_comes_back(cluster_of: Callable[..., EtcdCluster]) -> None:
    """Whichever dies, the leader too: what is asked for then waits for an election."""
    cluster = cluster_of(3)
    async with client_of(cluster, requestTimeout="30s") as client:
        for turn, member in enumerate((cluster.leader(), *cluster.members)):
            member.kill()
            revision = await write_surely(client, b"%d" % turn)
            assert await read(client, KEY) == b"%d" % turn
            async with client.watch(KEY, revision) as news:
                assert (await next_change(news)).revision == revision
            member.start()
            cluster.wait_until_served()


async def test_members_are_replaced_one_after_the_other(cluster_of: Callable[..., EtcdCluster]) -> None:
    """A client that knows some of them goes on, and one that knows the new ones speaks to the same cluster."""
    cluster = cluster_of(3)
    async with client_of(cluster, requestTimeout="30s") as client:
        last = await write(client, KEY, b"1")
        for member in cluster.members[:2]:
            member.kill()
            await to_thread.run_sync(cluster.replace, member)
            last = await write_surely(client, b"2")
        known = client.cluster_id
    async with client_of(cluster, cluster_id=known) as client:
        async with client.watch(KEY, last) as news:
            assert (await next_change(news)).revision == last
        assert await read(client, KEY) == b"2"


async def write_surely(client: EtcdStore, value: bytes) -> int:
    """Set the key, again where nobody knows what came of it."""
    while True:
        try:
            return await write(client, KEY, value)
        except OutcomeUnknownError:
            continue


async def test_a_watch_on_a_member_that_hangs_ends(cluster_of: Callable[..., EtcdCluster]) -> None:
    """Its connection stays open, and nothing is heard of it; others are asked from then on."""
    cluster = cluster_of(3)
    hanging = cluster.members[0]
    async with client_of(cluster, requestTimeout="30s") as client:
        last = await write(client, KEY, b"1")
        async with client.watch(KEY, last + 1) as news:
            with anyio.fail_after(PATIENCE_S):
                await anext(news)
            hanging.pause()
            end = await end_of(news, NOTICED_S)
            assert isinstance(end, UnavailableError)
            assert "not a word" in str(end) or "no answer" in str(end)
        assert await read(client, KEY) == b"1"
        async with client.watch(KEY, last) as news:
            assert (await next_change(news)).revision == last
        hanging.resume()


async def test_what_only_reads_is_asked_of_another_member_where_one_hangs(
    cluster_of: Callable[..., EtcdCluster],
) -> None:
    """Of a transaction that was sent to it nobody knows; it may be applied when it goes on."""
    cluster = cluster_of(3)
    leader = cluster.leader()
    hanging = next(member for member in cluster.members if member is not leader)
    cluster.members.sort(key=lambda member: member is not hanging)
    async with client_of(cluster, requestTimeout="10s") as client:
        await write(client, KEY, b"1")
        hanging.pause()
        assert await read(client, KEY) == b"1"
        assert await write(client, KEY, b"2") > 0
        hanging.resume()
    async with client_of(cluster, requestTimeout="2s") as client:
        await read_at_last(client, KEY)
        hanging.pause()
        with pytest.raises(OutcomeUnknownError):
            await write(client, KEY, b"3")
        assert await read_at_last(client, KEY) in (b"2", b"3")
        hanging.resume()


async def test_one_that_hangs_alone_is_an_error_in_time(cluster_of: Callable[..., EtcdCluster]) -> None:
    """Nothing can be written to it, either, and it is known that nothing was."""
    cluster = cluster_of()
    (member,) = cluster.members
    cluster.put(KEY, "1")
    async with client_of(cluster, requestTimeout="1s") as client:
        assert await read_at_last(client, KEY) == b"1"
        member.pause()
        with pytest.raises(TimedOutError):
            await read(client, KEY)
        with pytest.raises(TimedOutError):
            await write(client, KEY, b"2")
        with pytest.raises(TimedOutError):
            async with client.watch(KEY, 1):
                pass
        member.resume()
        assert await read_at_last(client, KEY) == b"1"


async def test_a_member_that_is_left_alone_says_so(cluster_of: Callable[..., EtcdCluster]) -> None:
    """Its watches end, nothing is read or written, and its status tells."""
    cluster = cluster_of(3)
    left, *others = cluster.members
    async with client_of(cluster, requestTimeout="30s") as patient, client_of(cluster, requestTimeout="2s") as client:
        last = await write(patient, KEY, b"1")
        async with patient.watch(KEY, last + 1) as news:
            for other in others:
                other.kill()
            assert isinstance(await end_of(news), UnavailableError)
        with pytest.raises(UnavailableError):
            await read(client, KEY)
        # Refused at once, or not answered for as long as it hopes for a leader.
        with pytest.raises((UnavailableError, OutcomeUnknownError)):
            await client.transact((), (Put(KEY, b"2"),))
        assert not (await client.status()).has_leader
        for other in others:
            other.start()
        cluster.wait_until_served(left)
        assert await read_at_last(client, KEY) in (b"1", b"2")
