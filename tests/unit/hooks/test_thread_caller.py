"""Hooks as Python functions on threads: what they are given, what comes of them, and that none holds up anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import pytest
from envoy.config.route.v3 import route_components_pb2

from egxds.errors import FailureReason
from egxds.extension import Route
from egxds.extension.forms import FORMS
from egxds.extension.worker_pool import MAX_THREADS
from egxds.generated.envoygateway.extension import PostRouteModifyRequest
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.health.reports import HookState
from egxds.hooks.policy.outcome import Outcome
from egxds.hooks.replies.check import Unchanged, check_reply
from egxds.hooks.run.runner import HookRunner
from egxds.settings.extensions import ExtensionManager, Hook
from egxds.telemetry import Metrics
from tests.unit.hooks.extensions import drive, manager, unchanged, working
from tests.unit.hooks.gateways import published, see, translation
from tests.unit.hooks.thread_code import CALLS, ECHO, LIMIT_S, Code, failed

pytestmark = pytest.mark.anyio


def threads(code: Code) -> int:
    """Count the threads that the module's hooks run on."""
    return sum(thread.name == f"hooks of extension {code.name}" for thread in threading.enumerate())


async def until_threads(code: Code, left: int) -> None:
    """Wait until no more of these threads are left."""
    with anyio.fail_after(LIMIT_S):
        while threads(code) > left:  # noqa: ASYNC110 threads have no event
            await anyio.sleep(0.01)


def route_call(at: int) -> HookCall:
    """Return one of many calls of the Route hook."""
    request = PostRouteModifyRequest(route=Route(name=f"route {at}").SerializeToString())
    return replace(CALLS[Hook.ROUTE], request=bytes(request))


@pytest.mark.parametrize("hook", CALLS)
async def test_what_is_returned_is_what_is_used(code: Code, hook: Hook) -> None:
    """A function that returns what it was given changes nothing, as an extension server that does so."""
    async with code.caller(ECHO) as caller:
        reply = await caller.call(CALLS[hook])
    assert isinstance(reply, HookReply)
    assert not isinstance(check_reply(CALLS[hook], reply), HookFailure)
    settings = manager(hooks=(hook.value,))
    hooked = drive(translation(), (settings,), lambda call: reply if call == CALLS[hook] else unchanged(call))
    assert see(hooked).answers == see(drive(translation(), (), unchanged)).answers


@pytest.mark.parametrize("hook", CALLS)
async def test_none_changes_nothing(code: Code, hook: Hook) -> None:
    """What a function leaves as it was stays so."""
    silent = "\n".join(f"    async def {form.function}(self, *_): pass" for form in FORMS.values())
    async with code.caller(f"class Mine:\n{silent}") as caller:
        reply = await caller.call(CALLS[hook])
    assert isinstance(reply, HookReply)
    result = check_reply(CALLS[hook], reply)
    assert isinstance(result, Unchanged) or hook is Hook.TRANSLATION
    assert not isinstance(result, HookFailure)


async def test_a_route_comes_with_what_it_came_from(code: Code) -> None:
    """The context has the hostnames and the extension's own objects, as their YAML has them."""
    body = """
    class Mine:
        async def route(self, route, context):
            names = [item["metadata"]["name"] for item in context.resources]
            header = route.response_headers_to_add.add().header
            header.key, header.value = "x-seen", f"{context.hostnames} {names} {route.match.prefix}"
            return route
    """
    async with code.caller(body) as caller:
        reply = await caller.call(CALLS[Hook.ROUTE])
    assert isinstance(reply, HookReply)
    (header,) = edited_route(reply).response_headers_to_add
    assert header.header.value == "('a.example',) ['cart-filter'] //0/a_example"


def edited_route(reply: HookReply) -> Any:
    """Read the route of a reply."""
    body = check_reply(CALLS[Hook.ROUTE], reply)
    return route_components_pb2.Route.FromString(body.body)  # type: ignore[union-attr]


async def test_a_run_ends_as_with_a_server(code: Code) -> None:
    """The whole way through functions that do what a server does ends in the same bytes, counters included."""
    body = """
    class Mine:
        async def virtual_host(self, host, context):
            header = host.response_headers_to_add.add(append_action="OVERWRITE_IF_EXISTS_OR_ADD").header
            header.key, header.value = "x-ext-vhost", "1"
            return host
    """
    settings = code.manager(body, hooks=("VirtualHost",), timeout="20s")
    metrics = Metrics()
    runner = HookRunner((settings,), metrics, code.directory)
    await runner.start()
    first = await runner.run(translation(), None)
    await runner.run(translation(), None)
    await runner.aclose()
    assert published(first) == published(drive(translation(), (manager(code.name, hooks=("VirtualHost",)),), working))
    counts = {result: calls(metrics, code.name, result) for result in ("ok", "cached")}
    assert counts == {"ok": 3, "cached": 3}


