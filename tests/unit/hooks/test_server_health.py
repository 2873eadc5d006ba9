"""What an extension server says of itself: shown, and a reason to try again, but never a failure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from egxds.hooks.calls import HookFailure, HookReply
from egxds.hooks.health.reports import HookState
from egxds.hooks.policy.outcome import Outcome
from egxds.hooks.remote.client import ExtensionClient
from egxds.hooks.remote.connections import ServerConnections
from egxds.hooks.remote.server_health import ServerHealth
from egxds.hooks.run.runner import HookRunner
from egxds.settings.extensions import ExtensionManager
from egxds.telemetry import Metrics
from tests.extension_server.handle import ExtensionHandle
from tests.unit.hooks.crossroads import crossroads
from tests.unit.hooks.extensions import manager, record, unchanged
from tests.unit.hooks.gateways import translation
from tests.unit.hooks.scripted_server import Script, scripted_server

pytestmark = pytest.mark.anyio

CALL = next(call for batch in record(translation(), (manager(),), unchanged)[1] for call in batch)
LIMIT_S = 30.0


@pytest.fixture(scope="module")
def process() -> Iterator[ExtensionHandle]:
    """Keep one extension server that serves grpc.health.v1."""
    with ExtensionHandle.start(None, "--health") as handle:
        yield handle


@pytest.fixture
def healthy(process: ExtensionHandle) -> ExtensionHandle:
    """The server, working, and saying so."""
    process.set_mode("ok")
    process.say_serving(is_serving=True)
    return process


def settings_of(extension: ExtensionHandle) -> ExtensionManager:
    """Make settings that give up quickly."""
    return manager(service=extension.service | {"retry": {"maxAttempts": 1}}, timeout="20s", hooks=("VirtualHost",))


async def say(extension: ExtensionHandle, *, is_serving: bool) -> None:
    """Have the server say something without holding up the event loop."""
    await to_thread.run_sync(lambda: extension.say_serving(is_serving=is_serving))


async def watches(extension: ExtensionHandle) -> int:
    """Ask the server how often it was watched."""
    return await to_thread.run_sync(extension.watches)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a fact."""
    with anyio.fail_after(LIMIT_S):
        while not is_so():  # noqa: ASYNC110 what is looked at has no event
            await anyio.sleep(0.01)


@asynccontextmanager
async def watched(client: ExtensionClient) -> AsyncIterator[list[str]]:
    """Watch until the block is left; yields a list to which every return to SERVING adds an entry."""
    returns: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.watch, lambda: returns.append("serving"))
        yield returns
        tasks.cancel_scope.cancel()
    await client.aclose()


async def test_a_return_to_serving_is_told(healthy: ExtensionHandle) -> None:
    """NOT_SERVING shows, calls go on, and SERVING after it calls back; SERVING by itself does not."""
    client = ExtensionClient(settings_of(healthy))
    async with watched(client) as returns:
        assert isinstance(await client.call(CALL), HookReply)
        await say(healthy, is_serving=False)
        await until(lambda: client.says_not_serving)
        assert isinstance(await client.call(CALL), HookReply)
        assert returns == []
        await say(healthy, is_serving=True)
        await until(lambda: bool(returns))
        assert not client.says_not_serving
    assert returns == ["serving"]


async def test_nothing_is_connected_for_the_sake_of_health(healthy: ExtensionHandle) -> None:
    """A server that is never called is never watched."""
    before = await watches(healthy)
    client = ExtensionClient(settings_of(healthy))
    async with watched(client):
        await anyio.wait_all_tasks_blocked()
    assert await watches(healthy) == before


async def test_every_connection_is_watched_anew(healthy: ExtensionHandle) -> None:
    """After a lost connection nothing is known, and the next connection says what is so."""
    client = ExtensionClient(settings_of(healthy))
    async with watched(client) as returns:
        await say(healthy, is_serving=False)
        await client.call(CALL)
        await until(lambda: client.says_not_serving)
        await to_thread.run_sync(healthy.set_mode, "refuse")
        await until(lambda: not client.says_not_serving)
        assert returns == []
        await say(healthy, is_serving=True)
        await to_thread.run_sync(healthy.set_mode, "ok")
        assert isinstance(await client.call(CALL), HookReply)
        await until(lambda: bool(returns))


async def test_a_server_without_health_is_asked_once_for_each_connection(extension: ExtensionHandle) -> None:
    """UNIMPLEMENTED is an answer for as long as the connection lasts."""
    port = int(extension.address.rpartition(":")[2])
    async with crossroads("forward", to_port=port) as here:
        client = ExtensionClient(manager(service=here.service, timeout="30s"))
        async with watched(client) as returns:
            for _ in range(3):
                assert isinstance(await client.call(CALL), HookReply)
    assert (here.connections, returns, client.says_not_serving) == (1, [], False)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(b"\x00\x00\x00\x00\x02\xff\xff"), id="garbage"),
        pytest.param(Script(b"\x00\xff\xff\xff\xff"), id="oversize"),
        pytest.param(Script(status="404"), id="no gRPC"),
        pytest.param(Script(b"\x00\x00"), id="cut short"),
    ],
)
async def test_whatever_answers_in_place_of_health_changes_nothing(script: Script) -> None:
    """A watch that comes to nothing ends as nothing."""
    async with scripted_server(script) as service:
        client = ExtensionClient(manager(service=service | {"retry": {"maxAttempts": 1}}, timeout="20s"))
        async with watched(client) as returns:
            await client.call(CALL)
            await anyio.wait_all_tasks_blocked()
            # Answers come in the order of the requests, so the watch has had its own by the time of this one.
            await client.call(CALL)
        assert (returns, client.says_not_serving) == ([], False)


