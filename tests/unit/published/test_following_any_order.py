"""Whatever happens to a store and its followers: nobody has half a generation, or goes back without somebody's word.

Planted faults show that the story notices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from hypothesis import example, given, settings
from hypothesis import strategies as st

from egxds.etcd.operations import Delete, Put
from egxds.published import fetching, following
from egxds.published.candidate import decoded_candidate
from egxds.published.generation import Difference, Generation
from egxds.published.head import Head
from egxds.published.record import Record, decoded_record
from tests.unit.published.followed import Following, until
from tests.unit.published.followed import following as follower_of
from tests.unit.published.store import LAYOUT, Store, route

Files = Mapping[str, str]
PATHS = tuple(f"{name}.yaml" for name in "abcdefgh")
FILES = st.dictionaries(st.sampled_from(PATHS), st.sampled_from("xyz").map(route), max_size=len(PATHS))
STEPS = st.one_of(
    st.tuples(st.just("publish"), FILES),
    st.tuples(st.just("damage"), FILES),
    st.tuples(st.just("publish unaware"), FILES),
    st.tuples(st.just("put a candidate"), FILES),
    st.tuples(st.just("promote"), st.just({})),
    st.tuples(st.just("take back"), st.just({})),
    st.tuples(st.just("sweep"), st.just({})),
    st.tuples(st.just("compact"), st.just({})),
    st.tuples(st.just("cut off"), st.just({})),
    st.tuples(st.just("let through"), st.just({})),
    st.tuples(st.just("break watches"), st.just({})),
    st.tuples(st.just("back up"), st.just({})),
    st.tuples(st.just("restore"), st.just({})),
    st.tuples(st.just("wait"), st.just({})),
)
Step = tuple[str, Files]
_LIMIT_S = 20.0
_SOON_S = 1.0
"""How long it is waited for what does not come."""


class Story:
    """A store to which things happen, and what must be so of whoever follows it.

    Attributes:
        store: what is followed.
    """

    def __init__(self) -> None:
        self.store = Store()
        self._files: dict[str, Files] = {}
        self._highest = 0
        self._puts = {
            "publish": self.publish,
            "publish unaware": self.publish_unaware,
            "damage": self.damage,
            "put a candidate": self.put_candidate,
        }
        self.publish({})
        self._backup = self.store.cluster.backup()

    def publish(self, files: Files) -> None:
        """Put the next generation there, by a number that nobody has used."""
        self.store.number = self._highest
        self._remember(self.store.publish(files), files)

    def publish_unaware(self, files: Files) -> None:
        """Publish as somebody does who knows of no candidates: what stands there stays."""
        self.store.put_content(files)
        record = self.store.record(files, self._highest + 1)
        written = record.encode()
        puts = [Put(LAYOUT.generation(record.generation), written), Put(LAYOUT.head, written)]
        self.store.cluster.apply(puts)
        self._remember(record, files)

    def damage(self, files: Files) -> None:
        """Publish, and have something else stand in a blob of it."""
        self.publish(files)
        record = self.store.record(files, self._highest)
        found = [key for key in self.store.cluster.keys if key.startswith(LAYOUT.blobs)]
        if found and record.files:
            self.store.cluster.apply([Put(found[-1], b"kind: Something\n")])

    def put_candidate(self, files: Files) -> None:
        """Put a candidate there that comes after the head, whatever is there."""
        head = self.store.cluster.keys.get(LAYOUT.head)
        self.store.number = decoded_record(head.value).generation if head is not None else 0
        self._files[self.store.put_candidate(files).record.digest] = dict(files)

    def end_candidate(self, what: str) -> None:
        """Have it promoted or taken back, if there is one."""
        found = self.store.cluster.keys.get(LAYOUT.candidate)
        candidate = decoded_candidate(found.value) if found is not None else None
        if candidate is None or not candidate.is_live:
            return
        if what == "take back":
            self.store.take_back(candidate)
            return
        self.store.promote(candidate)
        self._highest = max(self._highest, candidate.record.generation)

    def happen(self, step: Step, found: Following) -> None:
        """Have one thing happen."""
        what, files = step
        cluster = self.store.cluster
        match what:
            case "publish" | "publish unaware" | "damage" | "put a candidate":
                self._puts[what](files)
            case "promote" | "take back":
                self.end_candidate(what)
            case "sweep":
                cluster.apply([Delete(key) for key in self._unneeded()])
            case "compact":
                cluster.compact(cluster.revision)
            case "cut off" | "let through":
                found.client.is_cut_off = what == "cut off"
            case "break watches":
                found.client.break_watches()
            case "back up":
                self._backup = cluster.backup()
            case "restore":
                cluster.restore(self._backup)

    def check(self, found: Following) -> None:
        """Check what was handed on."""
        numbers = []
        for generation in found.handed_on:
            assert generation.origin is not None
            record = generation.origin.record
            assert record is not None
            files = self._files[record.digest]
            assert texts(generation) == files, "half of a generation, or another one"
            assert generation.size_bytes == sum(map(len, files.values()))
            numbers.append(record.generation)
        assert numbers == sorted(set(numbers)), "it went back"
        for each, base in zip(found.candidates, found.bases, strict=True):
            if each is not None:
                assert texts(each.generation) == self._files[each.candidate.record.digest], "half of a candidate"
                record = base.origin.record if base is not None and base.origin is not None else None
                parent = record.generation if record is not None else 0
                assert each.candidate.record.parent == parent, "it comes after something else than is in memory"

    async def settle(self, found: Following, limit_s: float) -> None:
        """Let all be well, publish once more, and wait until that has arrived."""
        found.client.is_cut_off = False
        self.store.cluster.keys = {key: each for key, each in self.store.cluster.keys.items() if key == LAYOUT.head}
        last = {"last.yaml": route("last")}
        self.publish(last)
        with anyio.fail_after(limit_s):
            while found.follower.newest is None or found.texts() != last:  # noqa: ASYNC110 a fact that nobody tells
                await anyio.sleep(0.005)
        assert not found.standing.refused
        self.put_candidate({**last, "candidate.yaml": route("candidate")})
        with anyio.fail_after(limit_s):
            await until(lambda: found.follower.candidate is not None)
        self.end_candidate("promote")
        with anyio.fail_after(limit_s):
            await until(lambda: found.follower.candidate is None and len(found.texts()) == len(last) + 1)
        assert not found.standing.candidate_fault

    def _remember(self, record: Record, files: Files) -> None:
        self._highest = record.generation
        self._files[record.digest] = dict(files)

    def _unneeded(self) -> Sequence[str]:
        head = self.store.cluster.keys.get(LAYOUT.head)
        if head is None:
            return ()
        record = Record.model_validate_json(head.value)
        needed = Store()
        needed.put_content(self._files[record.digest])
        kept = {*needed.cluster.keys, LAYOUT.head, LAYOUT.generation(record.generation)}
        return [key for key in self.store.cluster.keys if key not in kept]


def texts(generation: Generation) -> Files:
    """Return what is in a generation."""
    return {path: "".join(held.pieces()) for path, held in generation.documents.items()}


async def caught_up(found: Following) -> None:
    """Wait until what happened is known to a follower that is not cut off."""
    with anyio.fail_after(_LIMIT_S):
        await wait_all_tasks_blocked()
        while not (found.standing.is_connected or found.client.is_cut_off):
            await anyio.sleep(0.005)
            await wait_all_tasks_blocked()


async def tell(steps: Sequence[Step], pauses: Sequence[bool], limit_s: float = _LIMIT_S) -> None:
    """Have a follower live through some steps, with time to work behind some of them."""
    story = Story()
    async with follower_of(story.store) as found:
        for step, is_waited_for in zip(steps, pauses, strict=True):
            story.happen(step, found)
            if is_waited_for:
                await caught_up(found)
            else:
                await anyio.lowlevel.checkpoint()
            story.check(found)
        await story.settle(found, limit_s)
        story.check(found)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=12))
@example([(("publish", {"a.yaml": route("x"), "b.yaml": route("x")}), False), (("restore", {}), False)])
def test_any_order(lived: list[tuple[Step, bool]]) -> None:
    """After quiet it is at the head."""
    anyio.run(tell, [step for step, _ in lived], [pause for _, pause in lived])


WENT_BACK: Sequence[Step] = (("back up", {}), ("publish", {"a.yaml": route("x")}), ("restore", {}), ("wait", {}))
DAMAGED: Sequence[Step] = (("publish", {"a.yaml": route("x")}), ("damage", {"a.yaml": route("y")}), ("wait", {}))


def told(steps: Sequence[Step], limit_s: float = _LIMIT_S) -> None:
    """Tell a story with time behind each step."""
    anyio.run(tell, steps, [True] * len(steps), limit_s)


def test_it_is_noticed_where_a_store_that_went_back_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story has such a store."""
    told(WENT_BACK)
    monkeypatch.setattr(Head, "why_not_after", lambda *_: "")
    with pytest.raises((AssertionError, ExceptionGroup)):
        told(WENT_BACK, _SOON_S)