def calls(metrics: Metrics, manager: str, result: str) -> float | None:
    """Return how many VirtualHost calls of an extension had a result."""
    labels = {"manager": manager, "hook": "VirtualHost", "result": result}
    return metrics.registry.get_sample_value("egxds_hook_calls_total", labels)


@pytest.mark.parametrize(
    ("body", "reason", "said"),
    [
        pytest.param(
            "from egxds.extension import Refuse; raise Refuse('not for sale')",
            FailureReason.REFUSED,
            "refused: not for sale",
            id="refuses",
        ),
        pytest.param("raise KeyError('x')", FailureReason.STATUS, "UNKNOWN: raised KeyError: 'x' (", id="raises"),
        pytest.param("raise SystemExit(3)", FailureReason.STATUS, "UNKNOWN: raised SystemExit: 3 (", id="exits"),
        pytest.param("import asyncio; raise asyncio.CancelledError", FailureReason.STATUS, "Cancelled", id="cancels"),
        pytest.param(
            "return 'x'", FailureReason.INVALID, "route returned a value of type str and not Route", id="text"
        ),
        pytest.param(
            "return VirtualHost()", FailureReason.INVALID, "type VirtualHost and not Route or None", id="type"
        ),
        pytest.param(
            "await __import__('asyncio').sleep(60)", FailureReason.DEADLINE, "no reply within 0.2 s", id="waits"
        ),
    ],
)
async def test_every_failure_has_its_reason(code: Code, body: str, reason: FailureReason, said: str) -> None:
    """What goes wrong is told, with the line, and the next call finds everything as it was."""
    module = f"""
    class Mine:
        failing = True
        async def route(self, route, context):
            if not self.failing:
                return route
            self.failing = False
            {body}
    """
    async with code.caller(module, timeout="200ms" if reason is FailureReason.DEADLINE else "20s") as caller:
        outcome = failed(await caller.call(CALLS[Hook.ROUTE]))
        assert (outcome.reason, said in outcome.message) == (reason, True), outcome
        assert isinstance(await caller.call(CALLS[Hook.ROUTE]), HookReply)
        assert threads(code) == 1


@pytest.mark.parametrize(
    "result", ["Resources(clusters=[Listener()])", "Resources(routes=['x'])", "[]"], ids=["mixed up", "text", "a list"]
)
async def test_a_translation_of_the_wrong_type_is_invalid(code: Code, result: str) -> None:
    """The message says which list it is in."""
    body = f"class Mine:\n    async def translation(self, *_): return {result}"
    async with code.caller(body) as caller:
        outcome = failed(await caller.call(CALLS[Hook.TRANSLATION]))
    assert (outcome.reason, "translation" in outcome.message) == (FailureReason.INVALID, True), outcome


BLOCKING = """
from pathlib import Path

class Mine:
    asked = 0
    async def route(self, route, context):
        Mine.asked += 1
        while not Path({gate!r}).exists():
            time.sleep(0.01)
        return route
"""


async def test_a_function_that_blocks_holds_up_nothing(code: Code, tmp_path: Path) -> None:
    """Its deadline holds, the event loop turns, the next calls have other threads, and all of it ends some time."""
    gate = tmp_path / "gate"
    async with code.caller(BLOCKING.format(gate=str(gate)), timeout="200ms") as caller:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await anyio.lowlevel.checkpoint()
                turns += 1

        # In the loop, or in the sleep within.
        place = rf"{re.escape(str(code.directory / code.name))}\.py:1[12] in route"
        all_blocked = f"every thread for hooks is blocked at {place}"

        async def block(at: int) -> None:
            outcome = failed(await caller.call(route_call(at)))
            assert re.fullmatch(rf"no reply within 0\.2 s; it (blocks its thread|is busy) at {place}", outcome.message)

        async with anyio.create_task_group() as turning:
            turning.start_soon(turn)
            async with anyio.create_task_group() as tasks:
                for at in range(MAX_THREADS):
                    tasks.start_soon(block, at)
            turning.cancel_scope.cancel()
        assert turns > MAX_THREADS
        # Of a machine that is busy some calls have ended before a thread took them.
        others = map(route_call, count(MAX_THREADS))
        with anyio.fail_after(LIMIT_S):
            while not re.match(all_blocked, failed(await caller.call(next(others))).message):
                pass
        said = failed(await caller.call(route_call(0))).message
        assert re.fullmatch(f"an identical call has not returned; it is at {place}", said)
        assert threads(code) == MAX_THREADS

        gate.touch()
        with anyio.fail_after(LIMIT_S):
            while not isinstance(await caller.call(CALLS[Hook.ROUTE]), HookReply):  # noqa: ASYNC110 as below
                await anyio.sleep(0.01)
        await until_threads(code, 1)
    await until_threads(code, 0)


