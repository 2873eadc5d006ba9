"""An HTTP/2 server that answers every request with a script: for what no gRPC library lets a server say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import anyio
from anyio.abc import ByteStream, SocketAttribute
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded

_GRPC = (("content-type", "application/grpc"),)
_OK = (("grpc-status", "0"),)


@dataclass(frozen=True, slots=True)
class Script:
    """What to answer.

    Attributes:
        body: the DATA frame.
        status: the HTTP status.
        headers: besides the status.
        trailers: end the stream; where empty, the DATA frame does.
    """

    body: bytes = b""
    status: str = "200"
    headers: tuple[tuple[str, str], ...] = _GRPC
    trailers: tuple[tuple[str, str], ...] = _OK


@asynccontextmanager
async def scripted_server(script: Script) -> AsyncIterator[dict[str, object]]:
    """Serve until the block is left; yields the `service` key of an extension manager's settings."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")

    async def serve(stream: ByteStream) -> None:
        with suppress(anyio.BrokenResourceError):
            async with stream:
                await _serve(stream, script)

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield {"ip": {"address": "127.0.0.1", "port": listener.extra(SocketAttribute.local_port)}}
        tasks.cancel_scope.cancel()


async def _serve(stream: ByteStream, script: Script) -> None:
    connection = H2Connection(H2Configuration(client_side=False))
    connection.initiate_connection()
    await stream.send(connection.data_to_send())
    async for data in stream:
        for event in connection.receive_data(data):
            if isinstance(event, StreamEnded) and event.stream_id is not None:
                _answer(connection, event.stream_id, script)
        await stream.send(connection.data_to_send() or b"")


def _answer(connection: H2Connection, stream_id: int, script: Script) -> None:
    connection.send_headers(stream_id, [(":status", script.status), *script.headers])
    connection.send_data(stream_id, script.body, end_stream=not script.trailers)
    if script.trailers:
        connection.send_headers(stream_id, script.trailers, end_stream=True)
