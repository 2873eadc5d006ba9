"""Envoys that go to other replicas, or come from there, on a real socket."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from grpclib.const import Status

from egxds.wire.grpc.server import XdsServer
from egxds.wire.xds import stream_age
from egxds.wire.xds.newcomers import Doubt
from tests.wire.client import NODE, Told, envoy
from tests.wire.world import RDS, World

pytestmark = pytest.mark.anyio

_PATIENCE_S = 20.0


class Known:
    """What a replica knows of others."""

    def __init__(self, server: XdsServer, doubt: Doubt) -> None:
        self.doubt = doubt
        server.newcomers.go_by(lambda: self.doubt, lambda: True)


async def test_who_has_something_newer_waits_for_it(server: XdsServer, world: World) -> None:
    """It is not told what stood before that."""
    world.load({RDS: {"a": "1", "b": "1"}})
    known = Known(server, Doubt.BEHIND)
    async with envoy(server.address) as one:
        await one.ask(RDS, ["a", "b"], irv={"a": "newer"})
        async with envoy(server.address) as other:
            # It has nothing, or just what there is.
            assert await other.gets(RDS, ["a"]) == Told(RDS, {"a": "1"})
            await other.ask(RDS, ["b"])
            assert await other.told() == Told(RDS, {"b": "1"})
        world.set({RDS: {"a": "2", "b": "1"}})
        known.doubt = Doubt.NONE
        assert await one.told() == Told(RDS, {"a": "2", "b": "1"})


async def test_who_is_cut_off_sends_on(server: XdsServer, world: World) -> None:
    """Its stream ends before it is told anything."""
    world.load({RDS: {"a": "1"}})
    Known(server, Doubt.CUT_OFF)
    async with envoy(server.address) as one:
        await one.ask(RDS, ["a"], irv={"a": "newer"})
        status, message = await one.end()
    assert (status, message) == (Status.UNAVAILABLE, "another replica may have something newer for node 'n1'")
    assert one.versions == {}


async def test_who_comes_with_what_there_is_is_served_by_anybody(server: XdsServer, world: World) -> None:
    """Nobody could take it back."""
    world.load({RDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.gets(RDS, ["a"])
    Known(server, Doubt.CUT_OFF)
    async with envoy(server.address) as again:
        await again.ask(RDS, ["a"], irv={"a": one.versions["a"]})
        assert await again.is_told_nothing()


async def test_no_stream_is_too_old_while_a_change_is_due_to_it(
    server: XdsServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where that stands in line behind others, before its age is reached or while it is waited for."""
    monkeypatch.setattr(stream_age, "QUIET_S", 0.0)
    world.load({RDS: {"a": "1"}})
    async with envoy(server.address) as one, anyio.create_task_group() as tasks:
        await one.gets(RDS, ["a"])
        (stream,) = server._ads._streams
        with anyio.fail_after(_PATIENCE_S):
            while not stream._session.has_taken_all():  # noqa: ASYNC110 nobody tells that its answer was heard
                await anyio.sleep(0.01)
        in_line: list[Callable[[], None]] = []
        monkeypatch.setattr(stream._turns, "call", lambda begin, _work: in_line.append(begin))
        # Time enough for the change to come before that.
        stream._age._due_s = anyio.current_time() + 3.0
        woken = anyio.Event()

        async def wait() -> None:
            await stream._until_woken()
            woken.set()

        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        world.set({RDS: {"a": "2"}})
        with anyio.fail_after(_PATIENCE_S):
            await woken.wait()
        assert stream._ending is None
        # It is older than that now, and waits for its turn.
        woken = anyio.Event()
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        assert not woken.is_set()
        for begin in in_line:
            begin()
        assert await one.told() == Told(RDS, {"a": "2"})


async def test_who_has_all_is_let_go(server: XdsServer, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an end that is none of an error; who has not stays, and so does who spoke a moment ago."""
    world.load({RDS: {"a": "1"}})
    async with envoy(server.address) as one, envoy(server.address, node={**NODE, "id": "n2"}) as behind:
        await one.gets(RDS, ["a"])
        assert await one.is_told_nothing()
        await behind.ask(RDS, ["a"])
        await behind.told()
        assert server.let_go(9, lambda _: True) == ()
        monkeypatch.setattr(stream_age, "QUIET_S", 0.0)
        await one.ack("type.googleapis.com/envoy.service.runtime.v3.Runtime")
        assert server.let_go(9, lambda node: node == "other") == ()
        with anyio.fail_after(_PATIENCE_S):
            while not (gone := server.let_go(9, lambda _: True)):  # noqa: ASYNC110 nobody tells that it was heard
                await anyio.sleep(0.01)
        assert gone == ("n1",)
        assert await one.end() == (Status.OK, "")
        assert await behind.is_told_nothing()
