"""Following what is published: whole generations, of which only what is other is read, and stores that fail or lie."""

from __future__ import annotations

from datetime import UTC, datetime

import anyio
import pytest

from egxds.etcd.errors import WrongClusterError
from egxds.etcd.operations import Delete, Put
from egxds.files.reading.content import ReadLimits
from egxds.published.content import content_of
from egxds.published.following import Follower
from egxds.published.generation import touched
from egxds.published.publishing import Publisher
from egxds.published.record import Origin
from tests.unit.published.followed import FILES, fetched, following, until
from tests.unit.published.store import LAYOUT, Store, route

pytestmark = pytest.mark.anyio


async def test_what_is_published_is_handed_on_whole_and_then_only_what_is_other() -> None:
    """One file is edited: one bucket and one blob are read."""
    store = Store()
    store.publish(FILES, "first")
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        first = found.follower.newest
        assert first is not None
        assert found.texts() == FILES
        found.client.operations.clear()
        edited = {**FILES, "routes/7.yaml": route("r7", "/other")}
        store.publish(edited, "second")
        await until(lambda: len(found.handed_on) == 2)
        second = found.handed_on[1]
        assert found.texts() == edited
        assert touched(first, second) == {"routes/7.yaml"}
        assert second.documents["routes/8.yaml"] is first.documents["routes/8.yaml"]
        assert len(fetched(found.client)) == 2  # its bucket and its blob


async def test_an_edit_takes_one_trip_behind_the_word_of_the_watch() -> None:
    """What the store keeps by our number, the bucket and the blob; the head is in what the watch tells."""
    store = Store()
    client, generations = store.generations()
    publisher = Publisher(generations)
    origin = Origin("alice@desk", datetime(2026, 1, 1, tzinfo=UTC))
    encoded = {path: text.encode() for path, text in FILES.items()}
    await publisher.publish(content_of(encoded), origin)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        found.client.transactions = client.transactions = 0
        await publisher.publish(content_of({**encoded, "routes/7.yaml": b"kind: Other\n"}), origin)
        await until(lambda: len(found.handed_on) == 2)
        assert (client.transactions, found.client.transactions) == (3, 1)
        assert found.texts() == {**FILES, "routes/7.yaml": "kind: Other\n"}
        assert found.standing.is_at_head


@pytest.mark.parametrize("named", [("0" * 64,), (), ("f" * 64, "0" * 64)])
async def test_chunks_that_a_record_names_decide_nothing(named: tuple[str, ...]) -> None:
    """They may not be there, or not be all."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        edited = {**FILES, "routes/7.yaml": route("r7", "/other")}
        store.put_content(edited)
        store.put_head(store.record(edited, 2, new=named))
        await until(lambda: found.standing.is_at_head and found.texts() == edited)
        assert not found.standing.refused


async def test_what_a_watch_tells_late_is_looked_at() -> None:
    """What was at the head before what was seen there is not taken for what is there."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        for number in range(3):
            store.publish({"a.yaml": route("a", f"/{number}")})
        store.cluster.apply([Delete(LAYOUT.head)])
        await until(lambda: bool(found.standing.gone_back))
        assert len(found.handed_on) == 1


async def test_files_that_go_come_or_move_are_what_was_touched() -> None:
    """Each by its own path."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        moved = {path: text for path, text in FILES.items() if path != "routes/1.yaml"}
        store.publish({**moved, "moved/1.yaml": FILES["routes/1.yaml"]})
        await until(lambda: len(found.handed_on) == 2)
        assert touched(*found.handed_on) == {"routes/1.yaml", "moved/1.yaml"}
        assert "routes/1.yaml" not in found.texts()
        assert found.handed_on[1].size_bytes == sum(len(text) for text in FILES.values())


async def test_a_rollback_is_followed_like_any_generation() -> None:
    """A new generation with old content."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        store.publish({"a.yaml": route("a")})
        await until(lambda: len(found.handed_on) == 2)
        store.publish(FILES)
        await until(lambda: len(found.handed_on) == 3)
        assert found.texts() == FILES


async def test_nothing_published_is_known_to_be_nothing() -> None:
    """And what is published first is followed."""
    store = Store()
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        assert found.texts() == {}
        store.publish(FILES)
        await until(lambda: found.texts() == FILES)


async def test_a_store_that_is_away_leaves_what_is_in_memory_and_is_caught_up_with() -> None:
    """By what changed meanwhile alone."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        found.client.is_cut_off = True
        await until(lambda: not found.standing.is_connected)
        assert found.standing.fault
        assert found.standing.lost_at_s
        edited = {**FILES, "routes/3.yaml": route("r3", "/new")}
        store.publish(edited)
        assert found.texts() == FILES
        found.client.operations.clear()
        found.client.is_cut_off = False
        await until(lambda: found.standing.is_at_head)
        assert found.texts() == edited
        assert len(fetched(found.client)) == 2
        assert not found.standing.fault


async def test_nothing_is_fetched_again_where_nothing_changed_meanwhile() -> None:
    """Its watch ends, and the head is looked at."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        found.client.operations.clear()
        found.client.break_watches()
        await until(lambda: bool(found.client.operations) and found.standing.is_at_head)
        assert fetched(found.client) == []
        assert len(found.handed_on) == 1


