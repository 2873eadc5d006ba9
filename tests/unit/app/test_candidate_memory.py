"""A candidate that there is too little memory for: it is tried again by itself, and what is in force goes first."""

from __future__ import annotations

import contextlib
import time
from functools import partial

import pytest
from structlog.testing import capture_logs

from egxds.app.candidate_input import CandidateInput
from egxds.app.memory.bounded import LoadTooLargeError, MemoryBound
from egxds.app.memory.limit import MemoryUse
from egxds.app.pipeline import Build, Pipeline
from egxds.files.documents.document import FileTree
from egxds.files.reading.content import Scan, Scope
from egxds.model.store.store import ObjectStore
from tests.envoy.manifests import http_route
from tests.unit.app.candidate_store import CANARY, site
from tests.unit.app.candidates import WORDS, House, house_of, seen, settings_of, until
from tests.unit.hooks.extensions import manager

pytestmark = pytest.mark.anyio

OTHER = manager("other", hooks=("VirtualHost",))
_MIB = 1024 * 1024


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the daemon."""
    return "asyncio"


class Reading:
    """Candidates as they are read: there is memory for them, or not.

    Attributes:
        has_room: there is.
        tries: how often one was read.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.has_room, self.tries = False, 0
        read = CandidateInput.read

        def limited(made: CandidateInput) -> Build:
            self.tries += 1
            if not self.has_room:
                raise LoadTooLargeError("too large")
            return read(made)

        patch.setattr(CandidateInput, "read", limited)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    """No room, at first."""
    return Reading(monkeypatch)


def fault_of(house: House) -> str:
    """Return why the candidate is not served."""
    facts = house.candidate.facts()
    return facts.fault if facts is not None else ""


async def test_one_that_there_is_no_memory_for_is_tried_again(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself; it is said when, and what is in force goes on meanwhile."""
    monkeypatch.setattr("egxds.app.memory.pauses.FIRST_PAUSE_S", 0.0)
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: reading.tries > 2)
        await until(lambda: "too large; it is tried again at " in fault_of(house))
        assert (house.hosts(CANARY), house.stores.expected) == ("a", frozenset())
        await house.change(settings_of(OTHER))
        await until(lambda: ("other", "a") in house.extensions.asked and house.is_in_force)
        reading.has_room = True
        await until(lambda: house.is_served)
        assert (house.hosts(CANARY), fault_of(house)) == ("ab", "")


async def test_one_that_is_to_be_tried_again_waits_for_that(reading: Reading) -> None:
    """Not for nothing at all; and not where there are other settings, which may be less."""
    async with house_of(site("a")) as house:
        with capture_logs() as logs:
            house.store.put(site("ab"))
            await until(lambda: "it is tried again at " in fault_of(house))
            await seen(house)
        assert reading.tries == 1
        assert [line["event"] for line in logs if line["log_level"] == "error"] == ["canary.failed"]
        reading.has_room = True
        await house.change(settings_of(OTHER))
        await until(lambda: house.is_served)
        assert reading.tries == 2


async def test_one_that_was_served_is_so_until_there_is_memory(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was before the settings were others."""
    monkeypatch.setattr("egxds.app.memory.pauses.FIRST_PAUSE_S", 0.0)
    reading.has_room = True
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: house.is_served)
        reading.has_room = False
        await house.change(settings_of(OTHER))
        await until(lambda: "it is tried again at " in fault_of(house))
        assert (house.hosts(CANARY), house.is_served) == ("ab", False)
        reading.has_room = True
        await until(lambda: house.is_served)
        assert ("other", "b") in house.extensions.asked


