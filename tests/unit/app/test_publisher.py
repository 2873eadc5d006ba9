"""Every Gateway is published by a task of its own, and those that are gone are taken away."""

from __future__ import annotations

import gc
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio import from_thread
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from egxds.app.gateway_worker import ASKING_PATIENCE_S, PATIENCE_S
from egxds.app.publisher import Publisher
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.health.circuit_breaker import CircuitBreaker
from egxds.hooks.policy.outcome import Accepted, HookedGateway
from egxds.hooks.policy.taken_back import Nack
from egxds.hooks.replies.check import CallResult, check_reply
from egxds.hooks.run.extension_set import ExtensionSet
from egxds.hooks.run.runner import HookRunner
from egxds.incremental.revision import Revision
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import Hook
from egxds.telemetry import Metrics
from tests.lines_of_rooms import lines_of_rooms
from tests.unit.app.files import Files
from tests.unit.hooks.edited_gateways import Edit, edited_by, host_of, of_size
from tests.unit.hooks.extensions import failing, manager, working
from tests.unit.hooks.gateways import HTTP

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the daemon."""
    return "asyncio"


class World:
    """A publisher without extensions, and what came out of it."""

    def __init__(self, directory: Path, tasks: TaskGroup) -> None:
        self.files = Files(directory)
        self.published: list[HookedGateway] = []
        self.removed: list[str] = []
        self.publisher = Publisher(HookRunner((), Metrics()), self._publish, self.removed.append, lambda _: None)
        self._came = anyio.Event()
        self.tasks = tasks

    def submit(self) -> None:
        """Hand in what the files say."""
        self.publisher.submit(self.files.build().translations, self.tasks)

    async def publications(self, count: int) -> list[str]:
        """Wait for so many publications in all; return the Gateways."""
        with anyio.fail_after(10):
            while len(self.published) < count:
                await self._came.wait()
        return [hooked.gateway for hooked in self.published]

    def _publish(self, hooked: HookedGateway) -> None:
        self.published.append(hooked)
        self._came.set()
        self._came = anyio.Event()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A publisher over an empty directory."""
    async with anyio.create_task_group() as tasks:
        yield World(tmp_path, tasks)
        tasks.cancel_scope.cancel()


async def test_the_first_input_is_settled_when_each_gateway_was_published(world: World) -> None:
    """Nothing is served before; then both Gateways are."""
    world.files.write_gateway("one", 8081)
    world.files.write_gateway("two", 8082)
    world.submit()
    with anyio.fail_after(10):
        await world.publisher.settled()
    assert sorted(hooked.gateway for hooked in world.published) == ["default/one", "default/two"]


async def test_an_input_without_gateways_is_settled_at_once(world: World) -> None:
    """A daemon without Gateways is ready, too."""
    world.submit()
    with anyio.fail_after(10):
        await world.publisher.settled()
    assert world.published == []


async def test_only_the_gateway_that_changed_is_published_again(world: World) -> None:
    """Its neighbour never notices."""
    world.files.write_gateway("one", 8081)
    world.files.write_gateway("two", 8082)
    world.submit()
    await world.publications(2)
    world.files.write_gateway("two", 8083)
    world.submit()
    assert (await world.publications(3))[2:] == ["default/two"]


async def test_a_gateway_that_is_gone_is_taken_away_and_can_come_back(world: World) -> None:
    """Its task ends with it; a new one begins when it is written again."""
    world.files.write_gateway("one", 8081)
    world.submit()
    await world.publications(1)
    world.files.write("none.yaml", "# nothing is served on purpose\n")
    world.files.delete("one.yaml")
    world.submit()
    assert world.removed == ["default/one"]
    world.files.write_gateway("one", 8081)
    world.submit()
    assert await world.publications(2) == ["default/one", "default/one"]


async def test_recovery_leaves_alone_what_is_as_its_hooks_would_have_it(world: World) -> None:
    """An accepted Gateway is not computed again; a changed one after it is."""
    world.files.write_gateway("one", 8081)
    world.submit()
    await world.publications(1)
    world.publisher.recover()
    world.files.write_gateway("two", 8082)
    world.submit()
    assert await world.publications(2) == ["default/one", "default/two"]


async def test_handing_in_an_edit_costs_the_same_among_any_number_of_gateways(world: World) -> None:
    """The others are not looked at."""
    found = []
    for count in (30, 300):
        gateways = {f"shop/gw{at}": replace(of_size(1), gateway=f"shop/gw{at}") for at in range(count)}
        before = Revision(gateways)
        world.publisher.submit(before, world.tasks)
        after = before.edited({"shop/gw7": replace(gateways["shop/gw7"], class_name="other")})
        with lines_of_rooms() as counted:
            world.publisher.submit(after, world.tasks)
        found.append(counted["app"])
        await world.publications(len(world.published) + 1)
    assert found[0] == found[1] > 0


