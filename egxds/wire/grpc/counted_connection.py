"""Wire room: grpclib's connection, with a count of what it holds of both directions."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from grpclib.protocol import Buffer, Connection, Stream
from h2.connection import ConnectionState

if TYPE_CHECKING:
    from asyncio import Transport
    from collections.abc import Callable

    from grpclib.config import Configuration
    from grpclib.utils import Wrapper
    from h2.connection import H2Connection

    from egxds.wire.grpc.unread_bytes import UnreadOfConnection
    from egxds.wire.grpc.unwritten_bytes import UnwrittenBytes

_FRAME_BYTES = 256
"""What a frame takes beside its bytes: of frames of one byte, that is all that counts."""


class CountedBuffer(Buffer):
    """What came of a stream and was not read."""

    def __init__(self, ack: Callable[[int], None], unread: UnreadOfConnection) -> None:
        """Start with nothing.

        Args:
            ack: gives the client so much of its window back.
            unread: of the connection.
        """
        super().__init__(ack)
        self._unread = unread
        self._bytes = 0
        self._counted = 0
        self._is_dropped = False

    def add(self, data: bytes, ack_size: int) -> None:
        """Take what came."""
        super().add(data, ack_size)
        self._bytes += len(data)
        self._count()

    async def read(self, size: int) -> bytes:
        """Return so many bytes, once they have come."""
        data = await super().read(size)
        self._bytes -= len(data)
        self._count()
        return data

    def drop(self) -> None:
        """Let go of it: nobody will read it, and a connection that was lost lies about until garbage is collected."""
        self.unacked_size()
        self._acked.clear()
        self._unread.change(-self._counted)
        self._is_dropped = True

    def _count(self) -> None:
        if self._is_dropped:
            return
        held = self._bytes + _FRAME_BYTES * (self._unacked.qsize() + len(self._acked))
        self._unread.change(held - self._counted)
        self._counted = held


class CountedConnection(Connection):
    """Holds the HTTP/2 state of a connection, and writes.

    Attributes:
        is_parting: it is to end with its last call.
    """

    def __init__(
        self,
        h2: H2Connection,
        transport: Transport,
        config: Configuration,
        unread: UnreadOfConnection,
        unwritten: UnwrittenBytes,
        cut_off: Callable[[], None],
    ) -> None:
        """Start to count.

        Args:
            h2: of the connection.
            transport: its other end is the client.
            config: of gRPC.
            unread: what it has received.
            unwritten: what all connections have not written.
            cut_off: ends it where that is too much.
        """
        super().__init__(h2, transport, config=config)
        self.is_parting = False
        self._unread = unread
        self._all_unwritten = unwritten
        self._unwritten = unwritten.open(transport.get_write_buffer_size, lambda: self.data_sent, cut_off)

    def create_stream(self, *, stream_id: int | None = None, wrapper: Wrapper | None = None) -> Stream:
        """Take note of a call."""
        stream = super().create_stream(stream_id=stream_id, wrapper=wrapper)
        if stream_id is not None:
            stream.buffer = CountedBuffer(partial(self.ack, stream_id), self._unread)
        return stream

    def ack(self, stream_id: int, size: int) -> None:
        """Give the client so much of its windows back; nothing once it was told GOAWAY, which is the last it hears."""
        if self._connection.state_machine.state is not ConnectionState.CLOSED:
            super().ack(stream_id, size)

    def flush(self) -> None:
        """Write what HTTP/2 has to say."""
        super().flush()
        self._count()

    def headers_send_process(self) -> None:
        """Note that headers were written."""
        super().headers_send_process()
        self._count()

    def data_send_process(self) -> None:
        """Note that data was written."""
        super().data_send_process()
        self._count()

    def lost(self) -> None:
        """Count nothing any more."""
        self._unread.close()
        self._unwritten.close()

    def _count(self) -> None:
        now_s = time.monotonic()
        self._unwritten.look(now_s)
        self._all_unwritten.keep_within_limit(now_s)