async def test_a_compaction_past_what_was_seen_makes_no_difference() -> None:
    """The head is looked at, and watched from there."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        found.client.is_cut_off = True
        await until(lambda: not found.standing.is_connected)
        edited = {**FILES, "routes/3.yaml": route("r3", "/new")}
        store.publish(edited)
        store.cluster.compact(store.cluster.revision)
        found.client.is_cut_off = False
        await until(lambda: found.texts() == edited)


def _blob_of(text: str) -> str:
    store = Store()
    store.put_content({"a.yaml": text})
    return next(key for key in store.cluster.keys if key.startswith(LAYOUT.blobs))


async def test_a_file_with_another_digest_has_the_generation_refused_as_a_whole() -> None:
    """With all that is right in it; the next one is followed."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        bad = route("r3", "/bad")
        store.cluster.apply([Put(_blob_of(bad), b"kind: Another\n")])
        store.publish({**FILES, "routes/3.yaml": bad, "routes/4.yaml": route("r4", "/good")})
        await until(lambda: bool(found.standing.refused))
        assert "generation 2" in found.standing.refused
        assert found.texts() == FILES
        mended = {**FILES, "routes/4.yaml": route("r4", "/good")}
        store.publish(mended)
        await until(lambda: found.texts() == mended)
        assert not found.standing.refused


@pytest.mark.parametrize(
    ("files", "limits"),
    [
        ({"a.yaml": "x: " + "y" * 2000}, ReadLimits(file_bytes=1024)),
        ({"a.yaml": "x: y\n", "b.yaml": "x: y\n", "c.yaml": "x: y\n"}, ReadLimits(files=2)),
        ({"a.yaml": "x: " + "y" * 600, "b.yaml": "x: " + "z" * 600}, ReadLimits(total_bytes=1000)),
        ({"a.yaml": "a: b\n---\nc: d\n---\ne: f\n"}, ReadLimits(documents=2)),
        ({"a.yaml": "a: \0\n"}, ReadLimits()),
    ],
    ids=["large file", "many files", "many bytes", "many documents", "no text"],
)
async def test_a_generation_over_a_limit_is_refused_as_a_whole(files: dict[str, str], limits: ReadLimits) -> None:
    """What is in memory stays."""
    store = Store()
    store.publish({"b.yaml": "a: b\n"})
    async with following(store, limits) as found:
        await until(lambda: found.standing.is_at_head)
        store.publish(files)
        await until(lambda: bool(found.standing.refused))
        assert found.texts() == {"b.yaml": "a: b\n"}


@pytest.mark.parametrize("head", [b"", b"{", b'{"format": 2}', b"x" * 100_000])
async def test_a_head_that_is_no_record_is_refused_and_the_next_one_followed(head: bytes) -> None:
    """Whatever somebody has written there."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        store.cluster.apply([Put(LAYOUT.head, head)])
        await until(lambda: bool(found.standing.refused))
        assert found.texts() == FILES
        store.publish({"a.yaml": "a: b\n"})
        await until(lambda: found.texts() == {"a.yaml": "a: b\n"})


async def test_a_generation_that_is_swept_while_it_is_read_is_no_fault() -> None:
    """The head is looked at again, and nobody is told."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        swept, last = {"a.yaml": route("a")}, {"b.yaml": route("b")}
        looks = 0

        async def sweep() -> None:
            nonlocal looks
            looks += 1
            if looks == 1:  # the head of the second was told, and its parts have not been read yet
                for key in [key for key in store.cluster.keys if _is_only_of(store, key, swept)]:
                    store.cluster.apply([Delete(key)])
                store.publish(last)

        found.client.before = sweep
        store.publish(swept)
        await until(lambda: found.texts() == last)
        assert not any(each.refused for each in found.said)
        assert [each.origin.number for each in found.handed_on if each.origin] == [1, 3]


def _is_only_of(store: Store, key: str, files: dict[str, str]) -> bool:
    alone = Store()
    alone.put_content(files)
    return key in alone.cluster.keys


async def test_a_part_that_is_gone_for_good_has_the_generation_refused() -> None:
    """Nobody gets half of it."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        store.put_head(store.record({"a.yaml": route("a")}, 2))
        await until(lambda: "is not there" in found.standing.refused)
        assert found.texts() == FILES


async def test_a_cluster_that_is_another_one_is_connected_to_anew() -> None:
    """By whoever has the connection; what is in memory is held against it then."""
    store = Store()
    store.publish(FILES)
    _, generations = store.generations()
    follower = Follower(lambda: None, lambda _: None)

    async def replace_it() -> None:
        await until(lambda: follower.standing.is_at_head)
        store.cluster.restore(store.cluster.backup(), 0xBEEF)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(replace_it)
        with pytest.raises(WrongClusterError):
            await follower.follow(generations)
    assert not follower.standing.is_connected
