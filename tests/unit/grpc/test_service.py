"""Generated stubs and server bases over streams that take nothing too large and nothing malformed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from grpclib.metadata import Deadline
from grpclib.server import Server

from egxds.generated.envoy.service.status.v3 import ClientStatusDiscoveryServiceBase
from egxds.generated.envoygateway.extension import (
    EnvoyGatewayExtensionBase,
    EnvoyGatewayExtensionStub,
    PostClusterModifyRequest,
    PostEndpointsModifyRequest,
    PostRouteModifyRequest,
    PostRouteModifyResponse,
    PostTranslateModifyRequest,
    PostTranslateModifyResponse,
    PostVirtualHostModifyRequest,
)
from egxds.generated.grpc.health.v1 import HealthBase, HealthCheckRequest, HealthCheckResponse, HealthStub
from egxds.grpc import codec
from egxds.grpc.client_stream import LARGE_REPLY_BYTES, BoundedCalls, OversizeMessageError
from egxds.grpc.codec import CODEC
from egxds.grpc.encoded_fields import MalformedMessageError
from egxds.grpc.receive_budget import ReceiveBudget
from egxds.grpc.service import BoundedService, ServiceLimits, WatchLimit
from tests.ports import free_port

pytestmark = pytest.mark.anyio

LIMIT_BYTES = 1024 * 1024


class Extension(EnvoyGatewayExtensionBase):
    """An extension as the author of one would write it."""

    async def post_route_modify(self, message: PostRouteModifyRequest) -> PostRouteModifyResponse:
        """Return the route as it came."""
        return PostRouteModifyResponse(route=message.route)

    async def post_endpoints_modify(self, message: PostEndpointsModifyRequest) -> Any:
        """Never answer."""
        await asyncio.Event().wait()

    async def post_cluster_modify(self, message: PostClusterModifyRequest) -> Any:
        """Answer what is no message of the method."""
        return message.cluster

    async def post_translate_modify(self, message: PostTranslateModifyRequest) -> PostTranslateModifyResponse:
        """Return the clusters, and nothing else."""
        return PostTranslateModifyResponse(clusters=message.clusters)


class Health(HealthBase):
    """Says everything twice."""

    async def watch(self, message: HealthCheckRequest) -> AsyncIterator[HealthCheckResponse]:
        """Answer two times."""
        yield HealthCheckResponse()
        yield HealthCheckResponse()


@asynccontextmanager
async def served(limit_bytes: int = LIMIT_BYTES) -> AsyncIterator[Channel]:
    """Serve the extension and its health until the block is left; yields a channel to them."""
    port = free_port()
    limits = ServiceLimits(limit_bytes, ReceiveBudget(2 * limit_bytes, 10), WatchLimit(10, "", print))
    services = (BoundedService(Extension(), limits), BoundedService(Health(), limits))
    server = Server(list(services), codec=CODEC)
    await server.start("127.0.0.1", port)
    try:
        async with Channel("127.0.0.1", port, codec=CODEC) as channel:
            yield channel
    finally:
        server.close()
        await server.wait_closed()


def extension(channel: Channel, limit_bytes: int = LIMIT_BYTES) -> EnvoyGatewayExtensionStub:
    """Return a stub of the extension."""
    return BoundedCalls(channel, limit_bytes).stub(EnvoyGatewayExtensionStub)


def test_services_have_the_paths_of_their_protocols() -> None:
    """The package of a .proto file is in them."""
    bases = (EnvoyGatewayExtensionBase(), HealthBase(), ClientStatusDiscoveryServiceBase())
    assert {path.rpartition("/")[0] for base in bases for path in base.__mapping__()} == {
        "/envoygateway.extension.EnvoyGatewayExtension",
        "/grpc.health.v1.Health",
        "/envoy.service.status.v3.ClientStatusDiscoveryService",
    }
    methods = [path.rpartition("/")[2] for path in EnvoyGatewayExtensionBase().__mapping__()]
    stages = ("Route", "Endpoints", "Cluster", "VirtualHost", "HTTPListener", "Translate")
    assert methods == [f"Post{stage}Modify" for stage in stages]


async def test_a_stub_and_a_base_understand_each_other() -> None:
    """Messages go there and back; what has size 0 is there all the same; a method that nobody wrote is none."""
    async with served() as channel:
        stub = extension(channel)
        assert (await stub.post_route_modify(PostRouteModifyRequest(route=b"a route"))).route == b"a route"
        assert (await stub.post_route_modify(PostRouteModifyRequest())).route == b""
        with pytest.raises(GRPCError) as unwritten:
            await stub.post_virtual_host_modify(PostVirtualHostModifyRequest())
        assert unwritten.value.status is Status.UNIMPLEMENTED


async def test_a_stream_of_responses_ends() -> None:
    """It is as long as the method has it."""
    async with served() as channel:
        stub = BoundedCalls(channel, LIMIT_BYTES).stub(HealthStub)
        assert len([response async for response in stub.watch(HealthCheckRequest())]) == 2


async def test_nothing_too_large_is_taken_in() -> None:
    """Neither by the server nor by the client, and the connection goes on being used."""
    async with served(limit_bytes=1000) as channel:
        with pytest.raises(GRPCError) as refused:
            await extension(channel).post_route_modify(PostRouteModifyRequest(route=bytes(1000)))
        assert refused.value.status is Status.RESOURCE_EXHAUSTED
        with pytest.raises(OversizeMessageError):
            await extension(channel, limit_bytes=500).post_route_modify(PostRouteModifyRequest(route=bytes(500)))
        await extension(channel).post_route_modify(PostRouteModifyRequest())


async def test_nothing_malformed_is_taken_for_a_message() -> None:
    """A request is refused with a status, a reply with an exception."""
    async with served() as channel:
        with pytest.raises(GRPCError) as refused:
            await extension(channel).post_route_modify(b"\xff\xff\xff")  # type: ignore[arg-type]
        assert refused.value.status is Status.INVALID_ARGUMENT
        with pytest.raises(MalformedMessageError):
            await extension(channel).post_cluster_modify(PostClusterModifyRequest(cluster=b"\xff\xff\xff"))


async def test_a_large_reply_is_read_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small one is not worth a thread."""
    read: list[tuple[bool, bool]] = []
    decode = codec.decode

    def recording(message_class: Any, data: bytes) -> Any:
        if message_class is PostTranslateModifyResponse:
            read.append((len(data) >= LARGE_REPLY_BYTES, threading.current_thread() is threading.main_thread()))
        return decode(message_class, data)

    monkeypatch.setattr(codec, "decode", recording)
    async with served() as channel:
        for size in (10, LARGE_REPLY_BYTES):
            reply = await extension(channel).post_translate_modify(PostTranslateModifyRequest(clusters=[bytes(size)]))
            assert reply.clusters == [bytes(size)]
    assert read == [(False, True), (True, False)]


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(lambda: {"timeout": 0.1}, id="timeout"),
        pytest.param(lambda: {"deadline": Deadline.from_timeout(0.1)}, id="deadline"),
        pytest.param(lambda: {"timeout": 60, "deadline": Deadline.from_timeout(0.1)}, id="the shorter one"),
    ],
)
async def test_a_stub_gives_up_when_it_is_told_to(limits: Callable[[], dict[str, Any]]) -> None:
    """As every stub of grpclib does."""
    async with served() as channel:
        with anyio.fail_after(30), pytest.raises(asyncio.TimeoutError):
            await extension(channel).post_endpoints_modify(PostEndpointsModifyRequest(), **limits())
