"""A candidate: a generation that some Envoys are served before all others are. Awaits and logs.

    NONE ------ there is one ------------------------------> BUILT beside what is in force (`candidate_input`)
    BUILT ----- its hooks are through ---------------------> SERVED: its nodes change over
    BUILT ----- there is no memory for it -----------------> said; its nodes are served what is in force
    SERVED ---- other settings ----------------------------> built again, and served meanwhile
    any ------- it is there no more -----------------------> LEAVING: what takes its place is waited for
    LEAVING --- that is served, or does not come ----------> its nodes change back; NONE

What was promoted is in force by the same documents. Its nodes change over to that once it is served, and are told
nothing, since they have it all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import anyio
from anyio import from_thread
from anyio.abc import TaskGroup

from egxds.app.candidate_input import CandidateInput
from egxds.app.given_tree import GivenTree
from egxds.app.memory.bounded import LoadTooLargeError
from egxds.app.pipeline import Build, Pipeline
from egxds.app.publisher import Publisher
from egxds.app.source import Source
from egxds.busy_threads import BusyThreads
from egxds.files.documents.document import FileTree
from egxds.hooks.run.runner import HookRunner
from egxds.inspect.refusals import RefusedResource
from egxds.object_key import ObjectKey
from egxds.problems import Location
from egxds.published.candidate import FollowedCandidate
from egxds.settings.daemon import Settings
from egxds.snapshot.stores import Stores
from egxds.telemetry import log

_LEAVING_S = 5.0
"""How long what takes the place of a candidate is waited for, where it is something else."""

_AGAIN_S = 0.02
"""Between two looks whether that is served."""

_NAME = "candidate"
"""What it is called in the log."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What is in force beside it.

    Attributes:
        source: where both come from.
        pipeline: translates it.
        runner: takes it through the hooks.
        publisher: knows what they said.
        stores: where Envoys are served from.
        threads: where long work is done.
        look: has a pass of the pipeline made, soon.
    """

    source: Source
    pipeline: Pipeline
    runner: HookRunner
    publisher: Publisher
    stores: Stores
    threads: BusyThreads
    look: Callable[[], None]


@dataclass(frozen=True, slots=True)
class CandidateStand:
    """How a candidate is doing here.

    Attributes:
        followed: which.
        is_served: whether its nodes are served it.
        served: digest of all its resources in their versions; empty while that changes.
        fault: why it is not what it should be; empty where it is.
    """

    followed: FollowedCandidate
    is_served: bool
    served: str
    fault: str


class Candidate:
    """The candidate that there is, if there is one."""

    def __init__(self, in_force: InForce) -> None:
        """Know of none; `work` starts it.

        Args:
            in_force: what is in force beside it.
        """
        self._in_force = in_force
        self._followed: FollowedCandidate | None = None
        self._input: CandidateInput | None = None
        self._pipeline: Pipeline | None = None
        self._built: Build | None = None
        self._is_served = False
        self._fault = ""
        self._is_to_be_read = False
        self._stirred = anyio.Event()

    def stir(self) -> None:
        """Look again: there is another candidate, or what is in force is otherwise."""
        before, self._stirred = self._stirred, anyio.Event()
        before.set()

    def adopt(self, settings: Settings) -> None:
        """Go by other settings."""
        if self._pipeline is not None:
            self._pipeline.adopt(settings)
            self._is_to_be_read = True
            self.stir()

    def recover(self) -> None:
        """Run the hooks again for what they could not be asked about."""
        if self._input is not None:
            self._input.publisher.recover()

    def ask_again(self) -> None:
        """Ask hooks again what was said under other epochs than those of now."""
        if self._input is not None:
            self._input.publisher.ask_again()

    def is_awaited_by(self, node_id: str) -> bool:
        """Tell whether a node is to be served a candidate that is not ready for it yet."""
        found = self._in_force.source.candidate
        return found is not None and node_id in found.candidate.nodes and not (self._is_served or self._fault)

    def stand(self) -> CandidateStand | None:
        """Return how it is doing; None where there is none."""
        followed, found = self._followed, self._input
        if followed is None:
            return None
        settled = found is not None and found.is_settled
        fault = self._fault or (found.fault() if found is not None else "")
        return CandidateStand(followed, self._is_served, found.served if found is not None and settled else "", fault)

    def is_refused_alone(self, one: RefusedResource) -> bool:
        """Tell whether an Envoy refuses something that only the candidate has."""
        return self._input is not None and self._input.is_refused_alone(one, self._in_force.stores.head)

    async def work(self) -> None:
        """Serve what candidates there are, one after the other; until cancelled."""
        while True:
            await self._until(lambda: self._in_force.source.candidate is not None)
            found = self._in_force.source.candidate
            if found is not None:
                await self._live_with(found)

    async def _live_with(self, found: FollowedCandidate) -> None:
        self._followed = found
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._serve, found, tasks, name="serve the candidate")
                await self._until(lambda: self._in_force.source.candidate != found)
                await self._until_replaced(found)
                self._in_force.stores.withdraw()
                tasks.cancel_scope.cancel()
        finally:
            self._followed = self._input = self._pipeline = self._built = None
            self._is_served, self._fault = False, ""

    async def _until_replaced(self, found: FollowedCandidate) -> None:
        """Wait for what takes its place: all that time for the same, and else a while."""
        source, publisher = self._in_force.source, self._in_force.publisher
        is_promoted = source.is_followed_by(found)
        with anyio.move_on_after(math.inf if is_promoted and self._is_served else _LEAVING_S):
            while not (source.is_taken_in and publisher.is_settled):
                with anyio.move_on_after(_AGAIN_S):  # nobody tells when the hooks are through with the last of it
                    await self._stirred.wait()

    async def _serve(self, found: FollowedCandidate, tasks: TaskGroup) -> None:
        """Build it, serve it, and build it again where settings are others; until cancelled."""
        in_force = self._in_force
        pipeline = self._pipeline = await self._branched(found)
        with in_force.runner.runs_beside(_NAME, self._locate) as runs:
            made = self._input = CandidateInput(pipeline, runs, in_force.publisher)
            tasks.start_soon(runs.watch_holds, made.publisher.recover, name="watch holds of the candidate")
            while True:
                self._is_to_be_read = False
                await self._build(made, tasks)
                if not (self._fault or self._is_served or self._is_to_be_read):
                    await made.publisher.settled()
                    made.store.mark_loaded()
                    self._is_served = True
                    nodes = found.candidate.nodes
                    in_force.stores.serve(made.store, frozenset(nodes))
                    log.info("canary.served", generation=found.candidate.record.generation, nodes=len(nodes))
                await self._until(lambda: self._is_to_be_read)

    async def _branched(self, found: FollowedCandidate) -> Pipeline:
        """Return a pipeline of its documents that begins where what is in force is."""
        branched: list[Pipeline] = []

        def take(pipeline: Pipeline) -> None:
            branched.append(pipeline)
            from_thread.run_sync(self.stir)

        self._in_force.pipeline.branch(GivenTree(FileTree(found.generation.documents)), take)
        self._in_force.look()
        await self._until(lambda: bool(branched))
        return branched[0]

    async def _build(self, made: CandidateInput, tasks: TaskGroup) -> None:
        """Translate it, and have the hooks begin with that; say why where it cannot be."""
        try:
            build = await self._in_force.threads.run("reading the candidate", made.read, abandon_on_cancel=True)
        except LoadTooLargeError as err:
            self._fault = str(err)
            log.error("canary.failed", error=self._fault)
            return
        except Exception as err:  # noqa: BLE001 a defect of ours must not end the service: its nodes stay where they are
            self._fault = f"it cannot be built: {type(err).__name__}"
            log.exception("canary.failed", error=self._fault)
            return
        self._fault, self._built = "", build
        extensions = self._in_force.runner.extensions
        # What it is made for are the extensions that follow, once what is in force is made for them, too.
        await self._until(lambda: extensions.current.managers == build.extensions or self._is_to_be_read)
        if extensions.current.managers == build.extensions:
            made.submit(build, tasks)

    def _locate(self, key: ObjectKey) -> Location | None:
        return self._built.locate(key, ()) if self._built is not None else None

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            await self._stirred.wait()
