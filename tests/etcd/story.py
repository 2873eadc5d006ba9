"""What a store does, told to any: a real etcd and the one in memory have to answer alike."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from egxds.etcd.errors import LeaseGoneError, RefusedError, RequestTooLargeError
from egxds.etcd.operations import (
    Delete,
    EtcdStore,
    Form,
    Get,
    GetPrefix,
    KeyValue,
    Put,
    Unchanged,
    WatchNews,
)

_SOON_S = 20.0


async def keys_are_put_found_and_removed(store: EtcdStore) -> None:
    """A transaction is one revision, and what it looks up is what its own writes before that have left."""
    begun = await store.transact((), (Get("/s/none"),))
    assert (begun.succeeded, begun.found) == (True, ((),))
    put = await store.transact((), (Put("/s/a", b"1"), Get("/s/a"), Put("/s/b", b"\x00\xff"), Put("/s/é", b"")))
    assert put.revision == begun.revision + 1
    assert put.found == ((), (KeyValue("/s/a", b"1", put.revision),), (), ())
    assert put.cluster_id == begun.cluster_id
    read = await store.transact((), (GetPrefix("/s/"), GetPrefix("/s/", Form.KEYS, limit=2), Get("/s/b")))
    a, b, e = (
        KeyValue(f"/s/{name}", value, put.revision) for name, value in (("a", b"1"), ("b", b"\x00\xff"), ("é", b""))
    )
    assert read.found == ((a, b, e), (KeyValue(a.key, b"", put.revision), KeyValue(b.key, b"", put.revision)), (b,))
    assert read.revision == put.revision
    removed = await store.transact((), (Delete("/s/a"), Delete("/s/none")))
    assert (removed.revision, removed.found) == (put.revision + 1, ((), ()))
    nothing = await store.transact((), (Delete("/s/none"),))
    assert nothing.revision == removed.revision
    assert (await store.transact((), (GetPrefix("/s/", Form.KEYS),))).found[0][0].key == "/s/b"
    everything = await store.transact((), (GetPrefix("", Form.KEYS),))
    assert {"/s/b", "/s/é"} <= {each.key for each in everything.found[0]}


async def conditions_decide_about_all(store: EtcdStore) -> None:
    """Where one does not hold nothing is done, and nothing is found."""
    first = await store.transact((Unchanged("/c/head", 0),), (Put("/c/head", b"1"),))
    assert first.succeeded
    again = await store.transact((Unchanged("/c/head", 0),), (Put("/c/head", b"2"), Get("/c/head")))
    assert (again.succeeded, again.revision, again.found) == (False, first.revision, ())
    held = (Unchanged("/c/head", first.revision), Unchanged("/c/swept", 0))
    second = await store.transact(held, (Put("/c/head", b"2"), Delete("/c/swept")))
    assert (second.succeeded, second.revision) == (True, first.revision + 1)
    assert not (await store.transact(held, (Put("/c/swept", b"1"),))).succeeded
    found = await store.transact((), (Get("/c/head"), Get("/c/swept")))
    assert found.found == ((KeyValue("/c/head", b"2", second.revision),), ())
    only = await store.transact((Unchanged("/c/head", second.revision),), ())
    assert only.succeeded


async def a_watch_tells_each_change_of_its_key(store: EtcdStore) -> None:
    """From a revision on, whether it was before or comes later; of other keys nothing."""
    first = await store.transact((), (Put("/w/head", b"1"),))
    await store.transact((), (Put("/w/head2", b"x"),))
    told: list[WatchNews] = []
    with anyio.fail_after(_SOON_S):
        async with store.watch("/w/head", first.revision) as news:
            told.append(await anext(news))
            second = await store.transact((), (Put("/w/head", b"2"),))
            told.append(await _next_change(news))
            third = await store.transact((), (Delete("/w/head"), Put("/w/other", b"")))
            told.append(await _next_change(news))
        assert told == [
            WatchNews(first.revision, (KeyValue("/w/head", b"1", first.revision),)),
            WatchNews(second.revision, (KeyValue("/w/head", b"2", second.revision),)),
            WatchNews(third.revision, (), ("/w/head",)),
        ]
        async with store.watch("/w/head", second.revision) as news:
            seen: list[WatchNews] = []
            while not seen or seen[-1].revision < third.revision:
                seen.append(await anext(news))
    assert [each.value for news_of_it in seen for each in news_of_it.put] == [b"2"]
    assert [key for news_of_it in seen for key in news_of_it.deleted] == ["/w/head"]


async def _next_change(news: AsyncIterator[WatchNews]) -> WatchNews:
    async for each in news:
        if each.put or each.deleted:
            return each
    raise AssertionError("the watch has ended")


async def a_watch_of_a_prefix_tells_each_change_below_it(store: EtcdStore) -> None:
    """Of all keys that start so and of no others, in their order."""
    first = await store.transact((), (Put("/p/a/1", b"1"), Put("/p/b", b"x")))
    told: list[WatchNews] = []
    with anyio.fail_after(_SOON_S):
        async with store.watch_prefix("/p/a/", first.revision) as news:
            told.append(await _next_change(news))
            second = await store.transact((), (Put("/p/a/2", b"2"), Put("/p/a", b"y"), Delete("/p/a/1")))
            told.append(await _next_change(news))
            lease = await store.grant_lease(60)
            third = await store.transact((), (Put("/p/a/3", b"3", lease),))
            told.append(await _next_change(news))
            await store.revoke_lease(lease)
            ended = await _next_change(news)
    assert told == [
        WatchNews(first.revision, (KeyValue("/p/a/1", b"1", first.revision),)),
        WatchNews(second.revision, (KeyValue("/p/a/2", b"2", second.revision),), ("/p/a/1",)),
        WatchNews(third.revision, (KeyValue("/p/a/3", b"3", third.revision),)),
    ]
    assert (ended.put, ended.deleted) == ((), ("/p/a/3",))


async def what_is_under_a_lease_goes_with_it(store: EtcdStore) -> None:
    """It may be kept while it is there; nothing can be put with one that has ended."""
    lease = await store.grant_lease(60)
    await store.transact((), (Put("/l/me", b"here", lease), Put("/l/stays", b"", lease)))
    await store.transact((), (Put("/l/stays", b"now"),))
    assert await store.keep_lease(lease)
    await store.revoke_lease(lease)
    assert not await store.keep_lease(lease)
    assert [each.key for each in (await store.transact((), (GetPrefix("/l/"),))).found[0]] == ["/l/stays"]
    with pytest.raises(LeaseGoneError):
        await store.transact((), (Put("/l/me", b"again", lease),))
    await store.revoke_lease(lease)


async def what_is_too_much_is_refused(store: EtcdStore) -> None:
    """By the number of operations and by their bytes; and a key is written once."""
    with pytest.raises(RequestTooLargeError):
        await store.transact((), [Put(f"/t/{at}", b"") for at in range(129)])
    with pytest.raises(RequestTooLargeError):
        await store.transact((), (Put("/t/large", bytes(1_600_000)),))
    with pytest.raises(RefusedError):
        await store.transact((), (Put("/t/a", b"1"), Put("/t/a", b"2")))
    done = await store.transact((), [Put(f"/t/{at}", b"x") for at in range(128)])
    assert done.succeeded
    kept = await store.transact((), (GetPrefix("/t/", Form.KEYS),))
    assert len(kept.found[0]) == 128


STORY = (
    keys_are_put_found_and_removed,
    conditions_decide_about_all,
    a_watch_tells_each_change_of_its_key,
    a_watch_of_a_prefix_tells_each_change_below_it,
    what_is_under_a_lease_goes_with_it,
    what_is_too_much_is_refused,
)
