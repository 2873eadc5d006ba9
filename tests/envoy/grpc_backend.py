"""A gRPC server without any generated code: every method of a service answers with who it is and what reached it."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from grpclib.client import Channel
from grpclib.client import Stream as ClientStream
from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.metadata import Deadline
from grpclib.server import Server, Stream

from tests.ports import free_port


class TextCodec(CodecBase):
    """Messages are text."""

    __content_subtype__ = "proto"

    def encode(self, message: str, message_type: type[str]) -> bytes:
        return message.encode()

    def decode(self, data: bytes, message_type: type[str]) -> str:
        return data.decode()


class GrpcBackend:
    """Serves methods of one service on the loopback address.

    Attributes:
        port: where it listens.
    """

    def __init__(self, name: str, service: str, *methods: str, tls: ssl.SSLContext | None = None) -> None:
        """Prepare to serve.

        Args:
            name: what it calls itself.
            service: full name.
            methods: their names.
            tls: its TLS; without TLS where None.
        """
        self._name = name
        self._tls = tls
        self._paths = [f"/{service}/{method}" for method in methods]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.port = free_port()

    def __mapping__(self) -> dict[str, Handler]:
        return {path: Handler(self._answer(path), Cardinality.UNARY_UNARY, str, str) for path in self._paths}

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._server = Server([self], codec=TextCodec())
        await self._server.start("127.0.0.1", self.port, ssl=self._tls)

    async def _stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _answer(self, path: str):  # type: ignore[no-untyped-def]
        async def answer(stream: Stream[str, str]) -> None:
            await stream.recv_message()
            metadata = {key: str(value) for key, value in (stream.metadata or {}).items()}
            await stream.send_message(json.dumps({"backend": self._name, "path": path, "metadata": metadata}))

        return answer


def call(port: int, host: str, path: str, metadata: Mapping[str, str] | None = None) -> dict[str, object]:
    """Make one call through an Envoy.

    Args:
        port: of the Envoy.
        host: what the client asks for.
        path: of the method.
        metadata: sent with the call.

    Raises:
        GRPCError: it was refused.
    """

    async def made() -> str | None:
        channel = Channel("127.0.0.1", port, codec=TextCodec())
        channel._authority = host
        deadline = Deadline.from_timeout(10)
        stream: ClientStream[str, str] = channel.request(
            path, Cardinality.UNARY_UNARY, str, str, deadline=deadline, metadata=dict(metadata or {})
        )
        try:
            async with stream as opened:
                await opened.send_message("?", end=True)
                return await opened.recv_message()
        finally:
            channel.close()

    answered: dict[str, object] = json.loads(asyncio.run(made()) or "{}")
    return answered