async def test_one_that_is_taken_back_is_tried_no_more(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left to be tried."""
    monkeypatch.setattr("egxds.app.memory.pauses.FIRST_PAUSE_S", 0.0)
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: reading.tries > 1)
        house.store.have_taken_back()
        await house.until_gone()
        await seen(house)
        tries = reading.tries
        reading.has_room = True
        house.store.put(site("ac"))
        await until(lambda: house.is_served)
        assert reading.tries == tries + 1


class Narrow:
    """Memory in which the two are not built at once: what is in force is read while a candidate is being built.

    Attributes:
        is_at_work: the candidate is being built.
        ended: how often it was ended.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.is_at_work, self.ended = False, 0
        self._is_edit = False
        self._looks = 0
        self._in_force: Pipeline | None = None
        build = Pipeline._build

        def held_up(pipeline: Pipeline, tree: FileTree) -> Build:
            if pipeline is self._in_force:
                self._read()
            elif self._in_force is not None and not self.ended:
                self._be_built()
            return build(pipeline, tree)

        patch.setattr(Pipeline, "_build", held_up)
        patch.setattr("egxds.app.pipeline.MemoryBound", partial(MemoryBound, self._nearest))
        patch.setattr("egxds.app.memory.bounded.LITTLE_BYTES", -1_000_000 * _MIB)

    def begin(self, house: House) -> None:
        """Hold up what is built of a house from now on."""
        self._in_force = house.pipeline

    def edit(self, house: House) -> None:
        """Have what is in force read, which takes long."""
        self._is_edit = True
        house.look(Scan.ALL)

    def _nearest(self) -> MemoryUse:
        is_short = self.is_at_work and self._is_edit
        self._looks += is_short
        return MemoryUse(1000 * _MIB, 1000 * _MIB if is_short else 0, "memory.max of /x")

    def _read(self) -> None:
        while self._is_edit and self.is_at_work:
            time.sleep(0.001)
        self._is_edit = False

    def _be_built(self) -> None:
        """Be at it until ended, which comes no sooner than whoever looks has looked several times."""
        self.is_at_work = True
        while self._looks < 8:
            with contextlib.suppress(BaseException):
                time.sleep(0.001)
        try:
            while True:
                time.sleep(0.001)
        finally:
            self.is_at_work, self.ended = False, self.ended + 1


async def test_one_that_is_being_built_gives_way_to_what_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is not refused for what the two have taken together; the candidate is built behind it."""
    monkeypatch.setattr("egxds.app.memory.pauses.FIRST_PAUSE_S", 0.0)
    narrow = Narrow(monkeypatch)
    async with house_of(site("a")) as house:
        narrow.begin(house)
        house.store.put(site("ab"))
        await until(lambda: narrow.is_at_work)
        before = house.current.build
        narrow.edit(house)
        await until(lambda: house.current.build is not before)
        await until(lambda: house.is_served)
        assert (narrow.ended, house.hosts(CANARY)) == (1, "ab")


@pytest.mark.parametrize("is_replaced", [True, False], ids=["replaced", "taken back"])
async def test_one_that_is_gone_is_built_no_further(monkeypatch: pytest.MonkeyPatch, *, is_replaced: bool) -> None:
    """What is published in its place has the memory, and the processor, for itself; also where nothing is limited."""
    at_work: list[Pipeline] = []
    build = Pipeline._build

    def endless(pipeline: Pipeline, tree: FileTree) -> Build:
        while pipeline in at_work:
            time.sleep(0.001)
        return build(pipeline, tree)

    monkeypatch.setattr(Pipeline, "_build", endless)
    async with house_of(site("a")) as house:
        branched = Pipeline._branched

        def held_up(pipeline: Pipeline, *given: object) -> Pipeline:
            at_work.append(branched(pipeline, *given))  # type: ignore[arg-type]
            return at_work[-1]

        monkeypatch.setattr(Pipeline, "_branched", held_up)
        house.store.put(site("ab"))
        await until(lambda: house.threads.what == "reading the candidate")
        if is_replaced:
            house.store.publish(site("ac"))
        else:
            house.store.have_taken_back()
        await house.until_gone()
        await until(lambda: not house.threads.what)
        assert house.hosts(CANARY) == ("ac" if is_replaced else "a")


@pytest.mark.parametrize("is_promoted", [True, False], ids=["promoted", "replaced"])
async def test_one_that_is_served_leaves_where_what_takes_its_place_has_no_room(
    monkeypatch: pytest.MonkeyPatch, *, is_promoted: bool
) -> None:
    """It would wait for that, and that for its memory."""
    monkeypatch.setattr("egxds.app.candidate._PATIENCE_S", 1000.0)
    async with house_of(site("a")) as house:
        house.store.put(site("ab"))
        await until(lambda: house.is_served)
        run, refused = Pipeline.run, list[Scope]()

        def limited(pipeline: Pipeline, scope: Scope) -> Build:
            if house.stores.candidate is not None:
                refused.append(scope)
                raise LoadTooLargeError("too large")
            return run(pipeline, scope)

        monkeypatch.setattr(Pipeline, "run", limited)
        if is_promoted:
            house.store.have_promoted()
        else:
            house.store.publish(site("abc"))
        await house.until_gone()
        assert refused
        assert house.hosts(CANARY) == house.hosts("else") == ("ab" if is_promoted else "abc")


@pytest.mark.parametrize("is_built", [True, False], ids=["it is there no more", "there was no memory for it either"])
async def test_what_was_not_taken_in_beside_one_is_when_there_is_room(
    monkeypatch: pytest.MonkeyPatch, *, is_built: bool
) -> None:
    """Nobody has to publish it again."""
    lacks = [True]
    update = ObjectStore.update

    def limited(store: ObjectStore, tree: FileTree, now_s: float = 0.0) -> object:
        if lacks and any("b.test" in document.text for document in tree.documents):
            raise MemoryError
        return update(store, tree, now_s)

    async with house_of(site("a")) as house:
        house.store.put(site("ad") | {"c.yaml": http_route("c", "b.test", "echo")} if not is_built else site("ad"))
        monkeypatch.setattr(ObjectStore, "update", limited)
        await until(lambda: house.is_served if is_built else bool(fault_of(house)))
        house.store.publish(site("abc"))
        await until(lambda: house.hosts("else") == "ac")
        lacks.clear()
        house.store.put(site("abcd"))
        await until(lambda: house.is_served)
        house.store.have_taken_back()
        await until(lambda: house.hosts("else") == "abc")


async def test_what_cannot_be_built_for_a_defect_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would fail as it did."""
    monkeypatch.setattr("egxds.app.memory.pauses.FIRST_PAUSE_S", 0.0)
    tries: list[CandidateInput] = []

    def failing(made: CandidateInput) -> Build:
        tries.append(made)
        raise ValueError("a defect")

    monkeypatch.setattr(CandidateInput, "read", failing)
    async with house_of(site("a"), (WORDS,)) as house:
        house.store.put(site("ab"))
        await until(lambda: bool(fault_of(house)))
        await seen(house)
        assert len(tries) == 1
