"""Recoveries with a real extension server. Facts are waited for; no time is asserted."""

from __future__ import annotations

import time
from typing import Any

import anyio
import pytest
from anyio import to_thread

from egxds.hooks.health.recovery import PROBE_INTERVAL_S
from egxds.hooks.health.reports import HookState
from egxds.hooks.run.extension import MAX_PENDING_PROBES
from egxds.hooks.run.runner import HookRunner
from egxds.settings.extensions import Hook
from egxds.telemetry import Metrics
from tests.extension_server.handle import ExtensionHandle
from tests.unit.hooks.extensions import drive, manager, working
from tests.unit.hooks.followers import (
    LIMIT_S,
    calls,
    following,
    is_accepted,
    is_not_accepted,
    manager_of,
    order,
)
from tests.unit.hooks.gateways import (
    published,
    translation,
)

pytestmark = pytest.mark.anyio


FAILURES = [
    pytest.param("unavailable", {}, id="unavailable"),
    pytest.param("internal", {}, id="internal"),
    pytest.param("hang", {}, id="hang"),
    pytest.param("garbage", {}, id="garbage"),
    pytest.param("oversize", {"size": 33 * 2**20}, id="oversize"),
    pytest.param("slow", {"ms": 60_000}, id="slow"),
    pytest.param("refuse", {}, id="refuse"),
    pytest.param("wrong-name", {"hook": "VirtualHost"}, id="wrong-name"),
    pytest.param("empty", {"hook": "Translation"}, id="empty"),
]


@pytest.mark.parametrize(("mode", "details"), FAILURES)
@pytest.mark.parametrize("policy", ["deny", "hold", "bypass"])
async def test_everything_is_recomputed_when_the_extension_is_back(
    extension: ExtensionHandle, mode: str, details: dict[str, Any], policy: str
) -> None:
    """However it failed, and with no input changed, the state becomes what it would have been."""
    await order(extension, mode, **details)
    settings = manager_of(extension, policy=policy)
    async with following(settings, translation()) as (follower, runner):
        await follower.until(is_not_accepted)
        assert HookState.FAILING in {report.state for report in runner.states()}
        await order(extension, "ok")
        assert published(await follower.until(is_accepted)) == published(drive(translation(), (settings,), working))
        assert {report.state for report in runner.states()} == {HookState.HEALTHY}


async def test_everything_is_recomputed_after_the_death_of_the_extension(extension: ExtensionHandle) -> None:
    """A new process on the same address is found."""
    await order(extension, "die-mid-call")
    async with following(manager_of(extension), translation()) as (follower, _):
        await follower.until(is_not_accepted)
        await to_thread.run_sync(extension.wait_dead)
        await to_thread.run_sync(extension.launch)
        await follower.until(is_accepted)


async def test_an_extension_that_answers_slowly_but_in_time_recovers(extension: ExtensionHandle) -> None:
    """Of probes that overlap the oldest is left to finish."""
    await order(extension, "refuse")
    settings = manager_of(extension, timeout="20s", hooks=("Translation",))
    async with following(settings, translation()) as (follower, _):
        await follower.until(is_not_accepted)
        await order(extension, "slow", ms=int(1000 * PROBE_INTERVAL_S * (MAX_PENDING_PROBES + 2)))
        await follower.until(is_accepted)


async def test_a_refused_call_is_repeated_and_no_other(extension: ExtensionHandle) -> None:
    """An extension that refuses one object is not asked about the others again."""
    await order(extension, "internal", hook="Route")
    async with following(manager_of(extension, cacheTTL="0s"), translation()) as (follower, _):
        await follower.until(is_not_accepted)
        before = await calls(extension)
        after = before
        while after["Route"] < before["Route"] + 3:
            await anyio.sleep(0.05)
            after = await calls(extension)
        assert after == before | {"Route": after["Route"]}


async def test_another_refused_object_is_found_to_be_accepted_by_now(extension: ExtensionHandle) -> None:
    """The object that is not probed comes back too, while the probed one stays refused."""
    await order(extension, "internal", hook="Route")
    await order(extension, "internal", hook="HTTPListener")
    async with following(manager_of(extension), translation()) as (follower, _):
        await follower.until(is_not_accepted)
        await order(extension, "ok", hook="Route")
        await follower.until(lambda hooked: {problem.hook for problem in hooked.failures} == {Hook.HTTP_LISTENER})


async def test_what_cannot_be_asked_again_is_asked_when_the_extension_is_back(extension: ExtensionHandle) -> None:
    """Meanwhile it stays as it was accepted, and everybody is told that the hook fails."""
    async with following(manager_of(extension, hooks=("VirtualHost",)), translation()) as (follower, runner):
        first = await follower.until(is_accepted)
        await order(extension, "internal")
        runner.forget_replies()
        follower.recover()
        hooked = await follower.until(lambda hooked: bool(hooked.late))
        (report,) = runner.states()
        assert (report.state, report.failed_count) == (HookState.FAILING, len(hooked.late))
        assert {each.policy for each in report.failed} == {"keep"}
        assert (is_accepted(hooked), published(hooked)) == (True, published(first))
        await order(extension, "ok")
        await follower.until(lambda hooked: not hooked.late)
        (report,) = runner.states()
        assert (report.state, report.failed) == (HookState.HEALTHY, ())


async def test_a_gateway_that_is_gone_is_not_waited_for(extension: ExtensionHandle) -> None:
    """No probe outlives the Gateway that needed it."""
    runner = HookRunner((manager_of(extension),), Metrics())
    await order(extension, "internal")
    hooked = await runner.run(translation(), None)
    assert any(report.next_retry_s for report in runner.states())
    runner.forget(hooked.gateway)
    assert not any(report.next_retry_s for report in runner.states())
    await runner.aclose()


async def test_a_hold_that_began_before_a_restart_ends_in_time() -> None:
    """The runs since then have changed nothing about it: it is still the same hold."""
    runner = HookRunner((manager(policy="hold", holdFor="50ms"),), Metrics())
    ended = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.watch, ended.set, lambda: None)
        await anyio.wait_all_tasks_blocked()
        runner.resume("shop/gw", {"authz": time.time()})
        with anyio.fail_after(LIMIT_S):
            await ended.wait()
        tasks.cancel_scope.cancel()
    await runner.aclose()
