"""What the server does about sizes, frames and its own end."""

from __future__ import annotations

import anyio
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from grpclib.const import Status
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RemoteSettingsChanged,
    ResponseReceived,
)
from h2.settings import SettingCodes

from egxds.settings.daemon import XdsSettings
from egxds.telemetry import Metrics
from egxds.wire.grpc.connection_settings import MAX_CONCURRENT_STREAMS
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import ADS, NODE, connected, envoy, stream
from tests.wire.raw import framed, raw_client, unknown_frame
from tests.wire.world import CDS, RDS, World

pytestmark = pytest.mark.anyio

SMALL = 1024 * 1024


def request(**fields: object) -> bytes:
    """Return an encoded request."""
    return bytes(discovery_pb2.DeltaDiscoveryRequest(node=NODE, **fields).SerializeToString())


# Sizes


@pytest.mark.rule(65, 106)
async def test_reconnect_of_a_large_envoy(server: XdsServer, world: World) -> None:
    """A request that echoes 100,000 resources, 10 MB, is accepted."""
    world.load({CDS: {"a": "1"}})
    irv = {f"httproute/default/route-{number}/rule/0/match/0/www_example_com": "f" * 32 for number in range(100_000)}
    async with connected(server.address) as channel, stream(channel) as one:
        await one.ask(CDS, irv=irv, node=NODE)
        told = await one.told()
    assert told.resources == {"a": "1"}
    assert len(told.removed) == 100_000


@pytest.mark.rule(106)
async def test_message_over_the_limit(world: World, metrics: Metrics) -> None:
    """A message over the limit is refused from its prefix alone: its body is never asked for."""
    settings = XdsSettings(address="127.0.0.1:0", maxReceiveMessageSize="1Mi")
    server = XdsServer(settings, world.stores, world.status, metrics)
    await server.start()
    async with raw_client(server.address) as client:
        call = await client.open(ADS)
        await client.send(call, framed(b"", size=SMALL + 1))
        trailers = await client.trailers(call)
    await server.drain(5)
    assert trailers["grpc-status"] == str(Status.RESOURCE_EXHAUSTED.value)
    assert "maxReceiveMessageSize" in trailers["grpc-message"]


@pytest.mark.rule(106, 114)
@pytest.mark.rule(107)
async def test_large_response_is_whole(server: XdsServer, world: World) -> None:
    """Envoy takes any size: 30 MB are one response."""
    world.load({RDS: {name: name * 10_000_000 for name in "abc"}})
    async with envoy(server.address) as one:
        told = await one.gets(RDS, "abc")
        assert await one.is_told_nothing()
    assert told.size > 30_000_000


@pytest.mark.rule(108)
async def test_response_is_cut(world: World, metrics: Metrics) -> None:
    """With a limit, parts under it come back to back, each name once, and the removals with the last."""
    limit = 1_100_000
    settings = XdsSettings(address="127.0.0.1:0", maxResponseBytes=limit)
    server = XdsServer(settings, world.stores, world.status, metrics)
    await server.start()
    world.load({CDS: {name: name * 500_000 for name in "abcde"}})
    async with envoy(server.address) as one:
        await one.ask(CDS, irv={"gone": "1"})
        told = [await one.told() for _ in range(3)]
        for part in told:
            await one.ask(CDS, nonce=part.nonce)
        assert await one.is_told_nothing()
    await server.drain(5)
    assert [sorted(part.resources) for part in told] == [["a", "b"], ["c", "d"], ["e"]]
    assert [part.removed for part in told] == [(), (), ("gone",)]
    assert len({part.nonce for part in told}) == 3
    assert all(part.size <= limit for part in told)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (framed(b"x", flag=1), Status.UNIMPLEMENTED),
        (b"\0\0", Status.INVALID_ARGUMENT),
        (framed(b"", size=5), Status.INVALID_ARGUMENT),
        (framed(b"xy", size=5), Status.INVALID_ARGUMENT),
    ],
    ids=["compressed", "torn prefix", "no body", "torn body"],
)
async def test_message_that_cannot_be_read(server: XdsServer, data: bytes, status: Status) -> None:
    """A compressed or torn message ends the stream with a status that says so."""
    async with raw_client(server.address) as client:
        call = await client.open(ADS)
        await client.send(call, data, last=True)
        assert (await client.trailers(call))["grpc-status"] == str(status.value)


