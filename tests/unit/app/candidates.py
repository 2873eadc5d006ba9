"""The rooms of a daemon that serve a candidate beside what is in force; what extensions say is made up."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import anyio
import pytest
from anyio.abc import TaskGroup

from egxds.app.candidate import Candidate, InForce
from egxds.app.candidate_input import CandidateInput
from egxds.app.candidates import Candidates
from egxds.app.current_build import CurrentBuild
from egxds.app.etcd_source import PublishedTrees
from egxds.app.memory.bounded import LoadTooLargeError
from egxds.app.pipeline import Build, Pipeline
from egxds.app.publisher import Publisher
from egxds.busy_threads import BusyThreads
from egxds.errors import FailureReason
from egxds.files.reading.content import Scan, Scope, joined_scope
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.policy.outcome import HookedGateway
from egxds.hooks.run.runner import HookRunner
from egxds.published.encryption import UNENCRYPTED
from egxds.published.following import Follower
from egxds.settings.daemon import Settings
from egxds.settings.extensions import ExtensionManager
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics
from tests.extension_server.edits import edit_virtual_host, say_otherwise
from tests.unit.app.candidate_store import CANARY, FakeStore
from tests.unit.app.fleet import Served, served
from tests.unit.hooks.extensions import edited, manager

LIMIT_S = 20.0
REFUSAL = HookFailure(FailureReason.REFUSED, "PERMISSION_DENIED: not here", "PERMISSION_DENIED")
WORDS = manager("words", hooks=("VirtualHost",))


def settings_of(*managers: ExtensionManager, pool: str = "") -> Settings:
    """Return settings of some extensions, and of addresses for Gateways."""
    addresses = {"addresses": {"pool": [pool]}} if pool else {}
    found = Settings.model_validate({"sources": {"etcd": {"endpoints": ["localhost:2379"]}}, **addresses})
    return found.model_copy(update={"extension_managers": managers})


def host_name(call: HookCall) -> str:
    """Return which host a call is about: `b` for b.test."""
    return call.subject.rpartition("/")[2].removesuffix("_test")


class Extensions:
    """What all extensions say, whose names stand in what they have edited.

    Attributes:
        asked: (name, host) of each call since somebody looked.
        answers: unset where calls are not answered, as far as they are about `hanging`.
        hanging: hosts, and names; empty for all.
        refused: hosts that they refuse on purpose.
        failure: what they say instead; None where they work.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answers = anyio.Event()
        self.answers.set()
        self.hanging: Collection[str] = ()
        self.refused: Collection[str] = ()
        self.failure: HookFailure | None = None

    def hang(self, *hanging: str) -> None:
        """Answer nothing about some hosts, or of some name, or at all."""
        self.answers, self.hanging = anyio.Event(), hanging

    def answer(self) -> None:
        """Answer all that was asked, and will be."""
        self.answers.set()

    def take_asked(self) -> list[tuple[str, str]]:
        """Return what was asked, and begin anew."""
        found, self.asked = sorted(self.asked), []
        return found


class _Caller:
    """The way to one of them."""

    says_not_serving = False
    losses = 0
    fault = ""

    def __init__(self, world: Extensions) -> None:
        self._world = world

    def attend(self) -> None:
        """Notice nothing."""

    def reload(self) -> None:
        """Load nothing."""

    async def start(self) -> None:
        """Be ready."""

    async def call(self, call: HookCall) -> HookReply | HookFailure:
        """Say who edits it."""
        self._world.asked.append((call.manager, host_name(call)))
        if not {call.manager, host_name(call)}.isdisjoint(self._world.hanging) or not self._world.hanging:
            await self._world.answers.wait()
        if host_name(call) in self._world.refused:
            return REFUSAL
        return self._world.failure or edited(call, partial(_edit, call.manager))

    async def watch(self, _on_renewed: Callable[[], None]) -> None:
        """Be the same for good."""
        await anyio.sleep_forever()

    async def aclose(self) -> None:
        """Let go of nothing."""


def _edit(word: str, request: object, response: object) -> None:
    edit_virtual_host(request, response)
    say_otherwise(response, word)


class Gate:
    """Where the reading of candidates is held up, in its thread."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.is_open = threading.Event()
        self.is_reached = False
        read = CandidateInput.read

        def held_up(made: CandidateInput) -> Build:
            self.is_reached = True
            assert self.is_open.wait(20)
            return read(made)

        patch.setattr(CandidateInput, "read", held_up)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Hold candidates up from now on; open in the end."""
    gate = Gate(monkeypatch)
    yield gate
    gate.is_open.set()


class House:
    """The rooms of a daemon, without its doors.

    Attributes:
        store: what is followed.
        extensions: what they say.
        stores: what Envoys are served.
        candidate: what serves the candidate.
        runner: calls the extensions.
        served_to_canary: what the canary node was served, each time that it may have been something else.
    """

    def __init__(self, files: Mapping[str, str], settings: Settings, extensions: Extensions) -> None:
        """Wire them."""
        self.store = FakeStore(files)
        self.store.wake = partial(self.look, Scan.CHANGED)
        self.extensions = extensions
        self.stores = Stores(SnapshotStore())
        self.current = CurrentBuild()
        self.runner = HookRunner(settings.extensions, Metrics())
        trees = PublishedTrees(cast("Follower", self.store), lambda: UNENCRYPTED)
        self.pipeline = Pipeline(settings, trees)
        head, runner = self.stores.head, self.runner
        self.publisher = Publisher(runner, self._publish, head.remove, lambda _: None)
        self.threads = BusyThreads()
        rooms = (self.current, self.pipeline, runner, self.publisher, self.stores, self.threads)
        in_force = InForce(*rooms, partial(self.look, frozenset()))
        self.candidate = Candidate(cast("Candidates", self.store), in_force)
        self._scope: Scope = Scan.ALL
        self._wanted = anyio.Event()
        self.served_to_canary: list[str] = []
        self.stores.subscribe(CANARY, self._note)

    async def work(self) -> None:
        """Live; until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.runner.watch, self._recover, self.ask_again)
            tasks.start_soon(self._reconcile, tasks)
            tasks.start_soon(self.candidate.work)

    def look(self, scope: Scope) -> None:
        """Have a pass made, soon."""
        self._scope = joined_scope(self._scope, scope)
        self._wanted.set()

    async def change(self, settings: Settings) -> None:
        """Go by other settings, as a reload has it."""
        prepared = await self.runner.extensions.prepare(settings.extensions)
        self.pipeline.adopt(settings)
        self.candidate.adopt(settings)
        await self.runner.extensions.adopt(prepared)
        self.look(Scan.ALL)

    def ask_again(self) -> None:
        """Have everything asked again that was said under other epochs."""
        self.publisher.ask_again()
        self.candidate.ask_again()

    def served(self, node: str, *gateways: str) -> Served:
        """Return what a node is served of some Gateways."""
        store = self.stores.of(node)
        return {
            key: found for name in gateways or ("default/web",) for key, found in served(store.snapshot(name)).items()
        }

    def hosts(self, node: str, *gateways: str) -> str:
        """Return which hosts a node is served: `ab` for a.test and b.test."""
        bodies = b"".join(body for _, body in self.served(node, *gateways).values())
        return "".join(name for name in "abcdefg" if f"{name}.test".encode() in bodies)

    @property
    def is_served(self) -> bool:
        """Whether all of the candidate is served."""
        facts = self.candidate.facts()
        return facts is not None and facts.is_settled

    @property
    def is_in_force(self) -> bool:
        """Whether all is served of what is published for all."""
        build, origin = self.current.build, self.store.newest.origin
        is_read = build is not None and origin is not None and build.origin == origin.encode()
        return is_read and self.publisher.is_settled

    async def until_gone(self) -> None:
        """Wait until nothing is left of any candidate, and what is in force is served to all."""
        await until(lambda: self.is_in_force and self.stores.candidate is None)

    def _note(self) -> None:
        self.served_to_canary.append(self.hosts(CANARY))

    def _recover(self) -> None:
        self.publisher.recover()
        self.candidate.recover()

    def _publish(self, hooked: HookedGateway) -> None:
        self.stores.head.publish(hooked.gateway, hooked.class_name, hooked.resources)

    async def _reconcile(self, tasks: TaskGroup) -> None:
        while True:
            scope, self._scope = self._scope, frozenset()
            self._wanted = anyio.Event()
            try:
                self._accept(await self.threads.run("reading", self.pipeline.run, scope, abandon_on_cancel=True), tasks)
            except LoadTooLargeError:
                self._scope = joined_scope(self._scope, scope)
                self.candidate.give_way()
            await self._wanted.wait()

    def _accept(self, build: Build, tasks: TaskGroup) -> None:
        self.current.build = build
        for class_name, listeners in build.exclusions.items():
            self.stores.head.exclude(class_name, listeners)
        is_other = self.runner.follow(build.extensions)
        self.publisher.submit(build.translations, tasks)
        if is_other:
            self.publisher.run_again()
        self.candidate.stir()
        self.stores.head.mark_loaded()


@asynccontextmanager
async def house_of(
    files: Mapping[str, str], managers: Iterable[ExtensionManager] = (WORDS,), pool: str = ""
) -> AsyncIterator[House]:
    """Have a house at work, which serves some files to all."""
    extensions = Extensions()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("egxds.hooks.run.extension.caller_of", lambda *_: _Caller(extensions))
        house = House(files, settings_of(*managers, pool=pool), extensions)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(house.work)
            await until(lambda: house.is_in_force)
            extensions.take_asked()
            yield house
            tasks.cancel_scope.cancel()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a fact."""
    with anyio.fail_after(LIMIT_S):
        while not is_so():  # noqa: ASYNC110 a fact that nobody tells
            await anyio.sleep(0.002)


async def seen(house: House) -> None:
    """Wait until whatever may happen has: nobody has anything to do but to wait for what somebody else does."""
    with anyio.fail_after(LIMIT_S):
        await anyio.wait_all_tasks_blocked()
        while house.threads.what:  # noqa: ASYNC110 a fact that nobody tells
            await anyio.sleep(0.002)
        await anyio.wait_all_tasks_blocked()
