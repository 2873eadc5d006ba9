"""Health watches by the thousand, which stay open and cost nothing to open: an Envoy and a probe beside are served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio
import pytest
from grpclib.client import Channel
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError
from h2.events import RemoteSettingsChanged
from structlog.testing import capture_logs

from egxds.settings.daemon import XdsSettings
from egxds.settings.limits import XdsLimits
from egxds.telemetry import Metrics
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import connected, envoy
from tests.wire.raw import RawClient, framed, raw_client
from tests.wire.test_csds import STREAM as CLIENT_STATUS
from tests.wire.world import CDS, World

pytestmark = pytest.mark.anyio

CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
CONNECTIONS, WATCHES_EACH = 4, 300
MOST = 1_000
SERVED_S = 15
SERVING = b"\x08\x01"


@pytest.fixture
async def few(world: World, metrics: Metrics) -> AsyncIterator[XdsServer]:
    """A server on which one call of each service may stay open."""
    settings = XdsSettings(address="127.0.0.1:0", limits=XdsLimits(watches=1))
    started = XdsServer(settings, world.stores, world.status, metrics)
    await started.start()
    yield started
    await started.drain(5)


async def check(channel: Channel) -> bytes | None:
    """Ask once how things are."""
    async with channel.request(CHECK, Cardinality.UNARY_UNARY, bytes, bytes) as call:
        await call.send_message(b"", end=True)
        return await call.recv_message()


async def watch(client: RawClient, count: int) -> list[int]:
    """Open watches, and read nothing of what they are told."""
    await client.flush()
    # Before it has acknowledged these it may have a hundred streams only.
    await client.wait_for(lambda event: isinstance(event, RemoteSettingsChanged))
    calls = [client.queue_open(WATCH) for _ in range(count)]
    for call in calls:
        client.h2.send_data(call, framed(b""), end_stream=True)
    await client.flush()
    return calls


async def test_watches_by_the_thousand(server: XdsServer, world: World, metrics: Metrics) -> None:
    """So many stay open, which are told when things change; the rest is refused, said once and counted."""
    async with AsyncExitStack() as strangers, connected(server.address) as channel:
        with capture_logs() as lines:
            for _ in range(CONNECTIONS):
                stranger = await strangers.enter_async_context(raw_client(server.address))
                calls = await watch(stranger, WATCHES_EACH)
            refused = await stranger.trailers(calls[-1])
        assert refused["grpc-status"] == str(Status.RESOURCE_EXHAUSTED.value)
        assert "xds.limits.watches" in refused["grpc-message"]
        (line,) = [line for line in lines if line["log_level"] == "warning"]
        assert (line["event"], line["limit"]) == ("wire.stream_refused", "xds.limits.watches")
        assert metrics.xds_limited_total.labels(limit="xds.limits.watches")._value.get() == (
            CONNECTIONS * WATCHES_EACH - MOST
        )
        world.load({CDS: {"a": "1"}})
        with anyio.fail_after(SERVED_S):
            async with envoy(server.address) as good:
                assert (await good.gets(CDS)).resources == {"a": "1"}
            assert await check(channel) == SERVING


@pytest.mark.parametrize("method", [WATCH, CLIENT_STATUS])
async def test_one_that_ends_makes_room(few: XdsServer, method: str) -> None:
    """Those that are refused keep nobody out; services do not count towards each other."""
    async with connected(few.address) as channel:
        async with channel.request(method, Cardinality.STREAM_STREAM, bytes, bytes) as first:
            await first.send_message(b"")
            assert await first.recv_message() is not None
            for _ in range(2):
                with pytest.raises(GRPCError) as refused:
                    await _first_answer(channel, method)
                assert refused.value.status is Status.RESOURCE_EXHAUSTED
            other = CLIENT_STATUS if method == WATCH else WATCH
            assert await _first_answer(channel, other) is not None
            await first.cancel()
        with anyio.fail_after(SERVED_S):
            while not await _is_answered(channel, method):  # noqa: ASYNC110 until the server has seen that it went
                await anyio.sleep(0.01)


async def _first_answer(channel: Channel, method: str) -> bytes | None:
    async with channel.request(method, Cardinality.STREAM_STREAM, bytes, bytes) as call:
        await call.send_message(b"")
        answer = await call.recv_message()
        await call.cancel()
    return answer


async def _is_answered(channel: Channel, method: str) -> bool:
    try:
        return await _first_answer(channel, method) is not None
    except GRPCError:
        return False
