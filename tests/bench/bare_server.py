"""The floor: a bare delta server that pushes ready-made bytes and looks at nothing but names that are asked for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Self, TypeVar, cast

import uvloop

from egxds.generated import discovery_pb2
from tests.bench.grpc_stream import GrpcStream, StreamEndedError, data_frames

Bodies = dict[str, dict[str, bytes]]
"""Type URL → resource name → encoded resource."""

T = TypeVar("T")


def encode_response(type_url: str, bodies: Mapping[str, bytes], nonce: str = "bare") -> bytes:
    """Encode a response, ahead of the moment that is measured."""
    response = discovery_pb2.DeltaDiscoveryResponse(type_url=type_url, nonce=nonce)
    for name, body in bodies.items():
        resource = response.resources.add(name=name, version=nonce)
        resource.resource.type_url = type_url
        resource.resource.value = body
    return response.SerializeToString()


class BareServer:
    """Runs on a thread of its own, with its own event loop.

    Attributes:
        port: where it listens on the loopback address.
        bodies: what it answers to those who ask; it may be changed.
    """

    def __init__(self, bodies: Bodies) -> None:
        self.bodies = bodies
        self.port = 0
        self._streams: set[_Stream] = set()
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bare server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._call(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def push(self, messages: Sequence[bytes]) -> None:
        """Send encoded responses to every stream, in order."""

        def write() -> None:
            for stream in list(self._streams):
                for message in messages:
                    stream.push(message)

        self._run(write)

    def push_frames(self, message: bytes) -> float:
        """Send one encoded response to every stream as frames that are made once, windows taken for open.

        Returns:
            Seconds of CPU that this took.
        """
        frames = data_frames(message)

        def write() -> float:
            begun = time.thread_time()
            for stream in self._streams:
                stream.transport.write(frames)
            return time.thread_time() - begun

        return self._run(write)

    def take(self, messages: Sequence[bytes]) -> None:
        """Have those who ask from now on get what these responses say."""
        for message in messages:
            response = discovery_pb2.DeltaDiscoveryResponse.FromString(message)
            bodies = self.bodies.setdefault(response.type_url, {})
            bodies.update({resource.name: resource.resource.value for resource in response.resources})
            for name in response.removed_resources:
                bodies.pop(name, None)

    def _call(self, coroutine: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def _run(self, function: Callable[[], T]) -> T:
        async def call() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(60)

    async def _listen(self) -> asyncio.AbstractServer:
        return await self._loop.create_server(lambda: _Stream(self), "127.0.0.1", 0, backlog=2048)

    async def _close(self) -> None:
        self._server.close()
        for stream in list(self._streams):
            stream.transport.abort()

    def opened(self, stream: _Stream) -> None:
        """Note a stream."""
        self._streams.add(stream)

    def closed(self, stream: _Stream) -> None:
        """Forget a stream."""
        self._streams.discard(stream)


class _Stream(asyncio.Protocol):
    def __init__(self, server: BareServer) -> None:
        self._server = server
        self._grpc = GrpcStream()
        self._asked: set[str] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._server.opened(self)
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.closed(self)

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._grpc.receive(data)
        except StreamEndedError:
            self.transport.close()
            return
        for message in messages:
            self._answer(discovery_pb2.DeltaDiscoveryRequest.FromString(message))
        self._write()

    def push(self, message: bytes) -> None:
        self._grpc.send(message)
        self._write()

    def _answer(self, request: discovery_pb2.DeltaDiscoveryRequest) -> None:
        wanted = request.resource_names_subscribe
        is_first = request.type_url not in self._asked
        self._asked.add(request.type_url)
        if not wanted and not is_first:
            return
        bodies = self._server.bodies.get(request.type_url, {})
        found = {name: bodies[name] for name in wanted if name in bodies} if wanted else bodies
        self._grpc.send(encode_response(request.type_url, found))

    def _write(self) -> None:
        outgoing = self._grpc.take_outgoing()
        if outgoing:
            self.transport.write(outgoing)
