"""An HTTP/2 client without a gRPC library: it can send frames that no library sends, and show every one it gets."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketStream
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import Event, RemoteSettingsChanged, ResponseReceived, TrailersReceived

_PATIENCE_S = 20
NO_HEADERS: Mapping[str, str] = {}


def framed(message: bytes, *, flag: int = 0, size: int | None = None) -> bytes:
    """Return a gRPC message with its prefix; `size` makes the prefix lie."""
    return struct.pack(">BI", flag, len(message) if size is None else size) + message


def unknown_frame(stream_id: int = 0) -> bytes:
    """Return a frame of a type that HTTP/2 does not know."""
    payload = b"greetings"
    return len(payload).to_bytes(3, "big") + bytes((0x4D, 0)) + stream_id.to_bytes(4, "big") + payload


class RawClient:
    """One connection."""

    def __init__(self, connection: SocketStream) -> None:
        self._connection = connection
        self.h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.seen: list[Event] = []

    async def flush(self) -> None:
        """Send what is waiting."""
        await self._connection.send(self.h2.data_to_send())

    async def greet(self) -> None:
        """Hear the server's settings, and say so: from here on they are in force."""
        await self.flush()
        await self.wait_for(lambda event: isinstance(event, RemoteSettingsChanged))

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes past the HTTP/2 library."""
        await self.flush()
        await self._connection.send(data)

    async def send_raw(self, data: bytes) -> None:
        """Send bytes, and not even a connection preface before them."""
        await self._connection.send(data)

    async def open(self, path: str, other: Mapping[str, str] = NO_HEADERS) -> int:
        """Start a call, with other headers in the place of usual ones; return the number of its stream."""
        stream_id = self.queue_open(path, other)
        await self.flush()
        return stream_id

    def queue_open(self, path: str, other: Mapping[str, str] = NO_HEADERS) -> int:
        """Start a call with the next bytes that are sent, likewise."""
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream_id, self.headers(path, other))
        return stream_id

    @staticmethod
    def headers(path: str, other: Mapping[str, str] = NO_HEADERS) -> list[tuple[str, str]]:
        """Return what a call begins with."""
        usual = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": "xds",
            "te": "trailers",
            "content-type": "application/grpc+proto",
        }
        return list({**usual, **other}.items())

    async def send(self, stream_id: int, data: bytes, *, last: bool = False) -> None:
        """Send data of a call; it has to fit into the window."""
        self.h2.send_data(stream_id, data, end_stream=last)
        await self.flush()

    async def wait_for(self, wanted: Callable[[Event], bool]) -> Event:
        """Return the first event that is wanted, of those seen and those to come."""
        looked_at = 0
        with anyio.fail_after(_PATIENCE_S):
            while True:
                for event in self.seen[looked_at:]:
                    if wanted(event):
                        return event
                looked_at = len(self.seen)
                self.seen += self.h2.receive_data(await self._connection.receive())
                await self.flush()

    async def hear(self) -> None:
        """Take what comes next."""
        self.seen += self.h2.receive_data(await self._connection.receive())
        await self.flush()

    async def trailers(self, stream_id: int) -> dict[str, str]:
        """Return the trailers of a call, also where they are all that it got."""

        def is_end(event: Event) -> bool:
            is_last = isinstance(event, TrailersReceived) or (
                isinstance(event, ResponseReceived) and event.stream_ended is not None
            )
            return is_last and getattr(event, "stream_id", 0) == stream_id

        event = await self.wait_for(is_end)
        assert isinstance(event, TrailersReceived | ResponseReceived)
        return {str(name): str(value) for name, value in event.headers or ()}

    async def is_closed(self) -> bool:
        """Wait for the end of the connection; False where bytes come instead."""
        with anyio.fail_after(_PATIENCE_S):
            try:
                await self._connection.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return True
        return False


@asynccontextmanager
async def raw_client(address: str, local: str | None = None) -> AsyncIterator[RawClient]:
    """Connect, from an address of this machine if need be."""
    host, _, port = address.rpartition(":")
    async with await anyio.connect_tcp(host, int(port), local_host=local) as connection:
        yield RawClient(connection)