CROWDED_OUT = """
import os, threading

class Mine:
    ended = []
    async def route(self, route, context):
        if route.name == "route 0":
            os.sched_setaffinity(0, {{{cpu}}})
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
            end = time.thread_time() + 0.02
            while time.thread_time() < end:
                pass
        Mine.ended.append(route.name)
        route.name = " then ".join(Mine.ended)
        return route
"""


@contextmanager
def crowded(cpu: int) -> Iterator[None]:
    """Have another process take all that there is of a processor."""
    busy = f"import os; os.sched_setaffinity(0, {{{cpu}}}); print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", busy], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the kernel does not count delays")
async def test_a_function_that_gets_no_processor_is_not_taken_for_one_that_blocks(code: Code) -> None:
    """A thread beside it would have less still, and so would each that is started for the next."""
    cpu = min(os.sched_getaffinity(0))
    outcomes: dict[int, HookReply | HookFailure] = {}
    async with code.caller(CROWDED_OUT.format(cpu=cpu), timeout="60s") as caller, anyio.create_task_group() as tasks:

        async def ask(at: int) -> None:
            outcomes[at] = await caller.call(route_call(at))

        with crowded(cpu):
            for at in range(2):
                tasks.start_soon(ask, at)
            with anyio.fail_after(LIMIT_S):
                while len(outcomes) < 2:  # noqa: ASYNC110 both are to end
                    await anyio.sleep(0.01)
    second = outcomes[1]
    assert isinstance(second, HookReply), second
    assert Route.FromString(second.message.route).name == "route 0 then route 1"  # type: ignore[attr-defined]


async def test_calls_run_side_by_side(code: Code) -> None:
    """Functions that wait for each other do not wait for ever."""
    body = """
    import asyncio

    class Mine:
        def __init__(self):
            self.waiting = 0
        async def route(self, route, context):
            self.waiting += 1
            while self.waiting < 10:
                await asyncio.sleep(0.001)
            return route
    """
    async with code.caller(body) as caller, anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(caller.call, CALLS[Hook.ROUTE])


async def test_a_call_that_is_given_up_is_cancelled(code: Code, tmp_path: Path) -> None:
    """A superseded run leaves nothing running."""
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    body = f"""
    import asyncio
    from pathlib import Path

    class Mine:
        async def route(self, route, context):
            Path({str(begun)!r}).touch()
            try:
                await asyncio.Event().wait()
            finally:
                Path({str(ended)!r}).touch()
    """
    async with code.caller(body) as caller:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(caller.call, CALLS[Hook.ROUTE])
            with anyio.fail_after(LIMIT_S):
                while not await anyio.Path(begun).exists():  # noqa: ASYNC110 it is another thread
                    await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        with anyio.fail_after(LIMIT_S):
            while not await anyio.Path(ended).exists():  # noqa: ASYNC110 it is another thread
                await anyio.sleep(0.01)


async def test_a_run_is_denied_and_recovers(code: Code, tmp_path: Path) -> None:
    """The policies and the recovery are those of any extension."""
    gate = tmp_path / "gate"
    body = f"""
    from pathlib import Path

    class Mine:
        async def virtual_host(self, host, context):
            if not Path({str(gate)!r}).exists():
                raise RuntimeError("not yet")
            return host
    """
    settings: ExtensionManager = code.manager(body, hooks=("VirtualHost",), timeout="20s")
    runner = HookRunner((settings,), Metrics(), code.directory)
    await runner.start()
    recovered = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.watch, recovered.set, lambda: None)
        assert (await runner.run(translation(), None)).outcome is Outcome.DENIED
        gate.touch()
        with anyio.fail_after(LIMIT_S):
            await recovered.wait()
        assert (await runner.run(translation(), None)).outcome is Outcome.ACCEPTED
        tasks.cancel_scope.cancel()
    await runner.aclose()


async def test_what_is_refused_for_what_others_say_is_told_in_words(code: Code) -> None:
    """No call failed by itself, and yet the hook fails: a cluster that is not there, a domain that another host has."""
    module = """
    class Mine:
        async def virtual_host(self, host, context):
            if host.name.endswith("b_example"):
                host.routes[0].route.cluster = "nowhere"
                return host
    """
    hooks = ("VirtualHost",)
    runner = HookRunner((code.manager(module, hooks=hooks, timeout="20s"),), Metrics(), code.directory)
    await runner.start()
    await runner.run(translation(), None)
    (report,) = runner.states()
    assert (report.state, report.failed_count) == (HookState.FAILING, 1)
    assert "it leaves a reference to cluster 'nowhere'" in report.last_error
    assert [str(key) for key in report.failed[0].objects] == ["HTTPRoute shop/cart"]
    await runner.aclose()
