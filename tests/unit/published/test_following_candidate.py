"""The candidate of a store, followed beside its head."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import pytest

from egxds.etcd.operations import Delete, Get, Put
from egxds.files.reading.content import ReadLimits
from egxds.published import fetching
from egxds.published.candidate import Candidate, FollowedCandidate
from egxds.published.content import content_of
from egxds.published.generation import Generation, touched
from egxds.published.layout import Layout
from tests.unit.published.followed import FILES, Following, fetched, following, until
from tests.unit.published.store import LAYOUT, Store, route

pytestmark = pytest.mark.anyio

EDITED = {**FILES, "routes/7.yaml": route("r7", "/other")}


def _texts(candidate: FollowedCandidate | None) -> dict[str, str]:
    assert candidate is not None
    return {path: "".join(held.pieces()) for path, held in candidate.generation.documents.items()}


async def _candidate(found: Following, store: Store, files: dict[str, str]) -> Candidate:
    candidate = store.put_candidate(files)
    await until(lambda: found.follower.candidate is not None)
    return candidate


async def test_it_is_handed_on_by_itself_and_only_what_is_other_is_read() -> None:
    """The head stays what it is; what both have is the same in memory."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        found.client.operations.clear()
        candidate = await _candidate(found, store, EDITED)
        assert len(found.handed_on) == 1
        (followed,) = found.candidates
        assert followed is not None
        assert (followed.candidate, followed.put_at) == (candidate, store.cluster.revision)
        assert followed.generation.origin is not None
        assert followed.generation.origin.number == 2
        assert _texts(followed) == EDITED
        assert found.texts() == FILES
        assert found.standing.candidate == candidate
        assert not found.standing.candidate_fault
        assert found.follower.newest is not None
        assert touched(found.follower.newest, followed.generation) == {"routes/7.yaml"}
        assert len(fetched(found.client)) == 2


async def test_one_that_is_there_when_the_store_is_found() -> None:
    """The head is handed on first."""
    store = Store()
    store.publish(FILES)
    candidate = store.put_candidate(EDITED)
    async with following(store) as found:
        await until(lambda: found.follower.candidate is not None)
        assert found.texts() == FILES
        assert found.standing.candidate == candidate


async def test_which_changes_are_heard_as_they_happen() -> None:
    """What is there when the store is found, or found again, may have been there for long."""
    store = Store()
    store.publish(FILES)
    candidate = store.put_candidate(EDITED)
    async with following(store) as found:
        await until(lambda: found.follower.candidate is not None)
        assert found.standing.candidate_put_at <= found.standing.followed_since == store.cluster.revision
        store.take_back(candidate)
        await until(lambda: found.follower.candidate is None)
        candidate = await _candidate(found, store, EDITED)
        assert found.standing.candidate_put_at > found.standing.followed_since
        begun = found.client.transactions
        found.follower.look_again()
        await until(lambda: found.client.transactions > begun + 1)
        assert found.standing.candidate_put_at > found.standing.followed_since
        found.client.is_cut_off = True
        await until(lambda: not found.standing.is_connected)
        store.take_back(candidate)
        store.put_candidate(EDITED)
        found.client.is_cut_off = False
        await until(lambda: found.standing.is_at_head and found.follower.candidate is not None)
        assert found.standing.candidate_put_at <= found.standing.followed_since == store.cluster.revision


async def test_one_that_is_promoted_is_the_head_without_being_read_again() -> None:
    """One trip, by which nothing is read but what was known to be needed; and the head is handed on first."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        candidate = await _candidate(found, store, EDITED)
        kept = found.follower.candidate
        assert kept is not None
        begun = found.client.transactions
        store.promote(candidate)
        await until(lambda: len(found.handed_on) == 2)
        assert found.client.transactions == begun + 1
        assert found.texts() == EDITED
        assert all(found.handed_on[1].documents[path] is held for path, held in kept.generation.documents.items())
        assert found.follower.candidate is None
        assert found.candidates == [kept, None]
        assert found.standing.candidate is None


async def test_one_that_is_taken_back_is_let_go_and_still_shown() -> None:
    """With the reason; another one takes its place."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        candidate = await _candidate(found, store, EDITED)
        store.take_back(candidate, "edge-1 refuses it")
        await until(lambda: found.follower.candidate is None)
        assert found.standing.candidate is not None
        assert found.standing.candidate.taken_back is not None
        assert found.standing.candidate.taken_back.why == "edge-1 refuses it"
        assert not found.standing.candidate_fault
        other = await _candidate(found, store, {"a.yaml": route("a")})
        assert found.standing.candidate == other
        assert len(found.handed_on) == 1


async def test_what_is_published_ends_it_in_one_trip() -> None:
    """The head that the watch tells says so."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        await _candidate(found, store, EDITED)
        begun = found.client.transactions
        store.publish({**FILES, "routes/8.yaml": route("r8", "/other")})
        await until(lambda: len(found.handed_on) == 2)
        assert found.client.transactions == begun + 1
        assert found.follower.candidate is None
        assert found.standing.candidate is None


async def test_one_that_comes_after_another_generation_is_not_served() -> None:
    """As where somebody has published who knows of no candidates; or what is at the head is not taken here."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        candidate = await _candidate(found, store, EDITED)
        record = store.record({"a.yaml": route("a")}, 2)
        store.cluster.apply([Put(LAYOUT.head, record.encode())])
        await until(lambda: bool(found.standing.candidate_fault))
        assert found.standing.candidate_fault == "it comes after generation 1, which is not in force here"
        assert found.follower.candidate is None
        assert found.standing.candidate == candidate
        assert found.texts() == FILES