async def test_not_serving_is_seen_before_a_call_fails(healthy: ExtensionHandle) -> None:
    """The hook's state says so, and nothing is denied."""
    runner = HookRunner((settings_of(healthy),), Metrics())

    def state() -> HookState:
        (report,) = runner.states()
        return report.state

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.watch, lambda: None, lambda: None)
        assert (await runner.run(translation(), None)).outcome is Outcome.ACCEPTED
        await say(healthy, is_serving=False)
        await until(lambda: state() is HookState.NOT_SERVING)
        assert (await runner.run(translation(), None)).outcome is Outcome.ACCEPTED
        await say(healthy, is_serving=True)
        await until(lambda: state() is HookState.HEALTHY)
        tasks.cancel_scope.cancel()
    await runner.aclose()


async def test_a_return_to_serving_starts_everything_over(healthy: ExtensionHandle) -> None:
    """It does so where no probe could: the call that is probed hangs."""
    settings = settings_of(healthy).model_copy(update={"timeout": 0.3, "cache_ttl": 0.0})
    runner = HookRunner((settings,), Metrics())
    recovered = anyio.Event()

    async def is_denied() -> bool:
        return (await runner.run(translation(), None)).outcome is Outcome.DENIED

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.watch, recovered.set, lambda: None)
        assert not await is_denied()
        await say(healthy, is_serving=False)
        await until(lambda: {report.state for report in runner.states()} == {HookState.NOT_SERVING})
        await to_thread.run_sync(healthy.set_mode, "hang")
        assert await is_denied()
        assert not recovered.is_set()
        await say(healthy, is_serving=True)
        with anyio.fail_after(LIMIT_S):
            await recovered.wait()
        tasks.cancel_scope.cancel()
    await runner.aclose()


async def test_a_failure_is_a_failure_whatever_the_server_says(healthy: ExtensionHandle) -> None:
    """SERVING makes no call succeed."""
    client = ExtensionClient(settings_of(healthy))
    async with watched(client):
        await client.call(CALL)
        await to_thread.run_sync(healthy.set_mode, "internal")
        assert isinstance(await client.call(CALL), HookFailure)
        assert not client.says_not_serving


async def test_a_connection_that_is_lost_is_made_again_though_nobody_calls(extension: ExtensionHandle) -> None:
    """Whoever waits is told once, and what the server said before holds no more."""
    client = ExtensionClient(settings_of(extension))
    async with watched(client) as renewals:
        assert isinstance(await client.call(CALL), HookReply)
        losses = client.losses
        await to_thread.run_sync(extension.start_over)
        await until(lambda: bool(renewals))
        assert (renewals, client.losses) == (["serving"], losses + 1)


async def test_a_server_that_starts_is_not_asked_before_it_serves(healthy: ExtensionHandle) -> None:
    """It says NOT_SERVING on the new connection, and is asked when it says SERVING."""
    client = ExtensionClient(settings_of(healthy))
    async with watched(client) as renewals:
        assert isinstance(await client.call(CALL), HookReply)
        await say(healthy, is_serving=False)
        await to_thread.run_sync(healthy.start_over)
        await until(lambda: client.says_not_serving)
        assert renewals == []
        await say(healthy, is_serving=True)
        await until(lambda: bool(renewals))
    assert renewals == ["serving"]


async def test_a_connection_on_which_a_call_hangs_is_not_lost(extension: ExtensionHandle) -> None:
    """It is given up, and its server shows on it that it is there: nothing is asked again."""
    connections = ServerConnections(settings_of(extension), Path())
    renewals: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ServerHealth(connections).watch, lambda: renewals.append("serving"))
        connection = await connections.borrow()
        connections.suspect(connection)
        connections.give_back(connection)
        # It is closed by whoever has looked at it.
        await until(lambda: not connection.is_open)
        tasks.cancel_scope.cancel()
    assert (renewals, connections.losses) == ([], 0)
    await connections.aclose()


async def test_a_connection_that_leads_nowhere_is_one_that_is_lost(extension: ExtensionHandle) -> None:
    """A call runs out of time on it, and nothing else is heard on it: the next may lead to another server."""
    port = int(extension.address.rpartition(":")[2])
    async with crossroads("swallow", "forward", to_port=port) as here:
        settings = manager(service=here.service | {"retry": {"maxAttempts": 1}}, timeout="300ms")
        client = ExtensionClient(settings)
        async with watched(client) as renewals:
            assert isinstance(await client.call(CALL), HookFailure)
            await until(lambda: bool(renewals))
            assert (renewals, client.losses) == (["serving"], 1)
