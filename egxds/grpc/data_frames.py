"""Cellar: a message as DATA frames of HTTP/2, made once for the streams that it goes to.

h2 makes the frames of every stream anew, one by one, and copies their bytes several times on the way: for 1,000 streams
that costs more than all else that is done for them. Yet the frames of one message differ in nothing but the number of
their stream; and an Envoy has one stream on its connection, so that the number is mostly the same.

h2 remains the owner of a connection's state. Frames go past it only where it would let all of them through at once, and
it is told of them as if it had made them:

- the client takes their bytes now: they fit the windows of the stream and of the connection;
- none is larger than the client allows;
- what h2 and the transport have still to write goes first, and the transport is not full;
- both state machines are told of them (where they may not be sent, that raises what h2's own frames would raise), and
  both windows shrink by their bytes.

Anything else goes the long way: bit by bit, as the client takes it. A part is at most 64 KiB, so that a transport
never holds more than that beyond its own limit.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, cast

from h2.connection import ConnectionInputs
from h2.stream import StreamInputs

if TYPE_CHECKING:
    from grpclib.protocol import Stream

PREFIX = struct.Struct(">BI")
"""What stands before a gRPC message: whether it is compressed, and its size."""

PART_BYTES = 64 * 1024


class FramedMessage:
    """A message with its prefix, in parts that are written one after the other.

    Attributes:
        content: the message without its tail.
    """

    def __init__(self, content: bytes, tail: bytes = b"") -> None:
        """Prepare to write a message.

        Args:
            content: what it shares with other messages, and is not copied; large.
            tail: what follows, and is its own; small.
        """
        self.content = content
        self._tail = tail
        self._prefix = PREFIX.pack(0, len(self))
        # The frames made last, and of what. One is enough: streams that share a message are written one by one.
        self._made: tuple[int, int, int] | None = None
        self._frames = b""

    def __len__(self) -> int:
        """Return the size of the message without its prefix."""
        return len(self.content) + len(self._tail)

    @property
    def starts(self) -> range:
        """Where each part begins."""
        return range(0, len(self) + PREFIX.size, PART_BYTES)

    def part(self, start: int) -> bytes:
        """Return the part that begins there."""
        pieces: list[bytes | memoryview] = []
        for field in (self._prefix, self.content, self._tail):
            pieces.append(memoryview(field)[max(0, start) : max(0, start + PART_BYTES)])
            start -= len(field)
        return b"".join(pieces)

    def frames(self, start: int, stream_id: int, max_frame_bytes: int) -> bytes:
        """Return a part as DATA frames.

        Args:
            start: where the part begins.
            stream_id: number of the stream.
            max_frame_bytes: how much one frame may carry.
        """
        wanted = (start, stream_id, max_frame_bytes)
        if wanted != self._made:
            self._frames = _data_frames(memoryview(self.part(start)), stream_id, max_frame_bytes)
            self._made = wanted
        return self._frames


def _data_frames(data: memoryview, stream_id: int, max_frame_bytes: int) -> bytes:
    tail = b"\0\0" + stream_id.to_bytes(4, "big")
    pieces: list[bytes | memoryview] = []
    for at in range(0, len(data), max_frame_bytes):
        piece = data[at : at + max_frame_bytes]
        pieces += (len(piece).to_bytes(3, "big") + tail, piece)
    return b"".join(pieces)


def write_now(stream: Stream, message: FramedMessage, start: int) -> bool:
    """Write a part at once, if the client and the transport take all of it.

    Args:
        stream: where to; its headers have been sent.
        message: what.
        start: where its part begins.

    Returns:
        Whether it was written; nothing has happened otherwise.

    Raises:
        ProtocolError: nothing may be sent on the stream any more.
    """
    connection, stream_id = stream.connection, cast("int", stream.id)
    h2 = stream._h2_connection  # noqa: SLF001 there is no other way to it
    size = min(PART_BYTES, len(message) + PREFIX.size - start)
    if not connection.write_ready.is_set() or size > h2.local_flow_control_window(stream_id):
        return False
    h2_stream = h2.streams[stream_id]
    h2.state_machine.process_input(ConnectionInputs.SEND_DATA)
    h2_stream.state_machine.process_input(StreamInputs.SEND_DATA)
    h2.outbound_flow_control_window -= size
    h2_stream.outbound_flow_control_window -= size
    transport = stream._transport  # noqa: SLF001 grpclib's own may be gone already
    waiting = h2.data_to_send()
    if waiting:
        transport.write(waiting)
    transport.write(message.frames(start, stream_id, h2.max_outbound_frame_size))
    stream.data_sent += size
    connection.data_sent += size
    connection.data_send_process()
    return True
