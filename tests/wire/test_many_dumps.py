"""Many who ask for all that is served, and take nothing of it: who asks beside is answered, and little is held."""

from __future__ import annotations

import socket
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from egxds.settings.daemon import AdminSettings
from egxds.telemetry import Metrics
from egxds.wire.admin.server import AdminServer
from egxds.wire.grpc.server import XdsServer
from tests.wire.browser import Admin
from tests.wire.world import RDS, World

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
DUMP_BYTES = 8 * MIB
STRANGERS = 16
MEMORY_BYTES = 8 * DUMP_BYTES
"""Half of all answers: what `unsentBytes` holds, what the next is made of, and what the good client reads."""
SERVED_S = 60
LIMITS = {"answersAtOnce": 3, "unsentBytes": DUMP_BYTES, "answerTimeout": 600.0}
ASK = b"GET /api/v1/config_dump HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
async def few(server: XdsServer, world: World, metrics: Metrics) -> AsyncIterator[AdminServer]:
    """An admin port that makes few answers at a time, of much that is served."""
    world.load({RDS: {f"r{number}": f"{number}" * MIB for number in range(DUMP_BYTES // MIB)}})
    settings = AdminSettings.model_validate({"address": "127.0.0.1:0", "limits": LIMITS})
    admin = AdminServer(settings, world.stores, world.status, server.clients, metrics)
    async with anyio.create_task_group() as tasks:
        await admin.start(tasks)
        yield admin
        await admin.stop()


async def _begin(address: str) -> tuple[SocketStream, bytes]:
    """Ask for all, and take the beginning of the answer."""
    host, _, port = address.rpartition(":")
    connection = await anyio.connect_tcp(host, int(port))
    connection.extra(SocketAttribute.raw_socket).setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await connection.send(ASK)
    return connection, await connection.receive(64)


async def _hold_one(address: str, held: AsyncExitStack) -> None:
    """Ask until an answer has begun, and leave it there."""
    status = b""
    while status != b"200":
        connection, said = await _begin(address)
        held.push_async_callback(connection.aclose)
        status = said.split(maxsplit=2)[1]
        if status == b"503":
            await connection.aclose()
            await anyio.sleep(0.05)


@pytest.fixture
def _traced() -> Iterator[None]:
    """Have the interpreter note what it holds."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


async def _dump(few: AdminServer) -> bytes:
    """Be a good client, which comes again when it is told to."""
    while (answer := await Admin(few).get("/api/v1/config_dump")).status == 503:
        assert "retry-after" in answer.headers
        await anyio.sleep(0.05)
    return answer.body


@pytest.mark.usefixtures("_traced")
async def test_many_dumps_that_nobody_takes(few: AdminServer, metrics: Metrics) -> None:
    """Answers are made one at a time, held up to a limit, and a probe is answered all along."""
    assert len(await _dump(few)) > DUMP_BYTES / 2
    before_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    with anyio.fail_after(SERVED_S):
        async with AsyncExitStack() as held, anyio.create_task_group() as tasks:
            for _ in range(STRANGERS):
                tasks.start_soon(_hold_one, few.address, held)
            for _ in range(20):
                assert (await Admin(few).get("/healthz")).body == b"ok\n"
            assert len(await _dump(few)) > DUMP_BYTES / 2
    assert tracemalloc.get_traced_memory()[1] - before_bytes < MEMORY_BYTES
    limited = metrics.admin_limited_total
    assert limited.labels(limit="admin.limits.answersAtOnce")._value.get()
    assert limited.labels(limit="admin.limits.unsentBytes")._value.get()