class SlowRunner(HookRunner):
    """Hooks that answer when they are told to."""

    def __init__(self) -> None:
        super().__init__((), Metrics())
        self.begun: list[GatewayTranslation] = []
        self.answer = anyio.Event()

    async def run(
        self,
        translation: GatewayTranslation,
        accepted: Accepted | None,
        epochs: Mapping[str, int] | None = None,
        nacks: tuple[Nack, ...] = (),
    ) -> HookedGateway:
        """Wait until told to go on."""
        self.begun.append(translation)
        await self.answer.wait()
        return await super().run(translation, accepted, epochs, nacks)


@pytest.mark.parametrize("pauses", range(1, 6))
async def test_a_gateway_that_changes_all_the_time_is_published(monkeypatch: pytest.MonkeyPatch, pauses: int) -> None:
    """Be it between two runs that newer input comes: once something has waited too long, the hooks get their time."""
    runner = SlowRunner()
    published: list[HookedGateway] = []
    publisher = Publisher(runner, published.append, lambda _: None, lambda _: None)
    inputs = [replace(of_size(1), class_name=str(at)) for at in range(int(PATIENCE_S) + 4)]
    async with anyio.create_task_group() as tasks:
        for now_s, translation in enumerate(inputs):
            monkeypatch.setattr("egxds.app.gateway_worker.current_time", lambda now_s=now_s: 100.0 + now_s)
            publisher.submit(Revision({translation.gateway: translation}), tasks)
            for _ in range(pauses):
                await checkpoint()
        await anyio.wait_all_tasks_blocked()
        assert len(runner.begun) <= PATIENCE_S + 1
        runner.answer.set()
        with anyio.fail_after(10):
            while not published or published[-1].class_name != inputs[-1].class_name:
                await checkpoint()
        tasks.cancel_scope.cancel()
    assert published[0].class_name != inputs[-1].class_name


class TalkingRunner(HookRunner):
    """An extension whose connection becomes new, and which answers everything when it is told to.

    Attributes:
        connections: how many there were.
        begun: what was gone through, each with the connection by which it was.
    """

    def __init__(self) -> None:
        super().__init__((), Metrics())
        self.connections = 1
        self.begun: list[tuple[str, int]] = []
        self.answer = anyio.Event()

    @property
    def epochs(self) -> Mapping[str, int]:
        """Only one extension."""
        return {"words": self.connections}

    async def run(
        self,
        translation: GatewayTranslation,
        accepted: Accepted | None,
        epochs: Mapping[str, int] | None = None,
        nacks: tuple[Nack, ...] = (),
    ) -> HookedGateway:
        """Go through an edit at once, and wait where everything is asked."""
        assert epochs is not None
        is_everything = bool(self.begun) and epochs["words"] != self.begun[0][1]
        self.begun.append((translation.class_name, epochs["words"]))
        if is_everything:
            await self.answer.wait()
        return await super().run(translation, accepted, epochs, nacks)


@asynccontextmanager
async def talking() -> AsyncIterator[tuple[TalkingRunner, Publisher, list[str], Callable[..., None]]]:
    """Run a publisher; yields its runner, itself, the classes published, and what hands in a Gateway of a class."""
    runner, published = TalkingRunner(), list[str]()
    publisher = Publisher(runner, lambda one: published.append(one.class_name), lambda _: None, lambda _: None)
    async with anyio.create_task_group() as tasks:

        def submit(class_name: str, owner: bytes = b"") -> None:
            gateway = of_size(1)
            gateway = replace(gateway, class_name=class_name, context=replace(gateway.context, owner=owner))
            publisher.submit(Revision({gateway.gateway: gateway}), tasks)

        yield runner, publisher, published, submit
        tasks.cancel_scope.cancel()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a fact."""
    with anyio.fail_after(10):
        while not is_so():
            await checkpoint()


async def test_an_edit_does_not_wait_for_everything_to_be_asked_again() -> None:
    """It goes first, by what was said before, and everything is asked behind it."""
    async with talking() as (runner, publisher, published, submit):
        submit("one")
        await until(lambda: published == ["one"])
        runner.connections = 2
        publisher.ask_again()
        await until(lambda: runner.begun == [("one", 1), ("one", 2)])
        submit("two")
        await until(lambda: published == ["one", "two"])
        await until(lambda: runner.begun == [("one", 1), ("one", 2), ("two", 1), ("two", 2)])
        runner.answer.set()
        await until(lambda: published == ["one", "two", "two"])
        submit("three")
        await until(lambda: published[3:] == ["three"])
    assert runner.begun[4:] == [("three", 2)]


async def test_edits_do_not_keep_everything_from_being_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it has waited too long, an edit waits."""
    async with talking() as (runner, publisher, published, submit):
        submit("one")
        await until(lambda: published == ["one"])
        runner.connections = 2
        publisher.ask_again()
        await until(lambda: len(runner.begun) == 2)
        late_s = anyio.current_time() + ASKING_PATIENCE_S + 1
        monkeypatch.setattr("egxds.app.gateway_worker.current_time", lambda: late_s)
        submit("two")
        await anyio.wait_all_tasks_blocked()
        assert published == ["one"]
        runner.answer.set()
        await until(lambda: published == ["one", "one", "two"])


