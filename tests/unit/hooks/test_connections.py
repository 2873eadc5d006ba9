"""How the connection to an extension server is made, shared and given up."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from egxds.errors import NoConnectionError
from egxds.grpc.connections import MAX_CALLS
from egxds.hooks.remote.connections import ServerConnections
from egxds.settings.extensions import ExtensionManager
from tests.envoy.certificates import Authority
from tests.extension_server.handle import ExtensionHandle
from tests.unit.hooks.crossroads import crossroads
from tests.unit.hooks.extensions import manager

pytestmark = pytest.mark.anyio

CALLERS = 20


@pytest.fixture
def unkept_promise(tmp_path: Path) -> ExtensionManager:
    """Settings with TLS, so that a server that closes after the first bytes is one that cannot be connected to."""
    (tmp_path / "ca.crt").write_text(Authority().cert)
    return manager(service={"ip": {"address": "127.0.0.1", "port": 1}, "tls": {"caFile": str(tmp_path / "ca.crt")}})


def moved(settings: ExtensionManager, service: dict[str, object]) -> ExtensionManager:
    """Return the settings with another address."""
    known = settings.service.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
    return manager(service=known | service)


async def test_callers_that_wait_share_one_attempt_and_its_failure(unkept_promise: ExtensionManager) -> None:
    """One of them dials, and its failure is theirs; a later caller has an attempt of its own."""
    async with crossroads("break") as here:
        connections = ServerConnections(moved(unkept_promise, here.service), Path())
        failures: list[str] = []

        async def borrow() -> None:
            with pytest.raises(NoConnectionError) as caught:
                await connections.borrow()
            failures.append(str(caught.value))

        async with anyio.create_task_group() as tasks:
            for _ in range(CALLERS):
                tasks.start_soon(borrow)
        assert (here.connections, len(failures), len(set(failures))) == (1, CALLERS, 1)
        assert failures[0].startswith(f"no connection to 127.0.0.1:{here.port}: ")
        await borrow()
        assert here.connections == 2
        await connections.aclose()


async def test_a_caller_that_gives_up_leaves_the_dialling_to_the_next(extension: ExtensionHandle) -> None:
    """The first caller dials into the void and is cancelled; the second finds the server."""
    port = int(extension.address.rpartition(":")[2])
    async with crossroads("forward", to_port=port) as here:
        connections = ServerConnections(manager(service=here.service), Path())
        with anyio.CancelScope() as scope:
            scope.cancel()
            await connections.borrow()
        assert scope.cancelled_caught
        connection = await connections.borrow()
        assert connection.is_open
        connections.give_back(connection)
        await connections.aclose()


async def test_a_retired_connection_lives_as_long_as_its_calls(extension: ExtensionHandle) -> None:
    """New calls have a new one; the old one closes with its last call."""
    connections = ServerConnections(manager(service=extension.service), Path())
    old = await connections.borrow()
    connections.retire(old)
    new = await connections.borrow()
    assert (old is not new, old.is_open, connections.losses) == (True, True, 1)
    connections.give_back(old)
    assert not old.is_open
    connections.give_back(new)
    assert new.is_open
    await connections.aclose()
    assert not new.is_open


async def test_a_connection_is_replaced_after_many_calls(extension: ExtensionHandle) -> None:
    """What HTTP/2 remembers of calls that have ended does not grow for ever, and no call suffers."""
    connections = ServerConnections(manager(service=extension.service), Path())
    first = await connections.borrow()
    for _ in range(MAX_CALLS - 1):
        connections.give_back(await connections.borrow())
    second = await connections.borrow()
    assert (first is not second, first.is_open, connections.losses) == (True, True, 0)
    for connection in (first, second):
        connections.give_back(connection)
    assert (first.is_open, second.is_open) == (False, True)
    await connections.aclose()


async def test_a_lost_connection_is_replaced(extension: ExtensionHandle) -> None:
    """A server that went and came again is found by the next call."""
    connections = ServerConnections(manager(service=extension.service), Path())
    old = await connections.borrow()
    connections.give_back(old)
    await to_thread.run_sync(extension.set_mode, "refuse")
    with anyio.fail_after(30):
        while old.is_open:  # noqa: ASYNC110 grpclib has no event for it
            await anyio.sleep(0.01)
    with pytest.raises(NoConnectionError):
        await connections.borrow()
    await to_thread.run_sync(extension.set_mode, "ok")
    new = await connections.borrow()
    assert (new is not old, new.is_open) == (True, True)
    connections.give_back(new)
    await connections.aclose()


async def test_whoever_waits_for_the_next_connection_gets_it(extension: ExtensionHandle) -> None:
    """It is the one that the next call makes."""
    connections = ServerConnections(manager(service=extension.service), Path())
    first = await connections.borrow()
    assert await connections.next_after(None) is first
    followed: list[object] = []

    async def follow() -> None:
        followed.append(await connections.next_after(first))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        await anyio.wait_all_tasks_blocked()
        connections.retire(first)
        second = await connections.borrow()
    assert followed == [second]
    for connection in (first, second):
        connections.give_back(connection)
    await connections.aclose()


async def test_a_connection_that_is_wanted_needs_no_call(extension: ExtensionHandle) -> None:
    """By it a loss is noticed where another replica has asked all that there was; without that there is none."""
    port = int(extension.address.rpartition(":")[2])
    async with crossroads("forward", to_port=port) as here, anyio.create_task_group() as tasks:
        connections = ServerConnections(manager(service=here.service), Path())
        tasks.start_soon(connections.keep)
        await anyio.wait_all_tasks_blocked()
        assert here.connections == 0
        connections.want()
        with anyio.fail_after(10):
            await connections.next_after(None)
        assert here.connections == 1
        tasks.cancel_scope.cancel()
        await connections.aclose()
