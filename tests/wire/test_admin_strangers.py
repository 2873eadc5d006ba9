"""Strangers on the admin port: whatever they do, who asks beside them is answered, and they are told what was wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketStream
from structlog.testing import capture_logs

from egxds.inspect.objects import ObjectFilter, ObjectsPage, Window
from egxds.inspect.status import StatusStore
from egxds.sessions.open_streams import Clients
from egxds.settings.daemon import AdminSettings
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics
from egxds.wire.admin.server import AdminServer

pytestmark = pytest.mark.anyio

ANSWERED_S = 30
"""How long the good client may have to wait on a busy machine; each of these attacks would have it wait for ever."""

HOOKS = b"GET /api/v1/hooks HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
OBJECTS = HOOKS.replace(b"hooks", b"objects")
LARGE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Admin:
    """A running server.

    Attributes:
        address: where it listens.
        metrics: what it counts.
        is_rendering: set when `/api/v1/objects` is asked for.
        may_render: that page waits for it.
    """

    address: str
    metrics: Metrics
    is_rendering: anyio.Event
    may_render: anyio.Event

    async def connect(self, local_host: str = "127.0.0.1") -> SocketStream:
        """Open a connection, from an address of this machine."""
        if self.address.startswith("unix:"):
            return await anyio.connect_unix(self.address.removeprefix("unix:"))
        host, _, port = self.address.rpartition(":")
        return await anyio.connect_tcp(host, int(port), local_host=local_host)

    async def ask(self, *headers: str, target: str = "/healthz", method: str = "GET", body: bytes = b"") -> str:
        """Send one request with these headers, and return all that is said to it."""
        head = "".join(f"{line}\r\n" for line in (f"{method} {target} HTTP/1.1", *headers, "Connection: close"))
        async with await self.connect() as connection:
            await connection.send(f"{head}\r\n".encode() + body)
            return await all_of(connection)

    async def is_answered(self) -> bool:
        """Be the good client."""
        with anyio.fail_after(ANSWERED_S):
            return (await self.ask("Host: 127.0.0.1")).endswith("\r\n\r\nok\n")

    def limited(self, limit: str) -> float:
        """Say how often a limit was reached."""
        return float(self.metrics.admin_limited_total.labels(limit=limit)._value.get())


async def all_of(connection: SocketStream) -> str:
    """Read until the other side is done."""
    read = bytearray()
    with anyio.fail_after(ANSWERED_S):
        try:
            async for chunk in connection:
                read += chunk
        except anyio.BrokenResourceError:  # reset
            return read.decode()
    return read.decode()


@asynccontextmanager
async def serving(address: str = "127.0.0.1:0", **limits: object) -> AsyncIterator[Admin]:
    """Run a server with limits of a test; what `/api/v1/hooks` says is large."""
    settings = AdminSettings.model_validate({"address": address, "limits": limits})
    metrics, status = Metrics(), StatusStore()
    is_rendering, may_render = anyio.Event(), anyio.Event()

    async def page(_wanted: ObjectFilter, _window: Window) -> ObjectsPage:
        is_rendering.set()
        await may_render.wait()
        return ObjectsPage((), (), frozenset(), None)

    status.set_objects(page)
    status.set_hooks(lambda: ({"large": "x" * LARGE_BYTES},))
    server = AdminServer(settings, Stores(SnapshotStore()), status, Clients(), metrics)
    async with anyio.create_task_group() as tasks:
        await server.start(tasks)
        try:
            yield Admin(server.address, metrics, is_rendering, may_render)
        finally:
            with anyio.CancelScope(shield=True):
                await server.stop()


async def test_thousands_of_silent_connections() -> None:
    """The one makes room that is silent for longest, and is told so; said once in the log, counted each time."""
    async with serving(connections=20) as admin, AsyncExitStack() as strangers:
        with capture_logs() as lines:
            first = await strangers.enter_async_context(await admin.connect())
            for count in range(2_000):
                await strangers.enter_async_context(await admin.connect())
                if count % 200 == 0:
                    assert await admin.is_answered()
            assert "503" in (said := await all_of(first))
            assert "admin.limits.connections" in said
        assert [line["limit"] for line in lines] == ["admin.limits.connections"]
        assert admin.limited("admin.limits.connections") >= 1_981


async def test_many_connections_of_one_address() -> None:
    """They make room for each other; on a Unix socket everybody has the same address, and that is no limit."""
    async with serving(connectionsPerPeer=2) as admin, await admin.connect() as first, await admin.connect():
        assert await admin.is_answered()
        assert "admin.limits.connectionsPerPeer" in await all_of(first)


async def test_a_unix_socket_has_no_addresses(tmp_path: Path) -> None:
    """All connections over it look alike, and may be those of many."""
    async with (
        serving(f"unix:{tmp_path}/admin.sock", connectionsPerPeer=1) as admin,
        await admin.connect(),
        await admin.connect(),
    ):
        assert await admin.is_answered()
        assert admin.limited("admin.limits.connectionsPerPeer") == 0


async def test_connections_that_are_all_being_answered() -> None:
    """Nobody is cut off for a new one then: that is told to try again."""
    async with serving(connections=1) as admin, await admin.connect() as slow:
        await slow.send(OBJECTS)
        await admin.is_rendering.wait()
        async with await admin.connect() as second:
            assert (said := await all_of(second)).startswith("HTTP/1.1 503 ")
        assert "admin.limits.connections" in said
        admin.may_render.set()
        assert (await slow.receive()).startswith(b"HTTP/1.1 200 ")
        assert await admin.is_answered()


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /healthz HT", b"POST /api/v1/resync HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n12"],
    ids=["nothing", "half a head", "half a body"],
)
async def test_a_request_that_does_not_end(begun: bytes) -> None:
    """It has a deadline, which no further byte puts off; the client is told which."""
    async with (
        serving(requestTimeout=0.5) as admin,
        await admin.connect() as stranger,
        anyio.create_task_group() as group,
    ):
        await stranger.send(begun)
        group.start_soon(_drip, stranger)
        assert await admin.is_answered()
        said = await all_of(stranger)
        group.cancel_scope.cancel()
        assert "408 Request Timeout" in said
        assert "admin.limits.requestTimeout" in said
        assert admin.limited("admin.limits.requestTimeout") == 1


async def _drip(connection: SocketStream) -> None:
    try:
        while True:
            await anyio.sleep(0.05)
            await connection.send(b"a" if connection else b"")
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return


async def test_an_idle_connection_is_closed() -> None:
    """Without a word, as usual in HTTP, and without a line in the log."""
    async with serving(idleTimeout=0.05) as admin, await admin.connect() as idle:
        with capture_logs() as lines:
            await idle.send(HOOKS.replace(b"api/v1/hooks", b"healthz"))
            assert (await all_of(idle)).endswith("\r\n\r\nok\n")
        assert lines == []


@pytest.mark.parametrize(
    ("request_", "status", "limit"),
    [
        ("GET /?" + "a" * 5_000, "414", "urlBytes"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + "a" * 20_000, "431", "headBytes"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + "a" * 4_000_000, "431", "headBytes"),
        ("GET /" + "a" * 4_000_000, "431", "headBytes"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n" + "X: a\r\n" * 5_000 + "X: a", "431", "headBytes"),
        ("POST /api/v1/resync HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1025", "413", "bodyBytes"),
        ("POST /api/v1/resync HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + "9" * 19, "413", "bodyBytes"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked", "411", "bodyBytes"),
    ],
    ids=["URL", "head", "head of 4 MB", "URL of 4 MB", "many headers", "body", "endless body", "body of any size"],
)
async def test_a_request_that_is_too_large(request_: str, status: str, limit: str) -> None:
    """It is refused, and the client is told what is too large."""
    if " HTTP/" not in request_:
        request_ += " HTTP/1.1\r\nHost: localhost"
    async with serving() as admin, await admin.connect() as stranger, anyio.create_task_group() as group:
        with capture_logs() as lines:
            group.start_soon(_send, stranger, f"{request_}\r\n\r\n".encode())
            assert await admin.is_answered()
            said = await all_of(stranger)
        assert said.startswith(f"HTTP/1.1 {status} ")
        assert f"admin.limits.{limit}" in said
        assert [line["limit"] for line in lines] == [f"admin.limits.{limit}"]
        assert admin.limited(f"admin.limits.{limit}") == 1


async def _send(connection: SocketStream, data: bytes) -> None:
    try:
        await connection.send(data)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
    ids=["TLS", "no Host", "two Hosts", "broken chunk", "HTTP/2", "upgrade"],
)
async def test_what_is_no_request_is_said_once(caplog: pytest.LogCaptureFixture, nonsense: bytes) -> None:
    """However often it comes, and by nobody but egxds."""
    async with serving() as admin:
        with capture_logs() as lines:
            for _ in range(30):
                async with await admin.connect() as stranger:
                    await stranger.send(nonsense)
                    assert b"HTTP/1.1 " in await stranger.receive()
            assert await admin.is_answered()
        assert len(lines) <= 2
        assert all(line["event"].startswith("wire.") for line in lines)
        assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


async def test_answers_that_nobody_takes() -> None:
    """They are held for so long, and no longer; the client beside has its own."""
    async with serving(answerTimeout=2.0) as admin, await admin.connect() as stranger:
        await stranger.send(HOOKS)
        assert len(await admin.ask("Host: localhost", target="/api/v1/hooks")) > LARGE_BYTES
        with anyio.fail_after(ANSWERED_S):
            while not admin.limited("admin.limits.answerTimeout"):  # noqa: ASYNC110 until it has been cut off
                await anyio.sleep(0.01)
        assert len(await all_of(stranger)) < LARGE_BYTES


async def test_an_answer_that_is_taken_slowly_is_whole() -> None:
    """Silent connections make room before it does."""
    async with serving(connections=3) as admin, await admin.connect() as slow, AsyncExitStack() as strangers:
        await slow.send(HOOKS)
        begun = (await slow.receive()).decode()
        for _ in range(10):
            await strangers.enter_async_context(await admin.connect())
            assert await admin.is_answered()
        assert len(begun + await all_of(slow)) > LARGE_BYTES


async def test_answers_that_nobody_takes_keep_nobody_out() -> None:
    """Where each connection holds one, the one that began first makes room."""
    async with serving(connections=2, answerTimeout=600.0) as admin, AsyncExitStack() as strangers:
        for _ in range(2):
            stranger = await strangers.enter_async_context(await admin.connect())
            await stranger.send(HOOKS)
            await stranger.receive()
        assert await admin.is_answered()


async def test_all_answers_that_nobody_takes_are_bounded() -> None:
    """The oldest makes room, and the newest is whole."""
    async with serving(unsentBytes=LARGE_BYTES // 4, answerTimeout=600.0) as admin, AsyncExitStack() as strangers:
        for _ in range(4):
            stranger = await strangers.enter_async_context(await admin.connect())
            await stranger.send(HOOKS)
        with anyio.fail_after(ANSWERED_S):
            while admin.limited("admin.limits.unsentBytes") < 2:  # noqa: ASYNC110 until two have been cut off
                await anyio.sleep(0.01)
        assert len(await admin.ask("Host: localhost", target="/api/v1/hooks")) > LARGE_BYTES


async def test_odd_hosts_do_not_fill_the_log() -> None:
    """One line says it for the client, and no name of a host is longer than that of a setting."""
    async with serving() as admin:
        with capture_logs() as lines:
            for number in range(50):
                assert "403" in await admin.ask(f"Host: {'a' * 5_000}{number}", target="/")
        assert [line["event"] for line in lines] == ["wire.admin_request_refused"]
        assert len(str(lines)) < 300
        assert admin.limited("admin.allowedHosts") == 50


async def test_a_unix_socket_takes_any_host(tmp_path: Path) -> None:
    """No browser comes there, and clients write what they like."""
    async with serving(f"unix:{tmp_path}/admin.sock") as admin:
        assert " 200 " in (await admin.ask("Host: docker", target="/")).splitlines()[0]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST"])
async def test_nothing_but_looks(method: str) -> None:
    """Only resync has something done."""
    async with serving() as admin:
        for target in ("/", "/metrics", "/api/v1/config_dump"):
            assert " 405 " in (await admin.ask("Host: localhost", target=target, method=method)).splitlines()[0]


async def test_answers_at_the_door_make_room() -> None:
    """Who was told what is wrong and does not go is not waited for."""
    async with serving(connections=1) as admin, AsyncExitStack() as strangers:
        for _ in range(3):
            stranger = await strangers.enter_async_context(await admin.connect())
            await stranger.send(b"nonsense\r\n\r\n")
            assert b" 400 " in await stranger.receive()
        assert await admin.is_answered()


async def test_many_who_ask_for_large_answers() -> None:
    """Few wait for theirs, which are made one at a time; the others are told when to come again."""
    async with serving(answersAtOnce=7) as admin, AsyncExitStack() as strangers:
        asking = [await strangers.enter_async_context(await admin.connect()) for _ in range(20)]
        with capture_logs() as lines:
            for stranger in asking:
                await stranger.send(OBJECTS)
            await admin.is_rendering.wait()
            said = await admin.ask("Host: localhost", target="/api/v1/config_dump")
            assert await admin.is_answered()
        assert said.startswith("HTTP/1.1 503 ")
        assert "retry-after: 1\r\n" in said
        assert "admin.limits.answersAtOnce" in said
        assert [line["limit"] for line in lines] == ["admin.limits.answersAtOnce"]
        admin.may_render.set()
        answers = [(await stranger.receive()).split(maxsplit=2)[1] for stranger in asking]
        assert answers.count(b"200") == 4, "half of them, from one address"
        assert admin.limited("admin.limits.answersAtOnce") == 17


async def test_large_answers_are_kept_for_others() -> None:
    """One address takes half of them; all together take no more than there are."""
    async with serving(answersAtOnce=2) as admin, AsyncExitStack() as strangers:
        hosts = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
        asking = [await strangers.enter_async_context(await admin.connect(host)) for host in hosts for _ in range(2)]
        for stranger in asking:
            await stranger.send(OBJECTS)
        await admin.is_rendering.wait()
        with anyio.fail_after(ANSWERED_S):
            while admin.limited("admin.limits.answersAtOnce") < 4:  # noqa: ASYNC110 until those have been refused
                await anyio.sleep(0.01)
        admin.may_render.set()
        answers = [(await stranger.receive()).split(maxsplit=2)[1] for stranger in asking]
        assert answers == [b"200", b"503", b"200", b"503", b"503", b"503"]
