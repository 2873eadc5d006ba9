"""DATA frames that are made once leave h2's state as if h2 had made them."""

from __future__ import annotations

from asyncio import Transport
from typing import Any, cast

import pytest
from grpclib.config import Configuration
from grpclib.protocol import Connection, Stream
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st

from egxds.grpc.data_frames import PART_BYTES, FramedMessage, write_now

STREAM = 1
HEADERS = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "xds")]
LARGEST_WINDOW = 2**31 - 1


class Wire:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return False


class Call:
    """A client and a server, and a stream between them that has its headers."""

    def __init__(self, max_frame: int = 16_384, window: int = 65_535) -> None:
        self.client = H2Connection(H2Configuration())
        self.server = H2Connection(H2Configuration(client_side=False))
        self.client.initiate_connection()
        self.server.initiate_connection()
        settings: dict[SettingCodes | int, int] = {
            SettingCodes.MAX_FRAME_SIZE: max_frame,
            SettingCodes.INITIAL_WINDOW_SIZE: window,
        }
        self.client.update_settings(settings)
        if window > 65_535:
            self.client.increment_flow_control_window(window - 65_535)
        self.client.send_headers(STREAM, HEADERS)
        for _ in range(2):
            self.server.receive_data(self.client.data_to_send())
            self.client.receive_data(self.server.data_to_send())
        self.server.send_headers(STREAM, [(":status", "200")])
        self.wire = Wire()
        self.connection = Connection(self.server, cast("Transport", self.wire), config=Configuration())
        self.stream: Stream = self.connection.create_stream(stream_id=STREAM)

    def received(self) -> bytes:
        """Return what the client got."""
        events = [event for data in self.wire.written for event in self.client.receive_data(data)]
        return b"".join(event.data for event in events if isinstance(event, DataReceived))

    def state(self) -> tuple[Any, ...]:
        """Return what h2 believes of the connection and the stream."""
        stream = self.server.streams[STREAM]
        return (
            self.server.state_machine.state,
            stream.state_machine.state,
            self.server.outbound_flow_control_window,
            stream.outbound_flow_control_window,
            self.server.local_flow_control_window(STREAM),
        )


def write_by_h2(call: Call, data: bytes) -> None:
    """Write data as h2 would have it written."""
    for at in range(0, len(data), call.server.max_outbound_frame_size):
        call.server.send_data(STREAM, data[at : at + call.server.max_outbound_frame_size])
    call.wire.write(call.server.data_to_send())


@given(
    size=st.integers(0, 3 * PART_BYTES),
    max_frame=st.sampled_from([16_384, 16_385, 50_000, 2**24 - 1]),
    window=st.integers(1, 4 * PART_BYTES),
)
def test_client_and_h2_see_no_difference(size: int, max_frame: int, window: int) -> None:
    """Whatever fits is the same on the wire, byte by byte, and to h2; what does not fit leaves no trace."""
    ours, theirs = Call(max_frame, window), Call(max_frame, window)
    message = FramedMessage(bytes(size))
    sent = b""
    for start in message.starts:
        part = message.part(start)
        fits = len(part) <= theirs.server.local_flow_control_window(STREAM)
        assert write_now(ours.stream, message, start) is fits
        if not fits:
            break
        write_by_h2(theirs, part)
        sent += part
        assert ours.state() == theirs.state()
    assert ours.state() == theirs.state()
    if sent:
        assert b"".join(ours.wire.written) == b"".join(theirs.wire.written)
        assert ours.received() == theirs.received() == sent
    assert ours.stream.data_sent == ours.connection.data_sent == len(sent)


def test_frames_are_made_once_for_streams_of_one_number() -> None:
    """Two connections are written the same object; a stream of another number has frames of its own."""
    message = FramedMessage(b"head" + bytes(40_000), b"tail")
    calls = [Call() for _ in range(2)]
    for call in calls:
        assert write_now(call.stream, message, 0)
    assert calls[0].wire.written[-1] is calls[1].wire.written[-1]
    assert message.frames(0, 3, 16_384) != message.frames(0, 1, 16_384)


def test_message_is_whole() -> None:
    """Parts make up the prefix, the content, which is not copied, and the tail."""
    content = b"headbody"
    message = FramedMessage(content, b"tail")
    assert len(message) == 12
    assert message.content is content
    assert b"".join(message.part(start) for start in message.starts) == b"\0\0\0\0\x0cheadbodytail"


@given(content=st.integers(0, 3 * PART_BYTES), tail=st.integers(0, 2 * PART_BYTES))
def test_parts_are_cut_anywhere(content: int, tail: int) -> None:
    """Wherever content and tail end, every part but the last is full."""
    message = FramedMessage(b"c" * content, b"t" * tail)
    parts = [message.part(start) for start in message.starts]
    assert b"".join(parts)[5:] == b"c" * content + b"t" * tail
    assert all(len(part) == PART_BYTES for part in parts[:-1])


def test_full_transport_is_not_written_to() -> None:
    """Where the transport has said that it is full, nothing is written."""
    call = Call()
    call.connection.pause_writing()
    before = call.state()
    assert not write_now(call.stream, FramedMessage(b"x"), 0)
    assert (call.state(), call.wire.written) == (before, [])


def test_what_h2_has_to_send_goes_first() -> None:
    """Frames of h2 that wait for the next write keep their place."""
    call = Call()
    call.server.ping(b"question")
    assert write_now(call.stream, FramedMessage(b"x"), 0)
    assert b"question" in call.wire.written[0]
    assert call.received() == b"\0\0\0\0\x01x"


def test_nothing_is_sent_on_a_stream_that_has_ended() -> None:
    """A stream that the client has reset, and one that has its trailers, raise what h2 raises."""
    reset, ended = Call(), Call()
    reset.client.reset_stream(STREAM)
    reset.server.receive_data(reset.client.data_to_send())
    ended.server.end_stream(STREAM)
    for call in (reset, ended):
        with pytest.raises(ProtocolError):
            write_now(call.stream, FramedMessage(b"x"), 0)
        assert call.wire.written == []
