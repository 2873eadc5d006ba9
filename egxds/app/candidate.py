"""A candidate: a generation that some Envoys are served before all others are. Awaits and logs.

    NONE ------ there is one ------------------------------> BUILT beside what is in force (`candidate_input`)
    BUILT ----- its hooks are through ---------------------> SERVED: its nodes change over
    BUILT ----- there is no memory for it -----------------> said, and built again after a pause; until then its nodes
                                                             are served what they were
    any ------- other settings, an object is rolled back --> built again, and served meanwhile if it was
    BUILT ----- it is there no more -----------------------> NONE; its nodes have been served nothing of it
    SERVED ---- it is taken back --------------------------> its nodes change back at once; NONE
    SERVED ---- something else is published, or it is -----> LEAVING: that is waited for
    LEAVING --- that is served, or does not come, or there
                is no memory for it beside this -----------> its nodes change over; NONE

What is in force has the memory first: where that is short while both are translated, the candidate ends (`app.memory`).

What was promoted is in force by the same documents. Its nodes change over to that once it is served, and are told
nothing, since they have it all.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import anyio
from anyio.abc import TaskGroup

from egxds.app.canary_facts import CandidateFacts, TakenBack
from egxds.app.candidate_input import CandidateInput, InForceInput
from egxds.app.candidates import Candidates
from egxds.app.current_build import CurrentBuild
from egxds.app.given_tree import GivenTree
from egxds.app.memory.bounded import LoadTooLargeError
from egxds.app.memory.pauses import Pauses
from egxds.app.pipeline import Build, Pipeline
from egxds.app.publisher import Publisher
from egxds.busy_threads import BusyThreads
from egxds.cleared_frames import letting_go
from egxds.files.documents.document import FileTree
from egxds.hooks.calls import CallKey
from egxds.hooks.run.runner import HookRunner
from egxds.inspect.refusals import RefusedResource
from egxds.model.store.rolled_back import Bar
from egxds.object_key import ObjectKey
from egxds.problems import Location
from egxds.published.candidate import FollowedCandidate
from egxds.settings.daemon import Settings
from egxds.snapshot.stores import Stores
from egxds.telemetry import log

_PATIENCE_S = 5.0
"""How long what is to be in force is waited for, before a candidate begins there and where another takes its place."""

_AGAIN_S = 0.02
"""Between two looks whether that is served."""

_NAME = "candidate"
"""What it is called in the log."""


_Order = Callable[[Pipeline], None]
"""Something that holds for what is in force, and for what is to take its place."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What is in force beside it.

    Attributes:
        build: what its documents come to.
        pipeline: translates it.
        runner: takes it through the hooks.
        publisher: knows what they said.
        stores: where Envoys are served from.
        threads: where long work is done.
        look: has a pass of the pipeline made, soon.
    """

    build: CurrentBuild
    pipeline: Pipeline
    runner: HookRunner
    publisher: Publisher
    stores: Stores
    threads: BusyThreads
    look: Callable[[], None]


class Candidate:
    """The candidate that there is, if there is one."""

    def __init__(self, candidates: Candidates, in_force: InForce) -> None:
        """Know of none; `work` starts it.

        Args:
            candidates: where it comes from.
            in_force: what is in force beside it.
        """
        self._source = candidates
        candidates.watch_candidate(self._look_again)
        self._in_force = in_force
        self._followed: FollowedCandidate | None = None
        self._made: CandidateInput | None = None
        self._pipeline: Pipeline | None = None
        self._built: Build | None = None
        self._meanwhile: list[_Order] | None = None
        self._is_served = False
        self._is_built = False
        self._fault = ""
        self._is_to_be_read = False
        self._is_in_the_way = False
        self._stirred = anyio.Event()

    def stir(self) -> None:
        """Look again: there is another candidate, or what is in force is otherwise."""
        before, self._stirred = self._stirred, anyio.Event()
        before.set()

    def adopt(self, settings: Settings) -> None:
        """Go by other settings."""
        self._have_otherwise(lambda pipeline: pipeline.adopt(settings))

    def roll_back(self, bars: Mapping[ObjectKey, Bar]) -> None:
        """Have something else in it than some of its objects say, as what is in force has."""
        self._have_otherwise(lambda pipeline: pipeline.roll_back(bars))

    def lift(self, keys: Collection[ObjectKey]) -> None:
        """Have some objects in it as they are written, likewise."""
        self._have_otherwise(lambda pipeline: pipeline.lift(keys))

    def _have_otherwise(self, order: _Order) -> None:
        """Have it built again after something that holds for what is in force, too."""
        if self._meanwhile is not None:
            self._meanwhile.append(order)
        if self._pipeline is not None:
            order(self._pipeline)
            self._is_built, self._is_to_be_read = False, True
            self.stir()

    def give_way(self) -> None:
        """Leave where something else takes its place: there was not enough memory for that beside it."""
        self._is_in_the_way = self._followed is not None and not self._is_there()
        self.stir()

    def recover(self) -> None:
        """Run the hooks again for what they could not be asked about."""
        if self._made is not None:
            self._made.publisher.recover()

    def ask_again(self) -> None:
        """Ask hooks again what was said under other epochs than those of now."""
        if self._made is not None:
            self._made.publisher.ask_again()

    def facts(self) -> CandidateFacts | None:
        """Return what stands in the store, and how it is served here; None where there is nothing."""
        standing = self._source.standing
        found, back = standing.candidate, standing.candidate.taken_back if standing.candidate is not None else None
        if found is None:
            return None
        is_ours = self._is(standing.candidate_put_at)
        made = self._made if self._is_served and is_ours else None
        is_settled = made is not None and made.is_settled and self._is_built
        own_fault = self._fault if is_ours else ""
        return CandidateFacts(
            put_at=standing.candidate_put_at,
            generation=found.record.generation,
            published_by=found.record.author,
            nodes=frozenset(found.nodes),
            promote_after_s=found.promote_after_s,
            is_settled=is_settled,
            served=made.served if made is not None and is_settled else "",
            fault=standing.candidate_fault or own_fault or (made.fault() if made is not None else ""),
            taken_back=TakenBack(back.why, back.at, back.by) if back is not None else None,
            was_there=standing.candidate_put_at <= standing.followed_since,
        )

    @property
    def is_leaving(self) -> bool:
        """Whether its nodes are served it still though something else takes its place."""
        return self._followed is not None and not self._is_there() and not self._is_promoted(self._followed)

    def is_refused_alone(self, one: RefusedResource) -> bool:
        """Tell whether an Envoy refuses something that only the candidate has."""
        return self._made is not None and self._made.is_refused_alone(one)

    def places(self, one: RefusedResource) -> tuple[Location, ...]:
        """Return where the objects stand in its files that a resource of it was made from."""
        found = map(self._locate, one.sources)
        return tuple(place for place in found if place is not None)

    def in_use(self) -> Iterator[CallKey]:
        """Yield the calls of which the replies are in use."""
        return self._made.publisher.in_use() if self._made is not None else iter(())

    async def work(self) -> None:
        """Serve what candidates there are, one after the other; until cancelled."""
        while True:
            await self._until(lambda: self._source.candidate is not None)
            found = self._source.candidate
            if found is not None:
                await self._live_with(found)

    def _look_again(self) -> None:
        self._expect()
        self.stir()

    def _expect(self) -> None:
        """Have its nodes wait for it that have it from elsewhere, while it is not served here."""
        standing = self._source.standing
        is_there = standing.candidate is not None and standing.candidate.is_live and not standing.candidate_fault
        is_to_come = is_there and not self._fault and not (self._is_served and self._is(standing.candidate_put_at))
        self._in_force.stores.expect(standing.candidate.nodes if standing.candidate is not None and is_to_come else ())

    def _is(self, put_at: int) -> bool:
        return self._followed is not None and self._followed.put_at == put_at

    async def _live_with(self, found: FollowedCandidate) -> None:
        self._followed = found
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._serve, found, tasks, name="serve the candidate")
                await self._until(lambda: not self._is_there())
                if self._is_served:
                    await self._until_replaced(found)
                self._in_force.stores.withdraw()
                tasks.cancel_scope.cancel()
        finally:
            if self._made is not None:
                self._made.publisher.stop()
            if self._pipeline is not None:
                self._pipeline.give_up()
            self._followed = self._made = self._pipeline = self._built = None
            self._is_served, self._is_built, self._is_in_the_way, self._fault = False, False, False, ""
            self._expect()
            self._leave_room()

    async def _until_replaced(self, found: FollowedCandidate) -> None:
        """Wait for what takes its place: all that time for the same, a while for another, and for nothing else."""
        now = self._source.standing.in_memory
        if not found.candidate.comes_after(now.record if now is not None else None):
            await self._until_in_force(math.inf if self._is_promoted(found) else _PATIENCE_S)

    def _is_there(self) -> bool:
        return (now := self._source.candidate) is not None and self._is(now.put_at)

    def _is_promoted(self, found: FollowedCandidate) -> bool:
        now = self._source.standing.in_memory
        return now is not None and now.record == found.candidate.record

    async def _until_in_force(self, most_s: float) -> None:
        """Wait until all is served of what stands in the store for all."""
        with anyio.move_on_after(most_s):
            while not (self._is_in_force() or self._is_in_the_way):
                with anyio.move_on_after(_AGAIN_S):  # nobody tells when the hooks are through with the last of it
                    await self._stirred.wait()

    def _is_in_force(self) -> bool:
        now, build = self._source.standing.in_memory, self._in_force.build.build
        is_read = now is not None and build is not None and build.origin == now.encode()
        return is_read and self._in_force.publisher.is_settled

    @letting_go
    async def _serve(self, found: FollowedCandidate, tasks: TaskGroup) -> None:
        """Build it, serve it, and build it again where settings are others; until cancelled."""
        in_force = self._in_force
        # What the hooks have said of it is not asked again.
        await self._until_in_force(_PATIENCE_S)
        pipeline = self._pipeline = await self._branched(found)
        beside = InForceInput(in_force.runner, in_force.publisher, in_force.stores.head)
        with in_force.runner.runs_beside(_NAME, self._locate) as runs:
            made = self._made = CandidateInput(pipeline, runs, beside, self.stir)
            tasks.start_soon(runs.watch_holds, made.publisher.recover, name="watch holds of the candidate")
            pauses = Pauses()
            while True:
                self._is_to_be_read = False
                refusal = await self._build(made, tasks)
                if refusal:
                    await self._wait_for_memory(refusal, pauses.next_s())
                else:
                    pauses = Pauses()
                await self._until(lambda: self._is_to_be_read or self._is_to_be_served(made))
                if not self._is_to_be_read:
                    made.store.mark_loaded()
                    self._is_served = True
                    in_force.stores.serve(made.store, found.candidate.nodes)
                await self._until(lambda: self._is_to_be_read)

    def _is_to_be_served(self, made: CandidateInput) -> bool:
        """Tell whether it is whole, and not served yet."""
        return self._is_built and not self._is_served and made.publisher.is_whole

    async def _branched(self, found: FollowedCandidate) -> Pipeline:
        """Return a pipeline of its documents that begins where what is in force is."""
        branched: list[Pipeline] = []
        loop = asyncio.get_running_loop()

        def take(pipeline: Pipeline) -> None:
            branched.append(pipeline)
            loop.call_soon_threadsafe(self.stir)

        self._meanwhile = []
        try:
            self._in_force.pipeline.branch(GivenTree(FileTree(found.generation.documents)), take)
            self._in_force.look()
            await self._until(lambda: bool(branched))
            (pipeline,) = branched
            # The very pass may have begun before them.
            for order in self._meanwhile:
                order(pipeline)
            return pipeline
        finally:
            self._meanwhile = None

    async def _build(self, made: CandidateInput, tasks: TaskGroup) -> str:
        """Translate it, and have the hooks begin with that; return why there is no memory for it, if there is none."""
        try:
            build = await self._in_force.threads.run("reading the candidate", made.read, abandon_on_cancel=True)
        except LoadTooLargeError as err:
            return str(err)
        except Exception as err:  # noqa: BLE001 a defect of ours must not end the service: its nodes stay where they are
            self._doubt(f"it cannot be built: {type(err).__name__}")
            log.exception("canary.failed", error=self._fault)
            return ""
        self._doubt("")
        self._built = build
        extensions = self._in_force.runner.extensions
        # What it is made for are the extensions that follow, once what is in force is made for them, too.
        await self._until(lambda: extensions.current.managers == build.extensions or self._is_to_be_read)
        if extensions.current.managers == build.extensions:
            made.submit(build, tasks)
            self._is_built = not self._is_to_be_read
        return ""

    async def _wait_for_memory(self, fault: str, pause_s: float) -> None:
        """Wait until it is to be built again that there was no memory for, or by other settings."""
        again_at = datetime.now(UTC) + timedelta(seconds=pause_s)
        self._doubt(f"{fault}; it is tried again at {again_at.isoformat(timespec='seconds')}")
        log.error("canary.failed", error=self._fault)
        self._leave_room()
        with anyio.move_on_after(pause_s):
            await self._until(lambda: self._is_to_be_read)
        self._is_to_be_read = True

    def _leave_room(self) -> None:
        """Have tried again what is to be in force: for want of the memory that this had it may have been refused."""
        self._in_force.pipeline.take_in_again()
        self._in_force.look()

    def _doubt(self, fault: str) -> None:
        """Take note why it cannot be built; of nothing where it may be by now."""
        self._fault = fault
        self._expect()

    def _locate(self, key: ObjectKey) -> Location | None:
        return self._built.locate(key, ()) if self._built is not None else None

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            await self._stirred.wait()