async def test_who_asks_for_it_is_told_what_came_of_it() -> None:
    """Nothing that was not asked is told of; nobody waits for a Gateway that goes."""
    async with talking() as (runner, publisher, published, submit):
        submit("one")
        await until(lambda: published == ["one"])
        assert await publisher.asked_again() == ()
        runner.connections = 2
        runner.answer.set()
        (found,) = await publisher.asked_again()
        assert (found.gateway, found.outcome.value, found.changed) == (of_size(1).gateway, "accepted", ())
        runner.connections, runner.answer = 3, anyio.Event()
        told: list[object] = []

        async def ask() -> None:
            told.append(await publisher.asked_again())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            publisher.submit(Revision(), tasks)
        assert told == [()]


async def test_what_belongs_to_a_gateway_is_asked_about_when_that_says_something_else() -> None:
    """Behind the edit itself."""
    async with talking() as (runner, _, published, submit):
        submit("one", b"a")
        await until(lambda: published == ["one"])
        runner.answer.set()
        submit("two", b"a")
        await until(lambda: published == ["one", "two"])
        submit("three", b"b")
        await until(lambda: published == ["one", "two", "three", "three"])
    assert [epoch for _, epoch in runner.begun] == [1, 1, 1, 2]


async def test_a_gateway_that_goes_while_its_hooks_run_is_not_published() -> None:
    """What is worked out beside the event loop at that moment is thrown away."""
    with anyio.CancelScope() as scope:

        def cancelling(*_: object) -> Iterator[tuple[HookCall, ...]]:
            from_thread.run_sync(scope.cancel)
            yield from ()

        runner = HookRunner((), Metrics())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("egxds.hooks.plan.order.run", cancelling)
            await runner.run(of_size(1), None)
        pytest.fail("it went on")
    assert scope.cancelled_caught


class AwayRunner(HookRunner):
    """An extension whose answers are made up by the test.

    Attributes:
        connections: how many there were.
        answer: what comes of a call.
        asked: what it was asked about since somebody looked.
    """

    def __init__(self) -> None:
        super().__init__((manager(hooks=("VirtualHost",)),), Metrics())
        self.connections = 1
        self.answer: Callable[[HookCall], HookReply | HookFailure] = working
        self.asked: list[str] = []

    @property
    def epochs(self) -> Mapping[str, int]:
        """Only one extension."""
        return {"authz": self.connections}

    async def _ask_all(
        self, asked: ExtensionSet, calls: tuple[HookCall, ...], breaker: CircuitBreaker, refused: object
    ) -> tuple[CallResult, ...]:
        await checkpoint()
        self.asked += [call.subject for call in calls]
        answers = ((call, self.answer(call)) for call in calls)
        return tuple(check_reply(call, one) if isinstance(one, HookReply) else one for call, one in answers)

    def take_asked(self) -> list[str]:
        """Return what was asked, and begin anew."""
        found, self.asked = sorted(self.asked), []
        return found


async def test_an_extension_that_goes_while_it_is_asked_everything_closes_nothing() -> None:
    """Not what was edited by nobody; an edit is asked about alone, and the rest when the extension is back."""
    runner, outcomes = AwayRunner(), list[str]()
    publisher = Publisher(runner, lambda one: outcomes.append(one.outcome.value), lambda _: None, lambda _: None)
    before, edit = of_size(3), edited_by(of_size(3), Edit("host", HTTP, 1, 2))
    async with anyio.create_task_group() as tasks:
        publisher.submit(Revision({before.gateway: before}), tasks)
        await until(lambda: outcomes == ["accepted"])
        everything = runner.take_asked()
        runner.connections, runner.answer = 2, failing(*Hook)
        publisher.ask_again()
        await until(lambda: outcomes == ["accepted"] * 2)
        assert runner.take_asked() == everything
        publisher.submit(Revision({before.gateway: edit}), tasks)
        await until(lambda: outcomes[2:] == ["denied"])
        assert runner.take_asked() == [host_of(HTTP, 1)]
        runner.answer = working
        publisher.recover()
        await until(lambda: outcomes[3:] == ["accepted"] * 2)
        assert runner.take_asked() == everything
        publisher.recover()
        await anyio.wait_all_tasks_blocked()
        assert (len(outcomes), runner.asked) == (5, [])
        tasks.cancel_scope.cancel()


async def test_what_a_gateway_that_is_gone_came_to_is_freed_at_once(world: World) -> None:
    """The collector may have been told to leave it alone, and would never look at it again."""
    world.files.write_gateway("web", 8000)
    world.submit()
    await world.publications(1)
    worker = weakref.ref(next(iter(world.publisher._workers.values())))
    world.published.clear()
    gc.collect()
    gc.disable()
    try:
        world.files.write("none.yaml", "# nothing is served on purpose\n")
        world.files.delete("web.yaml")
        world.submit()
        await anyio.wait_all_tasks_blocked()
        assert world.removed == ["default/web"]
        assert worker() is None
    finally:
        gc.enable()
