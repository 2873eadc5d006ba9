"""Strangers who send what nobody reads: little is held, they are told so, and an Envoy beside is served."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated

from egxds.settings.daemon import XdsSettings
from egxds.settings.limits import XdsLimits
from egxds.telemetry import Metrics
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import ADS, envoy
from tests.wire.raw import RawClient, framed, raw_client
from tests.wire.world import CDS, World

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
FRAME_BYTES = 16 * 1024
SERVED_S = 15
WATCH = "/grpc.health.v1.Health/Watch"
"""Reads one request and no other."""


def _data(payload: bytes, stream_id: int) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes(2) + stream_id.to_bytes(4, "big") + payload


def _full_windows(client: RawClient) -> bytes:
    calls = [client.queue_open(WATCH) for _ in range(20)]
    frames = (_data(bytes(FRAME_BYTES), call) for call in calls for _ in range(7))
    return client.h2.data_to_send() + b"".join(_data(framed(b""), call) for call in calls) + b"".join(frames)


def _frames_of_one_byte(client: RawClient) -> bytes:
    call = client.queue_open(WATCH)
    return client.h2.data_to_send() + _data(framed(b""), call) + _data(b"\0", call) * 6000


def _begun_messages(client: RawClient) -> bytes:
    """Of each as much as is read at once, less a byte: it is acknowledged, and not taken yet."""
    calls = [client.queue_open(ADS) for _ in range(40)]
    frames = (_data(bytes(FRAME_BYTES), call) for call in calls for _ in range(3))
    beginnings = (_data(framed(b"", size=60_000), call) for call in calls)
    return client.h2.data_to_send() + b"".join(beginnings) + b"".join(frames)


FLOODS = {
    "full windows of streams": _full_windows,
    "frames of one byte": _frames_of_one_byte,
    "messages that are begun": _begun_messages,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_who_sends_what_nobody_reads(world: World, metrics: Metrics, flood: Callable[[RawClient], bytes]) -> None:
    """It is ended with GOAWAY and the name of the limit, counted, and holds nothing from then on."""
    limits = XdsLimits(unreadBytes=MIB, framesPerSecond=1000)
    server = XdsServer(XdsSettings(address="127.0.0.1:0", limits=limits), world.stores, world.status, metrics)
    await server.start()
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as good, raw_client(server.address) as stranger:
        assert await good.gets(CDS, "a")
        await stranger.greet()
        await stranger.send_bytes(flood(stranger))
        ended = await stranger.wait_for(lambda event: isinstance(event, ConnectionTerminated))
        assert isinstance(ended, ConnectionTerminated)
        assert (ended.error_code, ended.additional_data) == (ErrorCodes.ENHANCE_YOUR_CALM, b"xds.limits.unreadBytes")
        world.load({CDS: {"a": "2"}})
        with anyio.fail_after(SERVED_S):
            assert await good.gets(CDS, "a")
        assert metrics.xds_limited_total.labels(limit="xds.limits.unreadBytes")._value.get() == 1
        await _until_held(metrics, 0)
    await server.drain(5)


async def _until_held(metrics: Metrics, size: int) -> None:
    with anyio.fail_after(SERVED_S):
        while metrics.registry.get_sample_value("egxds_xds_unread_bytes") != size:  # noqa: ASYNC110 seen from outside
            await anyio.sleep(0.01)


async def test_what_is_read_counts_no_more(server: XdsServer, world: World, metrics: Metrics) -> None:
    """Whatever an Envoy says, and however it goes: nothing of it stays counted."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as good:
        await good.ask(CDS, irv={f"a cluster by the number {number}": "1" for number in range(5000)})
        assert (await good.told()).resources == {"a": "1"}
        await _until_held(metrics, 0)
    async with raw_client(server.address) as stranger:
        call = await stranger.open(WATCH)
        await stranger.send(call, framed(b"") + bytes(1000))
        await _until_held(metrics, 1000 + 256)
        stranger.h2.reset_stream(call)
        await stranger.flush()
        await _until_held(metrics, 0)
