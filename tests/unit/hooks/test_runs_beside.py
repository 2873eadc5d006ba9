"""Two inputs that are taken through the same extensions beside each other: each goes its own ways."""

from __future__ import annotations

import time

import anyio
import pytest

from egxds.hooks.run.runner import HookRunner
from egxds.telemetry import Metrics
from tests.extension_server.handle import ExtensionHandle
from tests.unit.hooks.extensions import manager
from tests.unit.hooks.followers import LIMIT_S, calls, manager_of, order
from tests.unit.hooks.gateways import published, translation, with_more_hosts

pytestmark = pytest.mark.anyio


async def test_the_other_input_is_asked_about_where_it_is_other(extension: ExtensionHandle) -> None:
    """It goes on from what was accepted of the one in force, as an edit of that would."""
    runner = HookRunner((manager_of(extension),), Metrics())
    in_force = await runner.run(translation(), None)
    before = await calls(extension)
    with runner.runs_beside("candidate", lambda _: None) as runs:
        assert published(await runs.run(translation(), in_force.accepted)) == published(in_force)
        assert await calls(extension) == before
        await runs.run(with_more_hosts(1), in_force.accepted)
    asked = await calls(extension)
    assert asked == before | {"VirtualHost": before["VirtualHost"] + 1, "Translation": before["Translation"] + 1}
    await runner.aclose()


async def test_a_failure_of_the_other_is_none_of_what_is_in_force(extension: ExtensionHandle) -> None:
    """Nor is it waited for any more once the other has gone."""
    runner = HookRunner((manager_of(extension),), Metrics())
    in_force = await runner.run(translation(), None)
    await order(extension, "internal")
    with runner.runs_beside("candidate", lambda _: None) as runs:
        await runs.run(with_more_hosts(1), in_force.accepted)
        assert runs.failing_gateways() == [in_force.gateway]
        assert runner.failing_gateways() == []
        await runner.run(translation(), in_force.accepted)
        assert any(report.next_retry_s for report in runner.states())
    assert not any(report.next_retry_s for report in runner.states())
    assert runner.failing == ()
    await runner.aclose()


async def test_other_settings_hold_for_both() -> None:
    """What is held by the old ones is looked at by the new ones."""
    before, now = manager(policy="hold", holdFor="1h"), manager(policy="hold", holdFor="50ms")
    runner = HookRunner((before,), Metrics())
    ended = anyio.Event()
    with runner.runs_beside("candidate", lambda _: None) as runs:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runs.watch_holds, ended.set)
            runs.resume("shop/gw", {"authz": time.time()})
            await runner.extensions.adopt(await runner.extensions.prepare((now,)))
            assert runner.follow((now,))
            with anyio.fail_after(LIMIT_S):
                await ended.wait()
            tasks.cancel_scope.cancel()
    await runner.aclose()
