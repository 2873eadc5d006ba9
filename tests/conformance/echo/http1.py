"""HTTP/1.1 for a backend."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import h11

from tests.conformance.echo import websocket
from tests.conformance.echo.messages import Request, ResetConnectionError, Respond, Response, tls_state
from tests.conformance.echo.pod import Pod

_NO_LINGER = struct.pack("ii", 1, 0)


async def serve(pod: Pod, respond: Respond, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection until the client closes it."""
    connection = h11.Connection(h11.SERVER)
    async for request in _requests(connection, reader, writer):
        if websocket.is_upgrade(request):
            await websocket.echo(request, reader, writer, connection.trailing_data[0])
            return
        try:
            response = await respond(pod, request)
        except ResetConnectionError:
            _reset(writer)
            return
        writer.write(_encoded(connection, response))
        await writer.drain()
        if connection.our_state is h11.MUST_CLOSE:
            return
        connection.start_next_cycle()


async def _requests(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> AsyncIterator[Request]:
    """Read one request after the other, bodies left out."""
    seen: h11.Request | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            seen = event
        elif isinstance(event, h11.EndOfMessage) and seen is not None:
            yield _request(seen, writer)
        elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
            return


def _request(seen: h11.Request, writer: asyncio.StreamWriter) -> Request:
    headers = [(name.decode().title(), value.decode("latin-1")) for name, value in seen.headers]
    host = next((value for name, value in headers if name == "Host"), "")
    rest = [(name, value) for name, value in headers if name != "Host"]
    return Request(seen.method.decode(), seen.target.decode("latin-1"), host, "HTTP/1.1", rest, tls_state(writer))


def _encoded(connection: h11.Connection, response: Response) -> bytes:
    head = [*response.headers, ("content-length", str(len(response.body)))]
    events = (
        h11.Response(status_code=response.status, headers=head),
        h11.Data(data=response.body),
        h11.EndOfMessage(),
    )
    return b"".join(connection.send(event) or b"" for event in events)


def _reset(writer: asyncio.StreamWriter) -> None:
    plain: socket.socket = writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()
