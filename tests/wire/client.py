"""A scripted delta client: it sends exactly what a test says and tells what it gets. Knows nothing of our codec."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import anyio
from envoy.service.discovery.v3 import discovery_pb2
from grpclib.client import Channel, Stream
from grpclib.config import Configuration
from grpclib.const import Cardinality, Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError, StreamTerminatedError

from tests.wire.world import content

ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
NODE = {"id": "n1", "cluster": "default/web"}

_BARRIER = "type.googleapis.com/envoy.service.runtime.v3.Runtime"
_PATIENCE_S = 20


class _Raw(CodecBase):
    __content_subtype__ = "proto"

    def encode(self, message: bytes, message_type: object) -> bytes:
        return message

    def decode(self, data: bytes, message_type: object) -> bytes:
        return data


@dataclass(frozen=True)
class Told:
    """A response: name → content of what it holds, and the names of what is gone."""

    type_url: str
    resources: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    nonce: str = field(default="", compare=False)
    control_plane: str = field(default="", compare=False)
    size: int = field(default=0, compare=False)


class Envoy:
    """One stream."""

    def __init__(self, stream: Stream[bytes, bytes]) -> None:
        self._stream = stream
        self._barriers = itertools.count(1)
        self._nonces: dict[str, str] = {}
        self.versions: dict[str, str] = {}

    async def ask(
        self,
        type_url: str,
        sub: Iterable[str] = (),
        unsub: Iterable[str] = (),
        irv: Mapping[str, str] | None = None,
        *,
        nonce: str = "",
        error: str = "",
        node: Mapping[str, str] | None = None,
    ) -> None:
        """Send a request; `error` makes it a NACK."""
        request = discovery_pb2.DeltaDiscoveryRequest(
            type_url=type_url,
            resource_names_subscribe=sub,
            resource_names_unsubscribe=unsub,
            initial_resource_versions=irv,
            response_nonce=nonce,
            node=node,
        )
        if error:
            request.error_detail.code = 13
            request.error_detail.message = error
        await self.send(request.SerializeToString())

    async def send(self, message: bytes) -> None:
        """Send these bytes as a message."""
        await self._stream.send_message(message)

    async def ack(self, type_url: str, sub: Iterable[str] = (), unsub: Iterable[str] = ()) -> None:
        """Accept the newest response of a type."""
        await self.ask(type_url, sub, unsub, nonce=self._nonces[type_url])

    async def nack(self, type_url: str, error: str, sub: Iterable[str] = ()) -> None:
        """Refuse the newest response of a type."""
        await self.ask(type_url, sub, nonce=self._nonces[type_url], error=error)

    async def receive(self) -> Any:
        """Wait for the next response, and return it as the message it is."""
        with anyio.fail_after(_PATIENCE_S):
            message = await self._stream.recv_message()
        if message is None:
            await self._stream.recv_trailing_metadata()
            raise EOFError("the stream has ended well")
        return discovery_pb2.DeltaDiscoveryResponse.FromString(message)

    async def told(self) -> Told:
        """Wait for the next response, and read it."""
        response = await self.receive()
        self._nonces[response.type_url] = response.nonce
        self.versions |= {resource.name: resource.version for resource in response.resources}
        return Told(
            type_url=response.type_url,
            resources={one.name: content(response.type_url, one.resource.value) for one in response.resources},
            removed=tuple(response.removed_resources),
            nonce=response.nonce,
            control_plane=response.control_plane.identifier,
            size=response.ByteSize(),
        )

    async def gets(self, type_url: str, sub: Iterable[str] = (), irv: Mapping[str, str] | None = None) -> Told:
        """Ask, accept the answer, return it."""
        await self.ask(type_url, sub, irv=irv)
        told = await self.told()
        await self.ack(type_url)
        return told

    async def is_told_nothing(self) -> bool:
        """Wait until the server has handled everything sent so far; return whether it was silent."""
        barrier = f"barrier-{next(self._barriers)}"
        await self.ask(_BARRIER, sub=[barrier])
        return await self.told() == Told(_BARRIER, removed=(barrier,))

    async def hang_up(self) -> None:
        """Half-close."""
        await self._stream.end()

    async def end(self) -> tuple[Status, str]:
        """Return how the server ends the stream; responses on the way are passed over."""
        try:
            while True:
                await self.told()
        except EOFError:
            return Status.OK, ""
        except GRPCError as err:
            return err.status, err.message or ""
        except StreamTerminatedError:
            # The server resets the stream behind its trailers: it wants no more of the request.
            opened = self._stream._stream
            trailers = dict(opened.headers or ()) | dict(opened.trailers or ())
            return Status(int(trailers["grpc-status"])), unquote(trailers.get("grpc-message", ""))

    async def headers(self) -> Any:
        """Wait for the initial metadata."""
        with anyio.fail_after(_PATIENCE_S):
            await self._stream.recv_initial_metadata()
        return self._stream.initial_metadata


@asynccontextmanager
async def connected(
    address: str, tls: ssl.SSLContext | None = None, window: int = 4 * 1024 * 1024
) -> AsyncIterator[Channel]:
    """Open a connection; it is made with the first stream."""
    config = Configuration(http2_connection_window_size=window, http2_stream_window_size=window)
    if address.startswith("unix:"):
        channel = Channel(path=address.removeprefix("unix:"), codec=_Raw(), config=config)
    else:
        host, _, port = address.rpartition(":")
        channel = Channel(host, int(port), codec=_Raw(), config=config, ssl=tls)
    try:
        yield channel
    finally:
        channel.close()


@asynccontextmanager
async def stream(channel: Channel, method: str = ADS) -> AsyncIterator[Envoy]:
    """Open a stream."""
    call = channel.request(method, Cardinality.STREAM_STREAM, bytes, bytes)
    await call.__aenter__()
    await call.send_request()
    try:
        yield Envoy(call)
    finally:
        if not call._cancel_done and call._stream.closable:
            await call.cancel()


@asynccontextmanager
async def envoy(
    address: str, node: Mapping[str, str] = NODE, tls: ssl.SSLContext | None = None, window: int = 4 * 1024 * 1024
) -> AsyncIterator[Envoy]:
    """Open a connection with one stream, and introduce the node with a request that asks for nothing."""
    async with connected(address, tls, window) as channel, stream(channel) as opened:
        await opened.ask(_BARRIER, sub=["*"], unsub=["*"], node=node)
        yield opened