def test_it_is_noticed_where_digests_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story has content that is another one."""
    told(DAMAGED)
    monkeypatch.setattr("egxds.published.reading.check_content", lambda *_: None)
    monkeypatch.setattr("egxds.published.manifest.assembled", lambda _, chunks: b"".join(chunks))
    monkeypatch.setattr("egxds.published.reading.assembled", lambda _, chunks: b"".join(chunks))
    monkeypatch.setattr(fetching, "_check_whole", lambda *_: None)
    with pytest.raises((AssertionError, ExceptionGroup)):
        told(DAMAGED, _SOON_S)


def test_it_is_noticed_where_files_that_are_gone_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story has files that go."""
    steps = (("publish", {"a.yaml": route("x"), "b.yaml": route("y")}), ("publish", {"b.yaml": route("y")}))
    told(steps)

    def kept(before: Generation, names: frozenset[str], found: Mapping[str, object]) -> Difference:
        return Difference(names, found, found, frozenset())  # type: ignore[arg-type]

    monkeypatch.setattr(fetching, "difference", kept)
    with pytest.raises((AssertionError, ExceptionGroup)):
        told(steps, _SOON_S)


def test_it_is_noticed_where_nobody_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story has changes that a watch tells."""
    monkeypatch.setattr(following, "_changes", lambda _: False)
    with pytest.raises((TimeoutError, ExceptionGroup)):
        told(WENT_BACK[:1], _SOON_S)


CANDIDATE: Sequence[Step] = (
    ("publish", {"a.yaml": route("x")}),
    ("put a candidate", {"a.yaml": route("y")}),
    ("publish unaware", {"a.yaml": route("z")}),
    ("wait", {}),
)


def test_it_is_noticed_where_a_candidate_outlives_what_it_came_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story has publishers who know of none."""
    told(CANDIDATE)
    monkeypatch.setattr("egxds.published.candidate.Candidate.comes_after", lambda *_: True)
    with pytest.raises((AssertionError, ExceptionGroup)):
        told(CANDIDATE, _SOON_S)


def test_it_is_noticed_where_a_candidate_is_not_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story has one that is promoted."""
    monkeypatch.setattr("egxds.published.following_candidate.CandidateFollower._let_go", lambda _: None)
    with pytest.raises((TimeoutError, ExceptionGroup)):
        told(CANDIDATE[:2], _SOON_S)
