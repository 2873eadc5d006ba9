"""Every Gateway is published by a task of its own, and those that are gone are taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio import from_thread
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from egxds.app.publisher import PATIENCE_S, Publisher
from egxds.hooks.calls import HookCall
from egxds.hooks.policy.outcome import Accepted, HookedGateway
from egxds.hooks.run.runner import HookRunner
from egxds.incremental.revision import Revision
from egxds.resources.translation import GatewayTranslation
from egxds.telemetry import Metrics
from tests.lines_of_rooms import lines_of_rooms
from tests.unit.app.files import Files
from tests.unit.hooks.edited_gateways import of_size

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
        self, translation: GatewayTranslation, accepted: Accepted | None, epochs: Mapping[str, int] | None = None
    ) -> HookedGateway:
        """Wait until told to go on."""
        self.begun.append(translation)
        await self.answer.wait()
        return await super().run(translation, accepted, epochs)


@pytest.mark.parametrize("pauses", range(1, 6))
async def test_a_gateway_that_changes_all_the_time_is_published(monkeypatch: pytest.MonkeyPatch, pauses: int) -> None:
    """Be it between two runs that newer input comes: once something has waited too long, the hooks get their time."""
    runner = SlowRunner()
    published: list[HookedGateway] = []
    publisher = Publisher(runner, published.append, lambda _: None, lambda _: None)
    inputs = [replace(of_size(1), class_name=str(at)) for at in range(int(PATIENCE_S) + 4)]
    async with anyio.create_task_group() as tasks:
        for now_s, translation in enumerate(inputs):
            monkeypatch.setattr("egxds.app.publisher.current_time", lambda now_s=now_s: 100.0 + now_s)
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
