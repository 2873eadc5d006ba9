"""Other extensions than before, while Gateways are served: who is kept, who is asked, who is let go of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio import to_thread

from egxds.errors import StartError
from egxds.hooks.policy.outcome import HookedGateway, Outcome
from egxds.hooks.run.runner import HookRunner
from egxds.settings.extensions import ExtensionManager
from egxds.telemetry import Metrics
from tests.envoy.waiting import wait_for
from tests.extension_server.handle import ExtensionHandle
from tests.unit.hooks.extensions import drive, working
from tests.unit.hooks.followers import LIMIT_S, calls, manager_of, order
from tests.unit.hooks.gateways import published, translation

pytestmark = pytest.mark.anyio


async def adopt(runner: HookRunner, *managers: ExtensionManager) -> None:
    """Go by other settings."""
    await runner.extensions.adopt(await runner.extensions.prepare(managers))
    runner.follow(managers)


@asynccontextmanager
async def watched(*managers: ExtensionManager) -> AsyncIterator[HookRunner]:
    """A runner whose extensions are looked after, as in the daemon."""
    runner = HookRunner(managers, Metrics())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.watch, lambda: None, lambda: None)
        with anyio.fail_after(LIMIT_S):
            yield runner
        tasks.cancel_scope.cancel()
    await runner.aclose()


async def go_on(runner: HookRunner, last: HookedGateway) -> HookedGateway:
    """Run as the publisher does where there are other extensions."""
    others = runner.extensions.came_after(runner.extensions.generation - 1)
    return await runner.run(translation(), last.accepted.without(others))


async def test_who_is_the_same_is_not_asked_again(extension: ExtensionHandle) -> None:
    """Whoever comes beside it, before or behind it, and goes: what is published is as of a start with these."""
    kept = manager_of(extension, name="kept", hooks=("VirtualHost", "Translation"))
    other = manager_of(extension, name="other", hooks=("HTTPListener", "Translation"))
    async with watched(kept) as runner:
        last = await runner.run(translation(), None)
        before = await calls(extension)
        for managers in ((kept, other), (other, kept), (kept,)):
            await adopt(runner, *managers)
            last = await go_on(runner, last)
            assert published(last) == published(drive(translation(), managers, working))
    after = await calls(extension)
    assert after["VirtualHost"] == before["VirtualHost"]
    assert after["HTTPListener"] > before["HTTPListener"]


@pytest.mark.parametrize("change", [{"timeout": "5s"}, {"policy": "bypass"}, {"allowEmpty": True}])
async def test_who_is_set_up_otherwise_is_asked_everything(extension: ExtensionHandle, change: dict[str, Any]) -> None:
    """It may be another server; and nothing of what it said under the old settings holds, under any epoch."""
    began = await calls(extension)
    async with watched(manager_of(extension, hooks=("VirtualHost",))) as runner:
        last = await runner.run(translation(), None)
        before, epochs = await calls(extension), runner.epochs
        await adopt(runner, manager_of(extension, hooks=("VirtualHost",), **change))
        assert runner.epochs["authz"] > epochs["authz"]
        await go_on(runner, last)
    asked = before["VirtualHost"] - began["VirtualHost"]
    assert asked > 0
    assert (await calls(extension))["VirtualHost"] == before["VirtualHost"] + asked


async def test_a_run_that_goes_on_ends_as_it_began(extension: ExtensionHandle) -> None:
    """It asks whom it was to ask, who is let go of behind it; nothing fails by that, and the next run asks nobody."""
    settings = manager_of(extension, hooks=("VirtualHost", "HTTPListener"), timeout="20s")
    await order(extension, "slow", ms=500, hook="VirtualHost")
    ended: list[HookedGateway] = []
    began = await calls(extension)
    async with watched(settings) as runner:

        async def run() -> None:
            ended.append(await runner.run(translation(), None))

        async with anyio.create_task_group() as runs:
            runs.start_soon(run)
            await to_thread.run_sync(wait_for, lambda: extension.calls() != began, "a call that is under way")
            await adopt(runner)
        (last,) = ended
        assert last.outcome is Outcome.ACCEPTED
        assert published(await go_on(runner, last)) == published(drive(translation(), (), working))
        assert runner.states() == ()
    assert (await calls(extension))["HTTPListener"] > began["HTTPListener"]


async def test_one_that_cannot_be_started_changes_nothing(extension: ExtensionHandle) -> None:
    """Nor does what stands beside it in the same file."""
    settings = manager_of(extension, hooks=("VirtualHost",))
    runner = HookRunner((settings,), Metrics())
    before = await runner.run(translation(), None)
    missing = ExtensionManager.model_validate(
        {"name": "a", "service": {"python": "nowhere:it"}, "hooks": {"xdsTranslator": {"post": ["Route"]}}}
    )
    with pytest.raises(StartError, match="nowhere"):
        await runner.extensions.prepare((missing, settings))
    assert [report.manager for report in runner.states()] == ["authz"]
    assert published(await runner.run(translation(), before.accepted)) == published(before)
    await runner.aclose()
