"""Whole runs and recoveries against a real extension server. Facts are waited for; no time is asserted."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio import to_thread
from structlog.testing import capture_logs

from egxds.hooks.health.recovery import PROBE_INTERVAL_S
from egxds.hooks.health.reports import HookReport, HookState
from egxds.hooks.policy.outcome import Accepted, HookedGateway, Outcome
from egxds.hooks.run.batch import PARALLEL_CALLS
from egxds.hooks.run.extension import MAX_PENDING_PROBES
from egxds.hooks.run.runner import HookRunner
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager, Hook
from egxds.telemetry import Metrics
from tests.extension_server.handle import ExtensionHandle
from tests.unit.hooks.extensions import drive, manager, working
from tests.unit.hooks.gateways import (
    CLUSTER,
    HOST_A,
    HTTP,
    HTTPS,
    published,
    see,
    translation,
    with_more_hosts,
)

pytestmark = pytest.mark.anyio

OTHER_KIND = {"group": "example.io", "version": "v1", "kind": "OtherFilter"}
LIMIT_S = 30.0
"""How long a fact may take to come about before a test gives up."""


def manager_of(extension: ExtensionHandle, attempts: int = 2, **settings: Any) -> ExtensionManager:
    """Make the settings of an extension that is given up on quickly."""
    quick = {"retry": {"maxAttempts": attempts, "initialBackoff": "1ms"}}
    return manager(service=extension.service | quick, **({"timeout": "400ms"} | settings))


async def calls(extension: ExtensionHandle) -> dict[str, int]:
    """Ask the server how often it was called."""
    return await to_thread.run_sync(extension.calls)


async def cancelled(extension: ExtensionHandle) -> int:
    """Ask the server how many VirtualHost calls were given up."""
    return (await to_thread.run_sync(extension.cancelled))["VirtualHost"]


async def order(extension: ExtensionHandle, mode: str, **details: Any) -> None:
    """Set the mode of the server without holding up the event loop."""
    await to_thread.run_sync(lambda: extension.set_mode(mode, **details))


def is_accepted(hooked: HookedGateway) -> bool:
    """Say whether every hook accepted."""
    return hooked.outcome is Outcome.ACCEPTED


def is_not_accepted(hooked: HookedGateway) -> bool:
    """Say whether a hook failed."""
    return not is_accepted(hooked)


class Follower:
    """Publishes one Gateway as the daemon does: a recovery starts its run over, cutting short the one under way."""

    def __init__(self, runner: HookRunner, gateway: GatewayTranslation) -> None:
        self._runner = runner
        self._gateway = gateway
        self._accepted: Accepted | None = None
        self._again = anyio.Event()
        self._scope = anyio.CancelScope()
        self._published: list[HookedGateway] = []
        self._news = anyio.Event()

    async def until(self, is_so: Callable[[HookedGateway], bool]) -> HookedGateway:
        """Wait for a publication of which something is so."""
        with anyio.fail_after(LIMIT_S):
            while not (self._published and is_so(self._published[-1])):
                self._news = anyio.Event()
                await self._news.wait()
        return self._published[-1]

    def recover(self) -> None:
        self._again.set()
        self._scope.cancel()

    async def follow(self) -> None:
        while True:
            self._again = anyio.Event()
            with anyio.CancelScope() as self._scope:
                hooked = await self._runner.run(self._gateway, self._accepted)
                self._accepted = hooked.accepted
                self._published.append(hooked)
                self._news.set()
            await self._again.wait()


@asynccontextmanager
async def following(
    settings: ExtensionManager, gateway: GatewayTranslation
) -> AsyncIterator[tuple[Follower, HookRunner]]:
    """Run and watch until the block is left."""
    runner = HookRunner((settings,), Metrics())
    follower = Follower(runner, gateway)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.watch, follower.recover)
        tasks.start_soon(follower.follow)
        yield follower, runner
        tasks.cancel_scope.cancel()
    await runner.aclose()


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


async def test_a_gateway_that_is_gone_is_not_waited_for(extension: ExtensionHandle) -> None:
    """No probe outlives the Gateway that needed it."""
    runner = HookRunner((manager_of(extension),), Metrics())
    await order(extension, "internal")
    hooked = await runner.run(translation(), None)
    assert any(report.next_retry_s for report in runner.states())
    runner.forget(hooked.gateway)
    assert not any(report.next_retry_s for report in runner.states())
    await runner.aclose()


async def test_each_hook_says_how_it_is_doing(extension: ExtensionHandle) -> None:
    """Healthy, failing, and never called are told apart, with counts and the last error."""
    runner = HookRunner((manager_of(extension, policy="hold"),), Metrics())
    assert {report.state for report in runner.states()} == {HookState.NEVER_CALLED}
    await order(extension, "internal", hook="VirtualHost")
    await runner.run(translation(), None)
    by_hook = {report.hook: report for report in runner.states()}
    healthy = dict.fromkeys(Hook, HookState.HEALTHY)
    states = {hook: report.state for hook, report in by_hook.items()}
    assert states == healthy | {Hook.VIRTUAL_HOST: HookState.FAILING}
    failing: HookReport = by_hook[Hook.VIRTUAL_HOST]
    assert (failing.manager, failing.policy, failing.calls, failing.failures) == ("authz", "hold", 3, {"status": 3})
    assert (failing.consecutive_failures, failing.last_success_s) == (3, None)
    assert failing.last_error == "INTERNAL: told to be internal"
    assert failing.next_retry_s is not None
    await runner.aclose()


async def test_calls_are_counted(extension: ExtensionHandle) -> None:
    """The metrics tell results apart, replies from memory included."""
    metrics = Metrics()
    runner = HookRunner((manager_of(extension, hooks=("VirtualHost", "HTTPListener")),), metrics)
    await order(extension, "internal", hook="HTTPListener")
    for _ in range(2):
        await runner.run(translation(), None)
    await runner.aclose()

    def count(hook: str, result: str) -> float | None:
        labels = {"manager": "authz", "hook": hook, "result": result}
        return metrics.registry.get_sample_value("egxds_hook_calls_total", labels)

    assert (count("VirtualHost", "ok"), count("VirtualHost", "cached"), count("HTTPListener", "status")) == (3, 3, 4)
    sizes = {"manager": "authz", "hook": "VirtualHost", "direction": "reply"}
    assert metrics.registry.get_sample_value("egxds_hook_message_bytes_count", sizes) == 3
    denied = {"manager": "authz", "hook": "HTTPListener", "policy": "deny"}
    assert metrics.registry.get_sample_value("egxds_hook_generations_total", denied) == 2


async def test_a_failure_is_logged_once_and_so_is_the_recovery(extension: ExtensionHandle) -> None:
    """What is said again and again is said for debugging only."""
    runner = HookRunner((manager_of(extension, hooks=("VirtualHost",)),), Metrics())
    with capture_logs() as lines:
        await order(extension, "internal")
        for _ in range(3):
            await runner.run(translation(), None)
        await order(extension, "ok")
        await runner.run(translation(), None)
    await runner.aclose()
    said = [(line["event"], line["log_level"]) for line in lines if line["log_level"] != "debug"]
    assert said == [("hook.failed", "warning"), ("hook.recovered", "info")]
    assert lines[0] == {
        "event": "hook.failed",
        "log_level": "warning",
        "gateway": "shop/gw",
        "manager": "authz",
        "hook": "VirtualHost",
        "subject": HOST_A,
        "failures": 3,
        "reason": "status",
        "error": "INTERNAL: told to be internal",
        "policy": "deny",
    }


async def test_a_hold_that_began_before_a_restart_ends_in_time() -> None:
    """The runs since then have changed nothing about it: it is still the same hold."""
    runner = HookRunner((manager(policy="hold", holdFor="50ms"),), Metrics())
    ended = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.watch, ended.set)
        await anyio.wait_all_tasks_blocked()
        runner.resume("shop/gw", {"authz": time.time()})
        with anyio.fail_after(LIMIT_S):
            await ended.wait()
        tasks.cancel_scope.cancel()
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
