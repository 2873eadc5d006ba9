"""Client status discovery: what each Envoy was sent, took and refused, for tools that speak Envoy's protocol."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from envoy.admin.v3 import config_dump_shared_pb2
from envoy.service.status.v3 import csds_pb2
from grpclib.client import Channel
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError
from h2.events import DataReceived, StreamReset

from egxds.settings.daemon import XdsSettings
from egxds.telemetry import Metrics
from egxds.wire.grpc.server import XdsServer
from egxds.wire.xds import csds
from tests.wire.client import connected, envoy
from tests.wire.raw import framed, raw_client
from tests.wire.world import CDS, EDS, SDS, World

pytestmark = pytest.mark.anyio

FETCH = "/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus"
STRANGERS = 40
STREAM = "/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus"


async def fetch(channel: Channel, request: bytes = b"") -> Any:
    """Ask once."""
    async with channel.request(FETCH, Cardinality.UNARY_UNARY, bytes, bytes) as call:
        await call.send_message(request, end=True)
        reply = await call.recv_message()
    assert reply is not None
    return csds_pb2.ClientStatusResponse.FromString(reply)


def nodes(matcher: dict[str, Any]) -> bytes:
    """Return a request for some nodes."""
    return bytes(csds_pb2.ClientStatusRequest(node_matchers=[matcher]).SerializeToString())


@pytest.mark.rule(80, 126)
async def test_every_resource_has_its_status(server: XdsServer, world: World) -> None:
    """Taken, unanswered, refused and missing ones are told apart; bodies and errors about secrets are not shown."""
    world.load({CDS: {"a": "1"}, EDS: {"e": "1"}, SDS: {"s": "key"}})
    async with envoy(server.address) as one, connected(server.address) as channel:
        await one.gets(CDS)
        await one.ask(EDS, ["e", "missing"])
        await one.told()
        await one.ask(SDS, ["s"])
        await one.told()
        await one.nack(SDS, "cannot load -----BEGIN")
        assert await one.is_told_nothing()
        (config,) = (await fetch(channel)).config
    assert (config.node.id, config.node.cluster) == ("n1", "default/web")
    found = {(one.type_url, one.name): one for one in config.generic_xds_configs}
    shown = {key: (one.config_status, one.client_status) for key, one in found.items()}
    assert shown[CDS, "a"] == (csds_pb2.SYNCED, config_dump_shared_pb2.ACKED)
    assert shown[EDS, "e"] == (csds_pb2.STALE, config_dump_shared_pb2.REQUESTED)
    assert shown[EDS, "missing"] == (csds_pb2.NOT_SENT, config_dump_shared_pb2.DOES_NOT_EXIST)
    assert shown[SDS, "s"] == (csds_pb2.ERROR, config_dump_shared_pb2.NACKED)
    assert found[CDS, "a"].version_info == one.versions["a"]
    assert found[SDS, "s"].error_state.version_info == one.versions["s"]
    assert not any(one.HasField("xds_config") or one.error_state.details for one in found.values())


@pytest.mark.rule(126)
async def test_error_is_shown(server: XdsServer, world: World) -> None:
    """What is not about a secret is said in the Envoy's words."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as one, connected(server.address) as channel:
        await one.ask(CDS)
        await one.told()
        await one.nack(CDS, "no such filter")
        assert await one.is_told_nothing()
        (config,) = (await fetch(channel)).config
    (cluster,) = [one for one in config.generic_xds_configs if one.type_url == CDS]
    assert cluster.error_state.details == "no such filter"


@pytest.mark.rule(126)
async def test_nodes_can_be_selected(server: XdsServer, world: World) -> None:
    """By their exact id; any other way is refused rather than passed over."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as one, connected(server.address) as channel:
        await one.gets(CDS)
        assert await one.is_told_nothing()
        assert len((await fetch(channel, nodes({"node_id": {"exact": "n1"}}))).config) == 1
        assert len((await fetch(channel, nodes({"node_id": {"exact": "n2"}}))).config) == 0
        with pytest.raises(GRPCError) as refused:
            await fetch(channel, nodes({"node_id": {"prefix": "n"}}))
        assert refused.value.status is Status.UNIMPLEMENTED
        with pytest.raises(GRPCError) as unread:
            await fetch(channel, b"\xff")
        assert unread.value.status is Status.INVALID_ARGUMENT


@pytest.mark.rule(126)
async def test_stream_answers_every_request(server: XdsServer, world: World) -> None:
    """Each with how things are then; it ends when the client has said all."""
    world.load({CDS: {"a": "1"}})
    async with (
        connected(server.address) as channel,
        channel.request(STREAM, Cardinality.STREAM_STREAM, bytes, bytes) as call,
    ):
        await call.send_message(b"")
        assert await call.recv_message() == b""
        async with envoy(server.address) as one:
            assert await one.is_told_nothing()
            await call.send_message(b"")
            reply = await call.recv_message()
        assert reply is not None
        assert [config.node.id for config in csds_pb2.ClientStatusResponse.FromString(reply).config] == ["n1"]
        await call.end()
        assert await call.recv_message() is None


@pytest.mark.rule(113)
async def test_stream_ends_with_the_server(world: World, metrics: Metrics) -> None:
    """It does not hold up the end, and says why it is over."""
    world.load({})
    server = XdsServer(XdsSettings(address="127.0.0.1:0"), world.stores, world.status, metrics)
    await server.start()
    async with raw_client(server.address) as client, anyio.create_task_group() as tasks:
        call = await client.open(STREAM)
        await client.send(call, framed(b""))
        await client.wait_for(lambda event: isinstance(event, DataReceived))
        tasks.start_soon(server.drain, 600)
        assert (await client.trailers(call))["grpc-status"] == str(Status.UNAVAILABLE.value)


@pytest.mark.parametrize("message", [b"", b"\0\0"])
async def test_request_that_is_missing(server: XdsServer, message: bytes) -> None:
    """A call without a whole message has no answer."""
    async with raw_client(server.address) as client:
        call = await client.open(FETCH)
        await client.send(call, message, last=True)
        assert (await client.trailers(call))["grpc-status"] == str(Status.INVALID_ARGUMENT.value)


async def test_who_does_not_read_keeps_nothing_made(
    server: XdsServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many that ask and do not read, few have an answer made; they are cut off, and others get theirs."""
    monkeypatch.setattr("egxds.grpc.service.SEND_STALL_S", 0.2)
    made: list[int] = []
    describe = csds._describe_all

    def note(found: Any) -> Any:
        made.append(len(found))
        return describe(found)

    monkeypatch.setattr(csds, "_describe_all", note)
    world.load({CDS: {f"a cluster by the number {number}": "1" for number in range(2000)}})
    async with envoy(server.address) as one, raw_client(server.address) as stranger:
        assert len((await one.gets(CDS)).resources) == 2000
        for _ in range(STRANGERS):
            call = await stranger.open(STREAM)
            await stranger.send(call, framed(b""))
        await stranger.wait_for(lambda event: isinstance(event, StreamReset))
        # Those that were cut off with the first, and those whose turn came then; the rest has nothing made yet.
        assert len(made) < STRANGERS
        async with connected(server.address) as channel:
            assert (await fetch(channel)).config