@pytest.mark.rule(39, 110)
async def test_too_many_names(server: XdsServer, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request with more names than any Envoy has is refused."""
    monkeypatch.setattr("egxds.wire.xds.codec.MAX_NAMES", 3)
    async with connected(server.address) as channel, stream(channel) as one:
        await one.ask(CDS, sub=["a", "b"], unsub=["c"], irv={"d": "1"}, node=NODE)
        assert (await one.end())[0] is Status.RESOURCE_EXHAUSTED


# Frames


async def test_unknown_frames_are_ignored(server: XdsServer, world: World) -> None:
    """A frame of an unknown type, on the connection or on a stream, changes nothing (RFC 9113, 5.5)."""
    world.load({CDS: {"a": "1"}})
    async with raw_client(server.address) as client:
        call = await client.open(ADS)
        await client.send_bytes(unknown_frame())
        await client.send_bytes(unknown_frame(call))
        await client.send(call, framed(request(type_url=CDS)))
        await client.wait_for(lambda event: isinstance(event, DataReceived))


async def test_empty_data_frames_are_ignored(server: XdsServer, world: World) -> None:
    """A DATA frame without data does not end a stream."""
    world.load({CDS: {"a": "1"}})
    async with raw_client(server.address) as client:
        call = await client.open(ADS)
        await client.send(call, b"")
        message = framed(request(type_url=CDS))
        await client.send(call, message[:7])
        await client.send(call, b"")
        await client.send(call, message[7:])
        await client.wait_for(lambda event: isinstance(event, DataReceived))


@pytest.mark.rule(114)
async def test_headers_come_at_once(server: XdsServer) -> None:
    """An idle stream has its response headers before any response."""
    async with raw_client(server.address) as client:
        call = await client.open(ADS)
        await client.wait_for(lambda event: isinstance(event, ResponseReceived) and event.stream_id == call)


@pytest.mark.rule(115)
async def test_many_streams_on_one_connection(server: XdsServer) -> None:
    """A proxy in front may multiplex many Envoys."""

    def allows_many(event: object) -> bool:
        changed = event.changed_settings if isinstance(event, RemoteSettingsChanged) else {}
        limit = changed.get(SettingCodes.MAX_CONCURRENT_STREAMS)
        return limit is not None and limit.new_value == MAX_CONCURRENT_STREAMS

    async with raw_client(server.address) as client:
        await client.flush()
        await client.wait_for(allows_many)


@pytest.mark.rule(114, 116)
@pytest.mark.parametrize(
    "method",
    [
        "/envoy.Nothing/Here",
        "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
        "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters",
        "/envoy.service.cluster.v3.ClusterDiscoveryService/FetchClusters",
        "/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts",
        "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats",
    ],
)
async def test_unknown_method(server: XdsServer, method: str) -> None:
    """A method that is not served says so: state of the world, Fetch, types that are never made."""
    async with connected(server.address) as channel, stream(channel, method) as one:
        assert (await one.end())[0] is Status.UNIMPLEMENTED


@pytest.mark.rule(110)
async def test_too_many_streams(server: XdsServer, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams are bounded; one more is refused, and those that exist go on."""
    monkeypatch.setattr("egxds.sessions.open_streams.MAX_CLIENTS", 1)
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.gets(CDS)
        async with connected(server.address) as channel, stream(channel) as other:
            assert (await other.end())[0] is Status.RESOURCE_EXHAUSTED
        assert await one.is_told_nothing()


# The end


async def attend(address: str, ended: list[Status]) -> None:
    """Be served until the server ends the stream."""
    async with envoy(address) as one:
        await one.gets(CDS)
        ended.append((await one.end())[0])


@pytest.mark.rule(113)
async def test_drain_tells_every_client(world: World, metrics: Metrics) -> None:
    """All of 50 clients see UNAVAILABLE trailers, and nobody listens any more."""
    world.load({CDS: {"a": "1"}})
    server = XdsServer(XdsSettings(address="127.0.0.1:0"), world.stores, world.status, metrics)
    await server.start()
    ended: list[Status] = []
    async with anyio.create_task_group() as clients:
        for _ in range(50):
            clients.start_soon(attend, server.address, ended)
        with anyio.fail_after(20):
            while metrics.registry.get_sample_value("egxds_xds_acks_total", {"type": "cluster"}) != 50:
                await anyio.wait_all_tasks_blocked()
        await server.drain(10)
    assert ended == [Status.UNAVAILABLE] * 50
    with pytest.raises(OSError, match=r"(?i)connect"):
        await anyio.connect_tcp("127.0.0.1", int(server.address.rpartition(":")[2]))


@pytest.mark.rule(113)
async def test_drain_says_goodbye(world: World, metrics: Metrics) -> None:
    """Trailers first, GOAWAY then, and the connection closes."""
    world.load({CDS: {"a": "1"}})
    server = XdsServer(XdsSettings(address="127.0.0.1:0"), world.stores, world.status, metrics)
    await server.start()
    async with raw_client(server.address) as client, anyio.create_task_group() as tasks:
        call = await client.open(ADS)
        await client.send(call, framed(request(type_url=CDS)))
        await client.wait_for(lambda event: isinstance(event, DataReceived))
        tasks.start_soon(server.drain, 10)
        assert (await client.trailers(call))["grpc-status"] == str(Status.UNAVAILABLE.value)
        await client.wait_for(lambda event: isinstance(event, ConnectionTerminated))
        assert await client.is_closed()


@pytest.mark.rule(113)
async def test_drain_of_a_client_that_does_not_read(world: World, metrics: Metrics) -> None:
    """A client that takes nothing does not hold up the end beyond the limit."""
    world.load({RDS: {"big": "x" * 8_000_000}})
    server = XdsServer(XdsSettings(address="127.0.0.1:0"), world.stores, world.status, metrics)
    await server.start()
    async with envoy(server.address, window=65_535) as slow:
        await slow.ask(RDS, ["big"])
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(20):
            await server.drain(0.2)


@pytest.mark.rule(113)
async def test_new_stream_during_the_drain(world: World, metrics: Metrics) -> None:
    """While others are still being ended, a new stream on an open connection is refused."""
    world.load({RDS: {"big": "x" * 8_000_000}})
    server = XdsServer(XdsSettings(address="127.0.0.1:0"), world.stores, world.status, metrics)
    await server.start()
    async with raw_client(server.address) as client, envoy(server.address, window=65_535) as slow:
        await slow.ask(RDS, ["big"])
        call = await client.open(ADS)
        await client.wait_for(lambda event: isinstance(event, ResponseReceived) and event.stream_id == call)
        with anyio.fail_after(20):
            while not metrics.registry.get_sample_value("egxds_xds_untaken_response_bytes"):
                await anyio.wait_all_tasks_blocked()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.drain, 600)
            await client.trailers(call)
            late = await client.open(ADS)
            assert (await client.trailers(late))["grpc-status"] == str(Status.UNAVAILABLE.value)
            await slow.end()


@pytest.mark.rule(113)
async def test_drain_after_streams_reset_at_once(world: World, metrics: Metrics) -> None:
    """A stream that is opened and reset in one go is over: the end does not wait for it."""
    server = XdsServer(XdsSettings(address="127.0.0.1:0"), world.stores, world.status, metrics)
    await server.start()
    async with raw_client(server.address) as client:
        for _ in range(50):
            client.h2.reset_stream(client.queue_open(ADS))
        call = await client.open(ADS)
        await client.wait_for(lambda event: isinstance(event, ResponseReceived) and event.stream_id == call)
        with anyio.fail_after(20):
            await server.drain(600)


async def test_drain_without_a_start(world: World, metrics: Metrics) -> None:
    """A server that never started has nothing to end."""
    await XdsServer(XdsSettings(), world.stores, world.status, metrics).drain(1)
