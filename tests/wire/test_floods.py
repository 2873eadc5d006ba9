"""A stranger on the xDS port who sends many frames: it is told to calm down, and an Envoy beside it is served."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from grpclib.exceptions import GRPCError, StreamTerminatedError
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, ResponseReceived, StreamReset

from egxds.settings.daemon import XdsSettings
from egxds.settings.limits import XdsLimits
from egxds.telemetry import Metrics
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import ADS, envoy
from tests.wire.raw import RawClient, raw_client, unknown_frame
from tests.wire.world import CDS, World

pytestmark = pytest.mark.anyio

SERVED_S = 20
"""How long the Envoy beside may have to wait, where each of these floods once stopped everything for longer."""


def _frame(kind: int, payload: bytes, stream_id: int = 0, flags: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream_id.to_bytes(4, "big") + payload


def _rapid_resets(client: RawClient) -> bytes:
    for _ in range(15_000):
        stream_id = client.queue_open(ADS)
        client.h2.reset_stream(stream_id)
    return client.h2.data_to_send()


def _small_data(client: RawClient) -> bytes:
    stream_id = client.queue_open(ADS)
    return client.h2.data_to_send() + _frame(0, b"\0", stream_id) * 60_000


FLOODS: dict[str, tuple[Callable[[RawClient], bytes], str]] = {
    "streams that are reset at once": (_rapid_resets, "xds.limits.streamsPerSecond"),
    "SETTINGS without values": (lambda _: _frame(4, b"") * 100_000, "xds.limits.settingsPerSecond"),
    "SETTINGS full of values": (lambda _: _frame(4, b"\0\5\0\0\x40\0" * 2_700) * 40, "xds.limits.settingsPerSecond"),
    "PING": (lambda _: _frame(6, bytes(8)) * 100_000, "xds.limits.pingsPerSecond"),
    "WINDOW_UPDATE": (lambda _: _frame(8, b"\0\0\0\1") * 100_000, "xds.limits.framesPerSecond"),
    "PRIORITY": (lambda _: _frame(2, b"\0\0\0\0\1", 1) * 100_000, "xds.limits.framesPerSecond"),
    "frames that nobody knows": (lambda _: unknown_frame() * 100_000, "xds.limits.framesPerSecond"),
    "DATA of one byte": (_small_data, "xds.limits.framesPerSecond"),
}


@pytest.mark.parametrize(("flood", "limit"), FLOODS.values(), ids=FLOODS)
async def test_a_flood_ends_the_connection_that_it_comes_from(
    server: XdsServer, world: World, metrics: Metrics, flood: Callable[[RawClient], bytes], limit: str
) -> None:
    """With GOAWAY and the name of the limit; the Envoy beside has its change while it lasts."""
    async with (
        envoy(server.address) as good,
        raw_client(server.address) as stranger,
        anyio.create_task_group() as tasks,
    ):
        world.load({CDS: {"a": "1"}})
        assert await good.gets(CDS, "a")
        data = flood(stranger)
        tasks.start_soon(_send, stranger, data)
        world.load({CDS: {"a": "2"}})
        with anyio.fail_after(SERVED_S):
            assert await good.gets(CDS, "a")
            ended = await stranger.wait_for(lambda event: isinstance(event, ConnectionTerminated))
        assert isinstance(ended, ConnectionTerminated)
        assert (ended.error_code, ended.additional_data) == (ErrorCodes.ENHANCE_YOUR_CALM, limit.encode())
        tasks.cancel_scope.cancel()
    assert metrics.xds_limited_total.labels(limit=limit)._value.get() == 1


async def _send(client: RawClient, data: bytes) -> None:
    try:
        await client.send_bytes(data)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (XdsLimits(connections=2), "xds.limits.connections"),
        (XdsLimits(connectionsPerPeer=2), "xds.limits.connectionsPerPeer"),
    ],
    ids=["in all", "from one address"],
)
async def test_a_connection_too_many(world: World, metrics: Metrics, limits: XdsLimits, limit: str) -> None:
    """It is told so and closed; where another one goes, the next may come."""
    server = XdsServer(XdsSettings(address="127.0.0.1:0", limits=limits), world.stores, world.status, metrics)
    await server.start()
    async with raw_client(server.address) as first:
        await first.open(ADS)
        async with raw_client(server.address) as second:
            await second.open(ADS)
            async with raw_client(server.address) as third:
                ended = await third.wait_for(lambda event: isinstance(event, ConnectionTerminated))
        assert isinstance(ended, ConnectionTerminated)
        assert ended.additional_data == limit.encode()
        world.load({CDS: {"a": "1"}})
        with anyio.fail_after(SERVED_S):
            while not await _is_served(server):  # noqa: ASYNC110 until the server has seen that the second has gone
                await anyio.sleep(0.01)
    await server.drain(5)


async def _is_served(server: XdsServer) -> bool:
    try:
        async with envoy(server.address) as one:
            return bool(await one.gets(CDS, "a"))
    except (GRPCError, StreamTerminatedError, OSError):  # its connection was closed
        return False


@pytest.mark.parametrize("limit", ["xds.limits.streams", "xds.limits.streamsPerPeer"])
async def test_a_stream_too_many(world: World, metrics: Metrics, limit: str) -> None:
    """It is refused in a way that says: try again; the connection and its other streams stay."""
    limits = XdsLimits.model_validate({limit.rpartition(".")[2]: 1})
    server = XdsServer(XdsSettings(address="127.0.0.1:0", limits=limits), world.stores, world.status, metrics)
    await server.start()
    async with raw_client(server.address) as client:
        await client.open(ADS)
        second = await client.open(ADS)
        refused = await client.wait_for(lambda event: isinstance(event, StreamReset))
        assert isinstance(refused, StreamReset)
        assert (refused.stream_id, refused.error_code) == (second, ErrorCodes.REFUSED_STREAM)
    assert metrics.xds_limited_total.labels(limit=limit)._value.get() == 1
    await server.drain(5)


async def test_streams_of_one_address_leave_room_for_others(world: World, metrics: Metrics) -> None:
    """A stranger who opens all that it may takes none from an Envoy elsewhere."""
    limits = XdsLimits.model_validate({"streamsPerPeer": 2})
    server = XdsServer(XdsSettings(address="0.0.0.0:0", limits=limits), world.stores, world.status, metrics)
    await server.start()
    port = server.address.rpartition(":")[2]
    async with raw_client(f"127.0.0.1:{port}") as stranger:
        for _ in range(5):
            await stranger.open(ADS)
        await stranger.wait_for(lambda event: isinstance(event, StreamReset))
        async with raw_client(f"127.0.0.1:{port}", "127.0.0.2") as other:
            await other.open(ADS)
            await other.wait_for(lambda event: isinstance(event, ResponseReceived))
    await server.drain(5)
