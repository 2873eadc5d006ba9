"""A store that has gone back in time, or is another one, is not followed without somebody's word."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from egxds.etcd.operations import Delete
from egxds.published.followed import Followed, decoded_followed
from egxds.published.following import Follower
from egxds.published.generation import generation_of
from tests.unit.published.followed import FILES, Following, fetched, following, until
from tests.unit.published.store import LAYOUT, Store, route

pytestmark = pytest.mark.anyio

OTHERS = {"a.yaml": route("a")}


def _lower(store: Store) -> None:
    store.put_head(store.record(FILES, 1))


def _same_number(store: Store) -> None:
    store.put_head(store.record(FILES, 3))


def _nothing(store: Store) -> None:
    store.cluster.apply([Delete(LAYOUT.head)])


def _others_since(store: Store) -> None:
    """Go back to 2, and publish another 3, and a 4, before anybody looks."""
    for number in (3, 4):
        store.put_head(store.record(FILES, number))


GONE_BACK = pytest.mark.parametrize("go_back", [_lower, _same_number, _nothing, _others_since])


async def _away(found: Following) -> None:
    found.client.is_cut_off = True
    await until(lambda: not found.standing.is_connected)


async def _third(store: Store, found: Following) -> None:
    """Follow as far as generation 3."""
    store.publish(FILES)
    store.publish(FILES | OTHERS)
    store.publish(OTHERS)
    await until(lambda: found.standing.is_at_head and found.texts() == OTHERS)


async def _noticed(store: Store, found: Following, go_back: Callable[[Store], None]) -> None:
    """Have the store go back while it is away."""
    await _third(store, found)
    await _away(found)
    go_back(store)
    found.client.is_cut_off = False
    await until(lambda: bool(found.standing.gone_back))


@GONE_BACK
async def test_it_is_said_and_not_followed(go_back: Callable[[Store], None]) -> None:
    """What is in memory stays, and is served."""
    store = Store()
    async with following(store) as found:
        await _noticed(store, found, go_back)
        assert found.texts() == OTHERS
        assert not found.standing.is_at_head
        assert found.standing.is_connected


@GONE_BACK
async def test_somebody_gives_their_word(go_back: Callable[[Store], None]) -> None:
    """And what it holds is in memory."""
    store = Store()
    async with following(store) as found:
        await _noticed(store, found, go_back)
        found.follower.follow_anyway()
        await until(lambda: found.standing.is_at_head)
        assert not found.standing.gone_back
        assert found.texts() == ({} if go_back is _nothing else FILES)


async def test_a_word_is_good_for_one_time() -> None:
    """The next going back is not followed."""
    store = Store()
    async with following(store) as found:
        await _third(store, found)
        _lower(store)
        await until(lambda: bool(found.standing.gone_back))
        found.follower.follow_anyway()
        await until(lambda: found.standing.is_at_head)
        _nothing(store)
        await until(lambda: bool(found.standing.gone_back))
        assert found.texts() == FILES


async def test_a_word_that_nobody_asked_for_changes_nothing() -> None:
    """It is not kept for later."""
    store = Store()
    async with following(store) as found:
        await _third(store, found)
        found.follower.follow_anyway()
        await until(lambda: found.standing.is_at_head)
        _lower(store)
        await until(lambda: bool(found.standing.gone_back))


async def test_a_store_that_is_right_again_is_followed() -> None:
    """Without anybody's word."""
    store = Store()
    async with following(store) as found:
        await _third(store, found)
        _lower(store)
        await until(lambda: bool(found.standing.gone_back))
        store.put_head(store.record(OTHERS, 3))
        await until(lambda: found.standing.is_at_head)
        assert not found.standing.gone_back


async def test_a_start_goes_on_from_what_was_kept_and_reads_nothing_that_it_knows() -> None:
    """Its digests say so."""
    store = Store()
    record = store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        kept = found.handed_on[0]
    assert kept.origin is not None
    async with following(store, kept=kept) as again:
        await until(lambda: again.standing.is_at_head)
        assert fetched(again.client) == []
        assert again.handed_on == []
        store.publish({**FILES, "routes/1.yaml": route("r1", "/other")})
        await until(lambda: len(again.handed_on) == 1)
        assert again.handed_on[0].documents["routes/2.yaml"] is kept.documents["routes/2.yaml"]
    assert decoded_followed(kept.origin.encode()) == Followed(store.cluster.cluster_id, record)


async def test_a_start_does_not_follow_another_cluster_than_the_one_of_before() -> None:
    """Though it holds the same generation."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        kept = found.handed_on[0]
    store.cluster.restore(store.cluster.backup(), 0xBEEF)
    async with following(store, kept=kept) as again:
        await until(lambda: bool(again.standing.gone_back))
        assert "another store" in again.standing.gone_back


async def test_files_that_were_kept_of_no_generation_are_replaced_by_the_first() -> None:
    """As where the source was another one before."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        kept = generation_of(found.handed_on[0].documents, None)
    async with following(store, kept=kept) as again:
        await until(lambda: again.standing.is_at_head)
        assert len(again.handed_on) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cluster": "x", "record": ""}', '{"cluster": "1", "record": "{}"}'])
def test_what_was_kept_and_is_no_origin_is_none(text: str) -> None:
    """A start goes on without it."""
    follower = Follower(lambda: None, lambda _: None)
    follower.resume({}, text)
    assert decoded_followed(text) is None
    assert follower.standing.in_memory is None
