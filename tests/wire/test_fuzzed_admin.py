"""The admin port at random, from a seed: who asks beside strangers is answered, and nothing of theirs stays.

Half of it is what a client could say, half is noise: heads that are cut, long, odd or doubled, bodies of any length,
requests one behind the other, bytes that come one by one, answers that nobody takes, and connections that end in
between or by a reset.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from structlog.testing import capture_logs

from egxds.inspect.objects import ObjectFilter, ObjectsPage, Window
from egxds.settings.daemon import AdminSettings
from egxds.telemetry import Metrics
from egxds.wire.admin.server import AdminServer
from egxds.wire.grpc.server import XdsServer
from tests.wire.browser import MEANT, Admin
from tests.wire.client import envoy
from tests.wire.world import CDS, World

pytestmark = pytest.mark.anyio

SEED = int(os.environ.get("FUZZ_SEED", "1"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "30"))
STRANGERS = 12
STEPS = 8
CLUSTERS = 2_000
SERVED_S = 30
LOG_BYTES = 16 * 1024
MEMORY_BYTES = 64 * 1024 * 1024
"""By which the process may grow, once it has seen a few rounds; `unsentBytes` is a part of it."""

LIMITS = {
    "connections": 8,
    "answersAtOnce": 3,
    "requestTimeout": 0.2,
    "idleTimeout": 0.2,
    "answerTimeout": 0.2,
    "unsentBytes": 4 * 1024 * 1024,
}
TARGETS = (
    *("/", "/healthz", "/readyz", "/metrics", "/api/v1/objects", "/api/v1/clients", "/api/v1/hooks"),
    *("/api/v1/config_dump", "/api/v1/config_dump?type=cluster", "/api/v1/resync", "/api/v1/objects?limit=1"),
    *("*", "//", "/%00", "/%ff?%ff=%ff", "/api/v1/objects?limit=%F0%9F%92%A9", "http://evil.test/", "/" + "a" * 5_000),
    *("/api/v1/config_dump?gateway=%0d%0aX:%201", "/api/v1/objects?kind=\x7f", "/?" + "&".join(map(str, range(900)))),
)
HEADERS = (
    *("Host: 127.0.0.1", "Host: localhost", "Host: evil.test", "Host: [", "Host: 127.0.0.1\r\nHost: 10.0.0.1"),
    *("Origin: null", "Connection: close", "Connection: keep-alive", "Connection: Upgrade\r\nUpgrade: websocket"),
    *(
        "Content-Length: 0",
        "Content-Length: 5",
        "Content-Length: -1",
        "Content-Length: " + "9" * 30,
        "Expect: 100-continue",
    ),
    *(
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "X: " + "a" * 20_000,
        "X : y",
        " folded",
        "\x00: a",
    ),
    *(f"{name}: {value}" for name, value in MEANT.items()),
)


@pytest.fixture
async def few(server: XdsServer, world: World, metrics: Metrics) -> AsyncIterator[AdminServer]:
    """An admin port with little room and little patience."""

    async def page(_wanted: ObjectFilter, _window: Window) -> ObjectsPage:
        return ObjectsPage(({"large": "x" * 1024 * 1024},))

    world.status.set_objects(page)
    settings = AdminSettings.model_validate({"address": "127.0.0.1:0", "limits": LIMITS})
    admin = AdminServer(settings, world.stores, world.status, server.clients, metrics)
    async with anyio.create_task_group() as tasks:
        await admin.start(tasks)
        yield admin
        await admin.stop()


class Stranger:
    """One connection that says things at random."""

    def __init__(self, connection: SocketStream, chance: random.Random) -> None:
        self._connection = connection
        self._chance = chance

    async def step(self) -> None:
        """Say one of them, or take something."""
        await self._chance.choice((self._ask, self._ask, self._ask, self._drip, self._noise, self._take))()

    async def _ask(self) -> None:
        await self._connection.send(b"".join(self._request() for _ in range(self._chance.choice((1, 1, 1, 3)))))

    async def _drip(self) -> None:
        for byte in self._request()[:12]:
            await self._connection.send(bytes((byte,)))

    async def _noise(self) -> None:
        noise = self._chance.randbytes(self._chance.choice((1, 10, 300, 70_000)))
        await self._connection.send(noise + self._chance.choice((b"", b"\r\n", b"\r\n\r\n")))

    async def _take(self) -> None:
        with anyio.move_on_after(0.02):
            await self._connection.receive()

    def _request(self) -> bytes:
        chance = self._chance
        method = chance.choice(("GET", "GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "get", "A" * 300))
        version = chance.choice(("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9"))
        headers = ["Host: 127.0.0.1"] if chance.random() < 0.7 else []
        headers += chance.choices(HEADERS, k=chance.choice((0, 0, 1, 2)))
        head = "\r\n".join((f"{method} {chance.choice(TARGETS)} {version}", *headers, "", "")).encode("latin-1")
        body = chance.choice((b"", b"", b"12345", b"5\r\n12345\r\n0\r\n\r\n", b"zz\r\n"))
        return (head + body)[: chance.choice((None, None, None, chance.randrange(1, len(head))))]


async def _annoy(address: str, chance: random.Random) -> None:
    host, _, port = address.rpartition(":")
    try:
        async with await anyio.connect_tcp(host, int(port)) as connection:
            if chance.random() < 0.3:  # it will go by a reset
                raw = connection.extra(SocketAttribute.raw_socket)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stranger = Stranger(connection, chance)
            for _ in range(STEPS):
                await stranger.step()
    except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream):
        return  # the server has ended it


def _held() -> tuple[int, int]:
    """Return the bytes of memory and the number of descriptors that this process has."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(list(Path("/proc/self/fd").iterdir()))


async def test_noise_leaves_nothing_behind(
    few: AdminServer, server: XdsServer, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """FUZZ_SEED and FUZZ_ROUNDS say what is sent, and how much of it."""
    print(f"FUZZ_SEED={SEED}")  # noqa: T201 read where the test fails
    state = {f"cluster {number}": "0" for number in range(CLUSTERS)}
    world.load({CDS: state})
    tasks_before, (_, descriptors) = len(asyncio.all_tasks()), _held()
    with capture_logs() as lines:
        async with envoy(server.address) as good:
            await good.gets(CDS, ["cluster 0"])
            for at in range(ROUNDS):
                async with anyio.create_task_group() as tasks:
                    for stranger in range(STRANGERS):
                        tasks.start_soon(_annoy, few.address, random.Random(f"{SEED} {at} {stranger}"))
                    with anyio.fail_after(SERVED_S):
                        assert (await Admin(few).get("/healthz")).body == b"ok\n", f"FUZZ_SEED={SEED}, round {at}"
                        world.load({CDS: {**state, "cluster 0": str(at + 1)}})
                        assert (await good.told()).resources == {"cluster 0": str(at + 1)}, f"FUZZ_SEED={SEED}, {at}"
                        await good.ack(CDS)
                if at == min(5, ROUNDS // 2):
                    memory_bytes, _ = _held()
        with anyio.fail_after(SERVED_S):
            while len(asyncio.all_tasks()) > tasks_before or _held()[1] > descriptors:  # noqa: ASYNC110 see above
                await anyio.sleep(0.01)
    assert _held()[0] - memory_bytes < MEMORY_BYTES, f"FUZZ_SEED={SEED}"
    written = [line for line in lines if line["event"].startswith(("wire.", "app."))]
    assert {line["event"] for line in written} <= {"wire.connection_ended", "wire.admin_request_refused"}
    assert len(str(written)) < LOG_BYTES, f"FUZZ_SEED={SEED}"
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []
