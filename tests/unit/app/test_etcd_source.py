"""Published generations as a source: what a start waits for, what people are told, and whose word it takes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from structlog.testing import capture_logs

from egxds.app.etcd_source import PublishedSource
from egxds.app.last_good import FILE_NAME, LastGoodInput
from egxds.app.pipeline import Build, Pipeline
from egxds.app.state_directory import StateDirectory
from egxds.etcd.errors import UnavailableError
from egxds.etcd.operations import EtcdStore, Put
from egxds.files.reading.content import Scan, Scope
from egxds.inspect.problem_book import ProblemBook
from egxds.published.ending_candidate import Missed, Promoted, Withdrawn
from egxds.settings.daemon import Settings
from egxds.settings.etcd import EtcdSource
from egxds.telemetry import Metrics
from tests.etcd_fake import FakeEtcd
from tests.unit.app.files import GATEWAY
from tests.unit.published.followed import fetched, until
from tests.unit.published.store import LAYOUT, Store

pytestmark = pytest.mark.anyio

WEB = {"gateway.yaml": GATEWAY.format(name="web", port=8000)}
BOTH = {**WEB, "other.yaml": GATEWAY.format(name="other", port=8001)}


def settings(**changed: Any) -> Settings:
    """Return settings that name a store."""
    return Settings.model_validate({"sources": {"etcd": {"endpoints": ["localhost:2379"], **changed}}})


class House:
    """A daemon's rooms up to the translations, over a store.

    Attributes:
        source: where documents come from.
        connected: every client there was, the newest last.
        awaited: what a start has waited for.
        metrics: what is counted.
    """

    def __init__(self, store: Store, state: Path) -> None:
        self._store = store
        self.metrics = Metrics()
        self.connected: list[FakeEtcd] = []
        self.awaited: list[str] = []
        self.is_cut_off = False
        said = settings()
        assert said.sources.etcd is not None
        self.source = PublishedSource(said.sources.etcd, self._connect, self.metrics)
        self._pipeline = Pipeline(said, self.source.trees)
        self._last_good = LastGoodInput(StateDirectory(state), self.metrics)
        self._looks = 0
        self._looked = anyio.Event()

    @asynccontextmanager
    async def _connect(self, _settings: EtcdSource) -> AsyncIterator[EtcdStore]:
        client = FakeEtcd(self._store.cluster)
        client.is_cut_off = self.is_cut_off
        self.connected.append(client)
        yield client

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow for as long as the block runs; what is in force is kept at its end."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.source.watch, self._want)
            yield
            tasks.cancel_scope.cancel()
        await self._last_good.flush()

    async def begin(self) -> Build:
        """Do what a start does."""
        await self._last_good.resume(self._pipeline)
        await self.source.begin(self.awaited.append)
        return self.read()

    def read(self) -> Build:
        """Make a pass."""
        build = self._pipeline.run(Scan.CHANGED)
        self.source.accepted(build.origin)
        self._last_good.take(build, is_settled=True)
        return build

    def _want(self, _scope: Scope) -> None:
        self._looks += 1
        self._looked.set()

    async def woken(self) -> Build:
        """Wait until something may have changed, and make a pass."""
        with anyio.fail_after(20):
            while not self._looks:
                self._looked = anyio.Event()
                await self._looked.wait()
        self._looks -= 1
        return self.read()

    def metric(self, name: str) -> float | None:
        """Return the value of a metric."""
        return self.metrics.registry.get_sample_value(f"egxds_{name}", {"source": "etcd"})

    @property
    def described(self) -> dict[str, Any]:
        """What the admin API shows."""
        found = self.source.described()
        assert found is not None
        return dict(found)

    def cut_off(self, *, is_so: bool) -> None:
        """Let nothing get through, or all."""
        self.is_cut_off = is_so
        for client in self.connected:
            client.is_cut_off = is_so


class Told:
    """Counts how often somebody was told.

    Attributes:
        times: how often.
    """

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def names(build: Build) -> set[str]:
    """Return the names of the Gateways that are served."""
    return {name.partition("/")[2] for name in build.translations}


async def test_what_is_published_is_read_and_what_comes_after_it(tmp_path: Path) -> None:
    """A pass is told what it may have changed."""
    store = Store()
    store.publish(WEB, "the first")
    house = House(store, tmp_path)
    async with house.running():
        assert names(await house.begin()) == {"web"}
        store.publish(BOTH)
        await house.woken()
        build = await house.woken()
        assert names(build) == {"web", "other"}
        assert build.touched == frozenset({"other.yaml"})
        assert house.metric("source_generation") == 2
        assert house.metric("source_connected") == 1
        store.publish(WEB)
        assert names(await house.woken()) == {"web"}


async def test_a_start_without_etcd_serves_what_was_kept(tmp_path: Path) -> None:
    """And says so; when etcd is back it goes on from there."""
    store = Store()
    store.publish(WEB, "the first")
    before = House(store, tmp_path)
    async with before.running():
        await before.begin()
    house = House(store, tmp_path)
    house.cut_off(is_so=True)
    async with house.running():
        assert names(await house.begin()) == {"web"}
        (note,) = house.source.notes()
        assert "has not answered" in note
        assert "generation 1 stays in force" in note
        assert house.described["message"] == "the first"
        assert house.metric("source_connected") == 0
        assert [problem.severity.value for problem in house.source.problems()] == ["warning"]
        store.publish(BOTH)
        house.cut_off(is_so=False)
        assert names(await house.woken()) == {"web", "other"}
        await until(lambda: not house.source.notes())


async def test_a_start_with_etcd_serves_what_is_there_at_once(tmp_path: Path) -> None:
    """And not what was kept first."""
    store = Store()
    store.publish(WEB)
    before = House(store, tmp_path)
    async with before.running():
        await before.begin()
    store.publish(BOTH)
    house = House(store, tmp_path)
    async with house.running():
        assert names(await house.begin()) == {"web", "other"}


async def test_a_start_that_knows_nothing_waits_for_etcd_and_says_so(tmp_path: Path) -> None:
    """Nothing would be the wrong thing to serve."""
    store = Store()
    store.publish(WEB)
    house = House(store, tmp_path)
    house.cut_off(is_so=True)
    async with house.running(), anyio.create_task_group() as tasks:
        begun: list[Build] = []

        async def begin() -> None:
            begun.append(await house.begin())

        tasks.start_soon(begin)
        await until(lambda: "no member answers" in house.awaited)
        assert not begun
        house.cut_off(is_so=False)
        await until(lambda: bool(begun))
        assert names(begun[0]) == {"web"}


async def test_nothing_that_is_published_is_nothing_to_serve(tmp_path: Path) -> None:
    """Which is said."""
    house = House(Store(), tmp_path)
    async with house.running():
        assert not names(await house.begin())
        assert house.source.notes() == ("nothing is published below /egxds/ in etcd",)


async def test_a_generation_that_cannot_be_used_is_said_until_another_one_comes(tmp_path: Path) -> None:
    """In the log once, in the status as long as it is so."""
    store = Store()
    store.publish(WEB)
    house = House(store, tmp_path)
    async with house.running():
        await house.begin()
        with capture_logs() as logs:
            store.cluster.apply([Put(LAYOUT.head, b"{}")])
            await until(lambda: bool(house.source.notes()))
        assert [line["event"] for line in logs] == ["source.refused"]
        assert house.metric("source_not_followed") == 1
        assert [problem.severity.value for problem in house.source.problems()] == ["error"]
        assert house.described["generation"] == 1
        store.publish(BOTH)
        await until(lambda: not house.source.notes())
        assert house.metric("source_not_followed") == 0


async def test_a_store_that_was_restored_is_followed_by_somebodys_word_alone(tmp_path: Path) -> None:
    """Here as another cluster, which is connected to anew."""
    store = Store()
    store.publish(WEB)
    backup = store.cluster.backup()
    house = House(store, tmp_path)
    async with house.running():
        await house.begin()
        store.publish(BOTH)
        await until(lambda: house.described["read"] == 2)
        house.read()
        store.cluster.restore(backup, 0xBEEF)
        await until(lambda: bool(house.described["goneBack"]))
        assert "another store" in house.source.notes()[0]
        assert names(house.read()) == {"web", "other"}
        answer = await house.source.follow_anyway()
        assert answer is not None
        assert "another store" in str(answer["reason"])
        assert house.described["isAtHead"]
        assert names(house.read()) == {"web"}
        assert not house.source.notes()


async def test_nobody_needs_to_give_their_word_where_nothing_went_back(tmp_path: Path) -> None:
    """And nothing happens."""
    store = Store()
    store.publish(WEB)
    house = House(store, tmp_path)
    async with house.running():
        await house.begin()
        answer = await house.source.follow_anyway()
        assert answer is not None
        assert not answer["reason"]


async def test_other_settings_have_it_connected_to_anew(tmp_path: Path) -> None:
    """Nothing is read again that is known."""
    store = Store()
    store.publish(WEB)
    house = House(store, tmp_path)
    async with house.running():
        await house.begin()
        house.source.follow(settings(endpoints=["localhost:2380"]))
        await until(lambda: len(house.connected) == 2 and bool(house.connected[1].operations))
        assert fetched(house.connected[1]) == []
        assert house.described["endpoints"] == ["localhost:2380"]


async def test_what_is_kept_names_its_generation(tmp_path: Path) -> None:
    """A start knows by it what the store had."""
    store = Store()
    record = store.publish(WEB)
    house = House(store, tmp_path)
    async with house.running():
        await house.begin()
    assert record.digest.encode() in (tmp_path / FILE_NAME).read_bytes()


async def test_an_error_names_the_path_that_was_published(tmp_path: Path) -> None:
    """And its line."""
    store = Store()
    store.publish({**WEB, "routes/shop.yaml": "# a route\n---\nkind: [\n"})
    house = House(store, tmp_path)
    async with house.running():
        build = await house.begin()
        problems = ProblemBook().update(build.judged(), datetime.now(UTC)).appeared
        assert "routes/shop.yaml:" in "".join(map(str, problems))


async def test_every_word_of_the_store_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it says that nothing changed."""
    store = Store()
    store.publish(WEB)
    house = House(store, tmp_path)
    async with house.running():
        await house.begin()
        await wait_all_tasks_blocked()
        monkeypatch.setattr("egxds.published.following.time.time", lambda: 4_000_000_000.0)
        house.connected[0].tell_progress()
        await until(lambda: house.metric("source_last_word_timestamp_seconds") == 4_000_000_000.0)


