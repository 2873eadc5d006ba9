"""Whole runs against a real extension server: what is asked, and what is not. No time is asserted."""

from __future__ import annotations

import anyio
import pytest

from egxds.hooks.health.reports import HookState
from egxds.hooks.policy.outcome import Outcome
from egxds.hooks.run.batch import PARALLEL_CALLS
from egxds.hooks.run.runner import HookRunner
from egxds.settings.extensions import Hook
from egxds.telemetry import Metrics
from tests.extension_server.handle import ExtensionHandle
from tests.unit.hooks.extensions import drive, working
from tests.unit.hooks.followers import (
    LIMIT_S,
    calls,
    cancelled,
    manager_of,
    order,
)
from tests.unit.hooks.gateways import (
    CLUSTER,
    HTTP,
    HTTPS,
    published,
    see,
    translation,
    with_more_hosts,
)

pytestmark = pytest.mark.anyio

OTHER_KIND = {"group": "example.io", "version": "v1", "kind": "OtherFilter"}


async def test_a_run_publishes_what_the_extension_makes(extension: ExtensionHandle) -> None:
    """The whole way through a real server ends in the same bytes as without one."""
    runner = HookRunner((manager_of(extension),), Metrics())
    hooked = await runner.run(translation(), None)
    await runner.aclose()
    assert published(hooked) == published(drive(translation(), (manager_of(extension),), working))


async def test_an_identical_request_is_not_made_again(extension: ExtensionHandle) -> None:
    """Only what changed is called for; the whole changes with every part."""
    runner = HookRunner((manager_of(extension),), Metrics())
    first = await runner.run(translation(), None)
    before = await calls(extension)
    assert published(await runner.run(translation(), first.accepted)) == published(first)
    assert await calls(extension) == before
    await runner.run(with_more_hosts(1), first.accepted)
    assert await calls(extension) == before | {
        "VirtualHost": before["VirtualHost"] + 1,
        "Translation": before["Translation"] + 1,
    }
    await runner.aclose()


async def test_what_was_said_does_not_outlive_its_connection(extension: ExtensionHandle) -> None:
    """A server that was started anew may have other rules: it is asked about everything, by the very next run."""
    runner = HookRunner((manager_of(extension, hooks=("VirtualHost",)),), Metrics())
    await runner.run(translation(), None)
    await order(extension, "refuse")
    await order(extension, "ok")
    before = await calls(extension)
    await runner.run(translation(), None)
    await runner.run(translation(), None)
    assert (await calls(extension))["VirtualHost"] == before["VirtualHost"] + 3
    await runner.aclose()


async def test_a_reply_holds_until_its_input_changes(extension: ExtensionHandle) -> None:
    """Whatever `cacheTTL` says, which is about replies that are not in use; until it is to be forgotten (SIGHUP)."""
    settings = manager_of(extension, hooks=("VirtualHost",), cacheTTL="0s")
    runner = HookRunner((settings,), Metrics())
    gateway = translation()
    first = await runner.run(gateway, None)
    before = (await calls(extension))["VirtualHost"]
    second = await runner.run(with_more_hosts(1), first.accepted)
    third = await runner.run(with_more_hosts(1), second.accepted)
    assert (await calls(extension))["VirtualHost"] == before + 1
    runner.forget_replies()
    await runner.run(with_more_hosts(1), third.accepted)
    assert (await calls(extension))["VirtualHost"] == before + 1 + 4
    await runner.aclose()


async def test_without_a_cache_every_request_is_made(extension: ExtensionHandle) -> None:
    """A cacheTTL of 0 turns the memory of what is not in use off."""
    runner = HookRunner((manager_of(extension, cacheTTL="0s"),), Metrics())
    before = await calls(extension)
    for _ in range(2):
        await runner.run(translation(), None)
    assert {hook: count - before[hook] for hook, count in (await calls(extension)).items()} == {
        "Route": 2,
        "Endpoints": 2,
        "Cluster": 2,
        "VirtualHost": 6,
        "HTTPListener": 4,
        "Translation": 2,
    }
    await runner.aclose()


async def test_a_hook_without_anything_to_ask_about_is_not_called(extension: ExtensionHandle) -> None:
    """Without the extension's own objects there is no Route call."""
    runner = HookRunner((manager_of(extension, hooks=("Route",), resources=[OTHER_KIND]),), Metrics())
    before = await calls(extension)
    assert (await runner.run(translation(), None)).outcome is Outcome.ACCEPTED
    assert await calls(extension) == before
    await runner.aclose()


async def test_failures_are_not_remembered(extension: ExtensionHandle) -> None:
    """What failed is asked again at once."""
    runner = HookRunner((manager_of(extension),), Metrics())
    await order(extension, "internal")
    assert (await runner.run(translation(), None)).outcome is Outcome.DENIED
    await order(extension, "ok")
    assert (await runner.run(translation(), None)).outcome is Outcome.ACCEPTED
    await runner.aclose()


@pytest.mark.parametrize("mode", ["hang", "unavailable"])
async def test_a_dead_extension_is_given_up_after_the_first_calls(extension: ExtensionHandle, mode: str) -> None:
    """Neither the rest of a batch nor the hooks that follow wait for a deadline of their own."""
    runner = HookRunner((manager_of(extension, attempts=1),), Metrics())
    await order(extension, mode)
    before = await calls(extension)
    hooked = await runner.run(with_more_hosts(5 * PARALLEL_CALLS), None)
    made = {hook: count - before[hook] for hook, count in (await calls(extension)).items()}
    assert made == {hook.value: int(hook is Hook.ROUTE) for hook in Hook}
    assert {problem.hook for problem in hooked.failures} == set(Hook)
    assert see(hooked).answer(HTTP, "*") == see(hooked).answer(HTTPS, "*") == {"500"}
    await runner.aclose()


async def test_a_batch_is_given_up_when_nothing_of_it_is_answered(extension: ExtensionHandle) -> None:
    """No more calls are made than run side by side."""
    runner = HookRunner((manager_of(extension, hooks=("VirtualHost",)),), Metrics())
    await order(extension, "hang")
    before = await calls(extension)
    await runner.run(with_more_hosts(5 * PARALLEL_CALLS), None)
    assert (await calls(extension))["VirtualHost"] - before["VirtualHost"] <= PARALLEL_CALLS
    await runner.aclose()


async def test_an_object_that_is_refused_stops_nothing_else(extension: ExtensionHandle) -> None:
    """A hook that fails alone denies alone, and the other hooks are called."""
    runner = HookRunner((manager_of(extension),), Metrics())
    await order(extension, "internal", hook="Route")
    hooked = await runner.run(translation(), None)
    assert [problem.hook for problem in hooked.failures] == [Hook.ROUTE]
    assert see(hooked).answer(HTTP, "a.example") == {"500", CLUSTER}
    await runner.aclose()


async def test_a_run_can_be_cancelled(extension: ExtensionHandle) -> None:
    """A superseded run decides nothing, and the extension hears of it."""
    runner = HookRunner((manager_of(extension, hooks=("VirtualHost",), timeout="60s"),), Metrics())
    await order(extension, "hang")
    asked, ended = (await calls(extension))["VirtualHost"], await cancelled(extension)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run, translation(), None)
        while (await calls(extension))["VirtualHost"] < asked + 3:  # noqa: ASYNC110 it is another process
            await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    with anyio.fail_after(LIMIT_S):
        while await cancelled(extension) < ended + 3:  # noqa: ASYNC110 it is another process
            await anyio.sleep(0.01)
    assert HookState.FAILING not in {report.state for report in runner.states()}
    await runner.aclose()
