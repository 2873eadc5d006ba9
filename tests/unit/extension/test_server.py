"""The functions of an extension as a server: what each outcome is on the wire, over both kinds of sockets."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from grpclib.client import Channel
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError

from egxds.extension import Route
from egxds.extension.asking import FunctionAsker
from egxds.extension.places import OwnFiles
from egxds.extension.refuse import Refuse
from egxds.extension.server import METHODS, SERVICE, ExtensionServer, ServerLimits
from egxds.generated.envoygateway.extension import (
    EnvoyGatewayExtensionStub,
    PostClusterModifyRequest,
    PostRouteModifyRequest,
)
from egxds.generated.grpc.health.v1 import HealthCheckRequest, HealthCheckResponseServingStatus, HealthStub
from egxds.grpc.codec import CODEC
from egxds.settings.extensions import Hook

pytestmark = pytest.mark.anyio

REQUEST = PostRouteModifyRequest(route=Route(name="r").SerializeToString())


@asynccontextmanager
async def served(route: Any, tmp_path: Path, limits: ServerLimits = ServerLimits()) -> AsyncIterator[Channel]:  # noqa: B008
    """Serve one function on a Unix socket."""
    asker = FunctionAsker({Hook.ROUTE: route}, "hooks of a test", OwnFiles((str(Path(__file__).parent),)))
    server = ExtensionServer(asker, limits)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "s"))
    await server.listen(bound)
    channel = Channel(path=str(tmp_path / "s"))
    try:
        yield channel
    finally:
        channel.close()
        await server.aclose()
        asker.close()


async def rename(route: Any, _context: Any) -> Any:
    """Give it another name."""
    route.name = "other"
    return route


async def test_an_answer_is_the_functions(tmp_path: Path) -> None:
    """What the function returned is in the response."""
    async with served(rename, tmp_path) as channel:
        stub = EnvoyGatewayExtensionStub(channel)
        assert Route.FromString((await stub.post_route_modify(REQUEST)).route).name == "other"


async def test_a_hook_without_a_function_is_not_implemented(tmp_path: Path) -> None:
    """To answer that all is well would be silence about a hook that was forgotten; it says what to write."""
    async with served(rename, tmp_path) as channel:
        with pytest.raises(GRPCError) as caught:
            await EnvoyGatewayExtensionStub(channel).post_cluster_modify(PostClusterModifyRequest())
    assert caught.value.status is Status.UNIMPLEMENTED
    assert "has no `async def cluster(self, cluster, context)`: define it" in (caught.value.message or "")


async def test_one_end_of_a_socket_pair_is_served_until_the_other_closes(tmp_path: Path) -> None:
    """As a child of egxds is spoken to."""
    asker = FunctionAsker({Hook.ROUTE: rename}, "hooks of a test", OwnFiles())
    server = ExtensionServer(asker, ServerLimits())
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve_connection, theirs)
        channel = OneSocket(ours)
        reply = await EnvoyGatewayExtensionStub(channel).post_route_modify(REQUEST)
        assert Route.FromString(reply.route).name == "other"
        channel.close()
    await server.aclose()
    asker.close()


class OneSocket(Channel):
    """A channel over a socket that is connected."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__()
        self._connected_socket = connected

    async def _create_connection(self) -> Any:
        return (await self._loop.create_connection(self._protocol_factory, sock=self._connected_socket))[1]


def raising(err: BaseException) -> Any:
    """Make a function that raises."""

    async def route(_route: Any, _context: Any) -> Any:
        raise err

    return route


async def returns_text(_route: Any, _context: Any) -> Any:
    """Return what is no route."""
    return "x"


async def waits(_route: Any, _context: Any) -> Any:
    """Never return."""
    await anyio.sleep(60)


@pytest.mark.parametrize(
    ("function", "status", "said"),
    [
        pytest.param(raising(KeyError("x")), Status.UNKNOWN, "raised KeyError: 'x' (", id="raises"),
        pytest.param(raising(KeyboardInterrupt()), Status.UNKNOWN, "raised KeyboardInterrupt", id="interrupts"),
        pytest.param(raising(Refuse("not mine")), Status.FAILED_PRECONDITION, "not mine", id="refuses"),
        pytest.param(returns_text, Status.INTERNAL, "invalid reply: route returned a value of type str", id="unfit"),
        pytest.param(waits, Status.DEADLINE_EXCEEDED, "no reply within 0.1 s; it awaits at", id="waits"),
    ],
)
async def test_every_outcome_has_its_status(tmp_path: Path, function: Any, status: Status, said: str) -> None:
    """And the function's own words."""
    async with served(function, tmp_path, ServerLimits(call_s=0.1 if function is waits else 20.0)) as channel:
        with pytest.raises(GRPCError) as caught:
            await EnvoyGatewayExtensionStub(channel).post_route_modify(REQUEST)
    assert (caught.value.status, said in str(caught.value.message)) == (status, True), caught.value


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"\xff\xff\xff", Status.INVALID_ARGUMENT, "not a PostRouteModifyRequest: "),
        (b"\x08\x01", Status.INVALID_ARGUMENT, "field 1 is of another type"),
        (b"\x0a\xff\x03" + bytes(511), Status.RESOURCE_EXHAUSTED, "the request has 514 bytes, and no more than 100"),
    ],
    ids=["noise", "another type", "too large"],
)
async def test_what_is_no_request_is_refused(tmp_path: Path, body: bytes, status: Status, said: str) -> None:
    """Before a function sees it."""
    async with served(rename, tmp_path, ServerLimits(message_bytes=100)) as channel:
        with pytest.raises(GRPCError) as caught:
            await unary(channel, METHODS[Hook.ROUTE], body)
    assert (caught.value.status, said in str(caught.value.message)) == (status, True), caught.value


async def unary(channel: Channel, path: str, body: bytes) -> None:
    """Call with any bytes."""
    channel._codec = CODEC
    async with channel.request(path, Cardinality.UNARY_UNARY, bytes, bytes) as stream:
        await stream.send_message(body, end=True)
        await stream.recv_message()


async def test_it_says_how_it_is(tmp_path: Path) -> None:
    """grpc.health.v1, for the whole and for the service."""
    async with served(rename, tmp_path) as channel:
        stub = HealthStub(channel)
        for service in ("", SERVICE):
            response = await stub.check(HealthCheckRequest(service))
            assert response.status == HealthCheckResponseServingStatus.SERVING
        with pytest.raises(GRPCError, match="unknown service"):
            await stub.check(HealthCheckRequest("other"))
        async for response in stub.watch(HealthCheckRequest()):
            assert response.status == HealthCheckResponseServingStatus.SERVING
            break