async def test_a_candidate_is_told_and_is_promoted_here_or_elsewhere(tmp_path: Path) -> None:
    """What is in force is another one then, and there is no candidate any more."""
    store = Store()
    store.publish(WEB)
    house, told = House(store, tmp_path), Told()
    house.source.watch_candidate(told)
    async with house.running():
        await house.begin()
        candidate = store.put_candidate(BOTH)
        # How it stands is told, too, and that is so before it is in memory.
        await until(lambda: house.source.candidate is not None)
        before = told.times
        assert before > 0
        assert names(house.read()) == {"web"}
        done = await house.source.promote()
        assert isinstance(done, Promoted)
        assert done.record == candidate.record
        await until(lambda: house.source.candidate is None and told.times > before)
        assert names(house.read()) == {"web", "other"}
        assert await house.source.promote() is None
        assert await house.source.take_back("too late", "replica-1") is None


async def test_a_candidate_is_taken_back_once(tmp_path: Path) -> None:
    """Whoever is second is told by whom, and why."""
    store = Store()
    store.publish(WEB)
    one, other = House(store, tmp_path / "one"), House(store, tmp_path / "other")
    async with one.running(), other.running():
        await one.begin()
        await other.begin()
        store.put_candidate(BOTH)
        await until(lambda: one.source.candidate is not None and other.source.candidate is not None)
        outcomes: list[object] = []

        async def take_back(house: House, name: str) -> None:
            outcomes.append(await house.source.take_back(f"{name} says so", name))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take_back, one, "replica-1")
            tasks.start_soon(take_back, other, "replica-2")
        assert {type(each) for each in outcomes} == {Withdrawn, Missed}
        missed = next(each for each in outcomes if isinstance(each, Missed))
        assert str(missed) == "it was taken back by replica-1: replica-1 says so"
        await until(lambda: one.source.candidate is None and other.source.candidate is None)
        assert one.source.standing.candidate is not None


async def test_a_candidate_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    """In the log once, in the status as long as it is so; and without etcd nothing becomes of one."""
    store = Store()
    store.publish(WEB)
    house = House(store, tmp_path)
    async with house.running():
        await house.begin()
        with capture_logs() as logs:
            store.cluster.apply([Put(LAYOUT.candidate, b"{}")])
            await until(lambda: bool(house.source.problems()))
        assert [line["event"] for line in logs] == ["source.candidate_refused"]
        (problem,) = house.source.problems()
        assert str(problem).startswith("etcd:/egxds/head-candidate:")
        store.put_candidate(BOTH)
        await until(lambda: house.source.candidate is not None)
        assert not house.source.problems()
        house.cut_off(is_so=True)
        with pytest.raises(UnavailableError):
            await house.source.take_back("refused", "replica-1")
        assert house.source.candidate is not None
