"""A gRPC server without any generated code: every method of a service answers with who it is and what reached it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping

from grpclib.client import Channel
from grpclib.client import Stream as ClientStream
from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.metadata import Deadline
from grpclib.server import Stream

from tests.envoy.grpc_listening import GrpcListening


class TextCodec(CodecBase):
    """Messages are text."""

    __content_subtype__ = "proto"

    def encode(self, message: str, message_type: type[str]) -> bytes:
        return message.encode()

    def decode(self, data: bytes, message_type: type[str]) -> str:
        return data.decode()


class GrpcBackend(GrpcListening):
    """Serves methods of one service."""

    def __init__(self, name: str, service: str, *methods: str, tls: ssl.SSLContext | None = None) -> None:
        """Prepare to serve.

        Args:
            name: what it calls itself.
            service: full name.
            methods: their names.
            tls: its TLS; without TLS where None.
        """
        self._name = name
        paths = [f"/{service}/{method}" for method in methods]
        handlers = {path: Handler(self._answer(path), Cardinality.UNARY_UNARY, str, str) for path in paths}
        super().__init__(handlers, TextCodec(), tls)

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