async def test_one_of_a_store_that_has_gone_back_is_not_served() -> None:
    """Though it comes after a generation of that number."""
    store = Store()
    store.publish(FILES)
    backup = store.cluster.backup()
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        store.publish(EDITED)
        await until(lambda: len(found.handed_on) == 2)
        store.cluster.restore(backup)
        store.number = 1
        store.publish({"a.yaml": route("a")})
        store.put_candidate({"b.yaml": route("b")})
        await until(lambda: bool(found.standing.gone_back) and found.standing.candidate is not None)
        assert found.standing.candidate_fault
        assert found.candidates == []


async def test_a_part_that_is_not_what_it_should_be_is_said() -> None:
    """The head is followed all the same."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        store.put_candidate(EDITED)
        blob = next(key for key in reversed(store.cluster.keys) if key.startswith(LAYOUT.blobs))
        store.cluster.apply([Put(blob, b"kind: Another\n"), Delete(LAYOUT.candidate)])
        store.put_candidate({**EDITED, "routes/9.yaml": route("r9", "/other")})
        await until(lambda: blob in found.standing.candidate_fault)
        assert all(each is None for each in found.candidates[1:])
        found.follower.look_again()
        await until(lambda: found.standing.is_at_head)
        assert found.follower.candidate is None
        mended = content_of({path: text.encode() for path, text in EDITED.items()}).blobs[blob.rpartition("/")[2]]
        store.cluster.apply([Put(blob, mended)])
        found.follower.look_again()
        await until(lambda: found.follower.candidate is not None)
        assert not found.standing.candidate_fault
        store.publish({"a.yaml": route("a")})
        await until(lambda: found.texts() == {"a.yaml": route("a")})
        assert not found.standing.candidate_fault


async def test_one_over_a_limit_is_said() -> None:
    """It is held to what the head is held to."""
    store = Store()
    store.publish({"b.yaml": "a: b\n"})
    async with following(store, ReadLimits(files=2)) as found:
        await until(lambda: found.standing.is_at_head)
        store.put_candidate(FILES)
        await until(lambda: bool(found.standing.candidate_fault))
        assert found.follower.candidate is None


async def test_one_that_is_put_while_the_head_is_refused_is_shown() -> None:
    """Between the look at the head and the one that finds the same there, of which the watch tells nothing new."""
    store = Store()
    store.publish(FILES)
    async with following(store, ReadLimits(files=2)) as found:
        looks = 0

        async def put() -> None:
            nonlocal looks
            looks += Get(LAYOUT.head) in found.client.operations[-1]
            # Two before it is watched; the third begins behind that.
            if looks == 4 and LAYOUT.candidate not in store.cluster.keys:
                store.put_candidate(EDITED)

        found.client.before = put
        await until(lambda: LAYOUT.candidate in store.cluster.keys)
        await until(lambda: bool(found.standing.refused))
        assert found.standing.candidate is not None


async def test_what_is_no_candidate_is_said() -> None:
    """Whatever somebody has written there."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        store.cluster.apply([Put(LAYOUT.candidate, b"{")])
        await until(lambda: "is no candidate" in found.standing.candidate_fault)
        assert found.standing.candidate is None
        await _candidate(found, store, EDITED)
        assert not found.standing.candidate_fault


async def test_the_head_does_not_wait_for_it() -> None:
    """A generation arrives while the store takes its time with a candidate, which is then none any more."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        bucket = next(
            iter(set(store.record(EDITED, 2).buckets.values()).difference(store.record(FILES, 1).buckets.values()))
        )
        held, is_held = anyio.Event(), False

        async def hold() -> None:
            nonlocal is_held
            if Get(LAYOUT.bucket(bucket)) in found.client.operations[-1] and not is_held:
                is_held = True
                await held.wait()

        found.client.before = hold
        store.put_candidate(EDITED)
        await until(lambda: is_held)
        store.publish({"a.yaml": route("a")})
        await until(lambda: found.texts() == {"a.yaml": route("a")})
        assert found.candidates == []


async def test_one_that_ends_while_its_files_are_read_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing interrupts that: what has become of the candidate meanwhile is looked at behind it."""
    is_read, may_end = threading.Event(), threading.Event()
    put_together = fetching._put_together

    def read(*args: Any) -> Generation:
        generation = put_together(*args)
        is_read.set()
        assert may_end.wait(20)
        return generation

    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        monkeypatch.setattr(fetching, "_put_together", read)
        candidate = store.put_candidate(EDITED)
        await until(is_read.is_set)
        store.take_back(candidate)
        await until(lambda: found.standing.candidate is not None and not found.standing.candidate.is_live)
        may_end.set()
        other = await _candidate(found, store, {"a.yaml": route("a")})
        assert [each.candidate for each in found.candidates if each is not None] == [other]


async def test_a_store_that_is_away_leaves_it_in_memory() -> None:
    """And what became of it meanwhile is caught up with."""
    store = Store()
    store.publish(FILES)
    async with following(store) as found:
        await until(lambda: found.standing.is_at_head)
        candidate = await _candidate(found, store, EDITED)
        found.client.is_cut_off = True
        await until(lambda: not found.standing.is_connected)
        assert found.follower.candidate is not None
        found.client.is_cut_off = False
        await until(lambda: found.standing.is_at_head)
        assert len(found.candidates) == 1
        found.client.is_cut_off = True
        await until(lambda: not found.standing.is_connected)
        store.take_back(candidate)
        found.client.is_cut_off = False
        await until(lambda: found.standing.is_at_head and found.follower.candidate is None)


def test_one_watch_tells_both() -> None:
    """So no other key starts as that of the head does."""
    layout = Layout("/egxds/")
    others = (layout.swept, layout.generations, layout.buckets, layout.blobs, layout.replicas, layout.envoys)
    assert layout.candidate.startswith(layout.head)
    assert not any(each.startswith(layout.head) for each in others)
