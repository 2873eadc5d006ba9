"""`/api/v1/events`: whoever listens is told, however long nothing happens, and nobody costs without end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import anyio
import anyio.lowlevel
import pytest
from structlog.testing import capture_logs

from egxds.inspect.events.event_log import RING, EventLog
from egxds.inspect.events.facts import EnvoysChanged
from egxds.inspect.events.listed import Listed
from egxds.inspect.status import StatusStore
from egxds.sessions.open_streams import Clients
from egxds.settings.daemon import AdminSettings
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics
from egxds.wire.admin.server import AdminServer
from tests.wire.listener import listening

pytestmark = pytest.mark.anyio

LONG_NAME = "n" * 20_000
"""Of an Envoy, so that few events are more than a socket takes."""


@dataclass
class Running:
    """A server with a log of events."""

    server: AdminServer
    events: EventLog
    metrics: Metrics

    @property
    def address(self) -> str:
        """Where it listens."""
        return self.server.address

    def happens(self, *names: str) -> None:
        """Have Envoys connect."""
        for name in names:
            self.events.add(EnvoysChanged(Listed.of([name]), Listed(), 1), 0.0)


@asynccontextmanager
async def serving(**limits: object) -> AsyncIterator[Running]:
    """Run a server with limits of a test."""
    settings = AdminSettings.model_validate({"address": "127.0.0.1:0", "limits": limits})
    metrics, status = Metrics(), StatusStore()
    status.events = EventLog("p", lambda _key: None)
    server = AdminServer(settings, Stores(SnapshotStore()), status, Clients(), metrics)
    async with anyio.create_task_group() as tasks:
        await server.start(tasks)
        try:
            yield Running(server, status.events, metrics)
        finally:
            with anyio.CancelScope(shield=True):
                status.events.close()
                await server.stop()


async def test_what_happens_is_told() -> None:
    """A listener hears what comes after it, in order, each with an id; nothing of it may be stored on the way."""
    async with serving() as running:
        running.happens("before")
        async with listening(running.address) as listener:
            assert "content-type: text/event-stream" in listener.head
            assert "cache-control: no-store" in listener.head
            assert (await listener.next())[1]["event"] == "hello"
            running.happens("a", "b")
            first, second = await listener.next(), await listener.next()
            assert [first[0], second[0]] == ["p-2", "p-3"]
            assert (first[1]["connected"], second[1]["connected"]) == (["a"], ["b"])
            assert first[1]["time"] == "1970-01-01T00:00:00.000+00:00"


@pytest.mark.parametrize(
    ("query", "headers", "heard"),
    [
        ("?replay=2", {}, ["c", "d"]),
        ("?replay=100", {}, ["a", "b", "c", "d"]),
        ("", {"Last-Event-ID": "p-3"}, ["d"]),
        ("?after=p-3", {}, ["d"]),
        ("?after=p-2", {"Last-Event-ID": "p-3"}, ["d"]),
        ("?after=p-4", {}, []),
        ("?after=p-9", {}, ["a", "b", "c", "d"]),
        ("?after=another-3", {}, ["a", "b", "c", "d"]),
        ("?after=nonsense", {}, ["a", "b", "c", "d"]),
    ],
)
async def test_going_on_from_an_event(query: str, headers: dict[str, str], heard: list[str]) -> None:
    """Who was here hears what it has missed; an id of another process, all that there is."""
    async with serving() as running:
        running.happens(*"abcd")
        async with listening(running.address, query, headers) as listener:
            await listener.next()
            running.happens("now")
            told = [(await listener.next())[1]["connected"][0] for _ in range(len(heard) + 1)]
            assert told == [*heard, "now"]


async def test_who_is_too_slow_is_told_how_much_it_has_missed() -> None:
    """It goes on with the oldest that there is."""
    async with serving() as running:
        running.happens(*(str(number) for number in range(RING + 10)))
        async with listening(running.address, "?after=p-4") as listener:
            await listener.next()
            assert (await listener.next())[1] == {"event": "missed", "count": 6}
            assert (await listener.next())[0] == "p-11"


async def test_a_stream_outlives_the_deadlines_of_requests() -> None:
    """Neither the time for a request nor that between two of them ends it, nor that in which something is taken."""
    async with (
        serving(requestTimeout=0.05, idleTimeout=0.05, answerTimeout=0.05) as running,
        listening(running.address) as listener,
    ):
        await listener.next()
        host, _, port = running.address.rpartition(":")
        for _ in range(3):  # as many times as long
            async with await anyio.connect_tcp(host, int(port)) as silent:
                assert b" 408 " in await silent.receive()
        running.happens("late")
        assert (await listener.next())[1]["connected"] == ["late"]


async def test_who_takes_nothing_is_ended() -> None:
    """What its connection holds has a limit, and so has the time."""
    async with serving(answerTimeout=0.2) as running, listening(running.address) as slow:
        assert slow.status == 200
        limited = running.metrics.admin_limited_total.labels(limit="admin.limits.answerTimeout")
        with anyio.fail_after(20):
            while not limited._value.get():
                running.happens(LONG_NAME)
                await anyio.lowlevel.checkpoint()


async def test_there_is_a_limit_to_listeners() -> None:
    """Half of them from one address; the next is told to come again, and may once one has gone."""
    async with serving(listeners=4) as running, AsyncExitStack() as stack:
        first = await stack.enter_async_context(AsyncExitStack())
        await first.enter_async_context(listening(running.address))
        await stack.enter_async_context(listening(running.address))
        with capture_logs() as lines:
            async with listening(running.address) as third:
                assert third.status == 503
                assert "retry-after: 2" in third.head
        assert [line["limit"] for line in lines] == ["admin.limits.listeners"]
        for _ in range(2):
            other = await stack.enter_async_context(listening(running.address, local_host="127.0.0.2"))
            assert other.status == 200
        async with listening(running.address, local_host="127.0.0.3") as one_more:
            assert one_more.status == 503
        await first.aclose()
        with anyio.fail_after(20):
            while True:
                async with listening(running.address) as again:
                    if again.status == 200:
                        break


async def test_a_stream_ends_when_the_daemon_stops() -> None:
    """At once, and as HTTP has it; who asks then is told so."""
    async with serving() as running:
        async with listening(running.address) as listener:
            await listener.next()
            running.events.close()
            await listener.until_over()
        async with listening(running.address) as late:
            assert late.status == 503
        await running.server.stop()


@pytest.mark.parametrize("query", ["?replay=-1", "?replay=many", "?replay=99999", "?since=1"])
async def test_a_query_that_makes_no_sense(query: str) -> None:
    """It is refused, rather than to answer with something else."""
    async with serving() as running, listening(running.address, query) as listener:
        assert listener.status == 400


async def test_a_page_of_another_origin_may_not_listen() -> None:
    """As with everything below the API."""
    async with serving() as running, listening(running.address, headers={"Origin": "http://evil.test"}) as listener:
        assert listener.status == 403
