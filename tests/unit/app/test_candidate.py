"""A candidate beside what is in force, from its documents to the store that its nodes are served from."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from functools import partial

import anyio
import pytest
from anyio import to_thread
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from egxds.app.candidate import Candidate, InForce
from egxds.app.candidates import NoCandidates
from egxds.app.current_build import CurrentBuild
from egxds.app.given_tree import GivenTree
from egxds.app.pipeline import Pipeline
from egxds.app.publisher import Publisher
from egxds.app.source import Trees
from egxds.busy_threads import BusyThreads
from egxds.files.documents.document import FileTree
from egxds.files.reading.content import Scan
from egxds.hooks.policy.outcome import HookedGateway
from egxds.hooks.run.runner import HookRunner
from egxds.published.candidate import Candidate as Published
from egxds.published.candidate import FollowedCandidate
from egxds.published.followed import Followed
from egxds.published.generation import Generation
from egxds.published.standing import Standing
from egxds.settings.daemon import Settings
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics
from tests.unit.model.texts import gateway, route, tree
from tests.unit.published.store import Store

pytestmark = pytest.mark.anyio

PATIENCE_S = 20.0
NODE = "edge-1"
SETTINGS = Settings.model_validate({"sources": {"files": {"paths": ["nowhere"]}}})
HEAD, FIRST = (Store().record({}, number) for number in (1, 2))


def files(host: str) -> FileTree:
    """Return a Gateway with a route for a host, as they are published."""
    return tree({"web.yaml": (gateway(),), "shop.yaml": (route(spec=f"hostnames: [{host}]"),)})


class Source(NoCandidates):
    """Has a candidate while it is told so."""

    def __init__(self) -> None:
        self.candidate: FollowedCandidate | None = None  # type: ignore[assignment]
        self._in_memory = Followed(1, HEAD)
        self.standing = Standing(in_memory=self._in_memory)
        self._told: Callable[[], None] = lambda: None

    def watch_candidate(self, told: Callable[[], None]) -> None:
        """Tell somebody."""
        self._told = told

    def put(self, found: FileTree) -> None:
        """Have files be a candidate."""
        published, generation = Published(record=FIRST, nodes=(NODE,)), Generation(documents=found.files)
        self.candidate = FollowedCandidate(published, generation, 7)
        self.standing = Standing(in_memory=self._in_memory, candidate=published, candidate_put_at=7)
        self._told()

    def remove(self) -> None:
        """Have none."""
        self.candidate, self.standing = None, Standing(in_memory=self._in_memory)
        self._told()


class Remembering(Pipeline):
    """One that knows whether others that began from it are still there."""

    branched: weakref.ref[Pipeline]

    def branch(self, trees: Trees, take: Callable[[Pipeline], None]) -> None:
        """Remember the other one."""

        def remember(other: Pipeline) -> None:
            self.branched = weakref.ref(other)
            take(other)

        super().branch(trees, remember)


class House:
    """What is in force, and a candidate beside it.

    Attributes:
        source: of candidates.
        pipeline: of what is in force.
        stores: where nodes are served from.
        candidate: as it is served.
    """

    def __init__(self, tasks: TaskGroup) -> None:
        """Wire the rooms.

        Args:
            tasks: owns all that runs.
        """
        self._tasks = tasks
        self.source = Source()
        origin = self.source.standing.in_memory.encode() if self.source.standing.in_memory else ""
        self.pipeline = Remembering(SETTINGS, GivenTree(FileTree(files("a.test").files, origin=origin)))
        self.stores = Stores(SnapshotStore())
        runner = HookRunner((), Metrics())
        self._publisher = Publisher(runner, self._publish, self.stores.head.remove, lambda _: None)
        self._current = CurrentBuild()
        threads = BusyThreads()
        in_force = InForce(self._current, self.pipeline, runner, self._publisher, self.stores, threads, self._look)
        self.candidate = Candidate(self.source, in_force)

    async def start(self) -> None:
        """Serve what is in force."""
        self._current.build = await to_thread.run_sync(self.pipeline.run, Scan.ALL)
        self._publisher.submit(self._current.build.translations, self._tasks)
        await self._publisher.settled()
        self.stores.head.mark_loaded()
        self._tasks.start_soon(self.candidate.work)

    def _publish(self, hooked: HookedGateway) -> None:
        self.stores.head.publish(hooked.gateway, hooked.class_name, hooked.resources)

    def _look(self) -> None:
        self._tasks.start_soon(partial(to_thread.run_sync, self.pipeline.run, frozenset[str]()))


async def until(is_so: Callable[[], object]) -> None:
    """Wait for a fact."""
    with anyio.fail_after(PATIENCE_S):
        while not is_so():
            await checkpoint()


@pytest.fixture
def _uncollected() -> Iterator[None]:
    """Have no garbage collector, as it never looks at what is frozen; leave nothing so to the tests behind this one."""
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("_uncollected")
async def test_nothing_is_kept_of_a_candidate_that_has_ended() -> None:
    """What was left of it in a ring would be frozen by the first load of the next one, and so there for ever."""
    async with anyio.create_task_group() as tasks:
        house = House(tasks)
        await house.start()
        house.source.put(files("b.test"))
        await until(lambda: house.stores.candidate)
        served = weakref.ref(house.stores.of(NODE))
        assert served() is not house.stores.head
        assert house.pipeline.branched() is not None
        house.source.remove()
        await until(lambda: house.stores.candidate is None)
        await until(lambda: house.pipeline.branched() is None and served() is None)
        tasks.cancel_scope.cancel()
