"""One gRPC stream on one HTTP/2 connection, as bytes in and bytes out: as little as both ends of the bench need.

Frames are read and written by hand (RFC 9113), since h2 takes about 0.1 ms for each of the 270 frames of a
RouteConfiguration of 10,000 virtual hosts: more than what is measured. Headers are not read. Windows are kept to, pings
are answered; the windows that are offered are Envoy's, and a frame is no larger than Envoy allows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from hpack import Encoder

METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GO_AWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_INITIAL_WINDOW_SIZE = 4
_STREAM_WINDOW, _CONNECTION_WINDOW = 16 * 2**20, 24 * 2**20
_DEFAULT_WINDOW = 65_535
_FRAME_BYTES = 16_384
_ANSWER_HEADERS = b"\x88\x0f\x10\x10application/grpc"
"""`:status: 200` and the content type, in HPACK."""


class StreamEndedError(Exception):
    """The other side has ended the stream or the connection."""


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">HBBBI", len(payload) >> 8, len(payload) & 0xFF, kind, flags, stream) + payload


def data_frames(message: bytes, stream: int = 1) -> bytes:
    """Return a gRPC message as DATA frames."""
    body = struct.pack(">BI", 0, len(message)) + message
    parts = (body[at : at + _FRAME_BYTES] for at in range(0, len(body), _FRAME_BYTES))
    return b"".join(_frame(_DATA, 0, stream, part) for part in parts)


class GrpcStream:
    """Either end of it; `take_outgoing` after every other call is to be written to the socket."""

    def __init__(self, authority: str | None = None) -> None:
        """Open it.

        Args:
            authority: of the server; None where this is the server.
        """
        self._is_server = authority is None
        self._stream = 1
        self._outgoing = bytearray()
        self._incoming = bytearray()
        self._body = bytearray()
        self._unsent = bytearray()
        self._awaits_preface = self._is_server
        self._unacknowledged = 0
        self._peer_initial_window = _DEFAULT_WINDOW
        self._stream_window = self._connection_window = _DEFAULT_WINDOW
        if authority is not None:
            self._outgoing += _PREFACE
        settings = struct.pack(">HI", _INITIAL_WINDOW_SIZE, _STREAM_WINDOW)
        self._outgoing += _frame(_SETTINGS, 0, 0, settings)
        self._outgoing += _frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", _CONNECTION_WINDOW - _DEFAULT_WINDOW))
        if authority is not None:
            self._outgoing += _frame(_HEADERS, _END_HEADERS, self._stream, _request_headers(authority))

    def take_outgoing(self) -> bytes:
        """Return what is to be written, once."""
        taken = bytes(self._outgoing)
        self._outgoing.clear()
        return taken

    def send(self, message: bytes) -> None:
        """Send a message as far as the windows are open, the rest as they open."""
        self._unsent += struct.pack(">BI", 0, len(message)) + message
        self._flush()

    def receive(self, data: bytes) -> list[bytes]:
        """Take in what was read from the socket.

        Returns:
            The messages that are whole by now.

        Raises:
            StreamEndedError: there will be no more.
        """
        self._incoming += data
        if self._awaits_preface:
            if len(self._incoming) < len(_PREFACE):
                return []
            del self._incoming[: len(_PREFACE)]
            self._awaits_preface = False
        for kind, flags, stream, payload in self._frames():
            if kind == _DATA:
                self._body += payload
                self._unacknowledged += len(payload)
            else:
                self._control(kind, flags, stream, payload)
            if kind in (_DATA, _HEADERS) and flags & _END_STREAM:
                raise StreamEndedError
        self._open_windows()
        return list(self._messages())

    def _frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        at, buffer = 0, self._incoming
        while len(buffer) - at >= 9:
            high, low, kind, flags, stream = struct.unpack_from(">HBBBI", buffer, at)
            end = at + 9 + (high << 8 | low)
            if end > len(buffer):
                break
            payload = bytes(memoryview(buffer)[at + 9 : end])
            at = end
            yield kind, flags, stream, payload
        del buffer[:at]

    def _control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _SETTINGS and not flags & _ACK:
            self._take_settings(payload)
            self._outgoing += _frame(_SETTINGS, _ACK, 0, b"")
        elif kind == _PING and not flags & _ACK:
            self._outgoing += _frame(_PING, _ACK, 0, payload)
        elif kind == _WINDOW_UPDATE:
            self._widen(stream, struct.unpack(">I", payload)[0])
        elif kind == _HEADERS and self._is_server:
            self._stream = stream
            self._stream_window = self._peer_initial_window
            self._outgoing += _frame(_HEADERS, _END_HEADERS, stream, _ANSWER_HEADERS)
        elif kind in (_RESET, _GO_AWAY):
            raise StreamEndedError

    def _take_settings(self, payload: bytes) -> None:
        for key, value in struct.iter_unpack(">HI", payload):
            if key == _INITIAL_WINDOW_SIZE:
                self._stream_window += value - self._peer_initial_window
                self._peer_initial_window = value
        self._flush()

    def _widen(self, stream: int, by: int) -> None:
        if stream:
            self._stream_window += by
        else:
            self._connection_window += by
        self._flush()

    def _flush(self) -> None:
        while self._unsent:
            size = min(len(self._unsent), _FRAME_BYTES, self._stream_window, self._connection_window)
            if size <= 0:
                return
            self._outgoing += _frame(_DATA, 0, self._stream, bytes(memoryview(self._unsent)[:size]))
            del self._unsent[:size]
            self._stream_window -= size
            self._connection_window -= size

    def _open_windows(self) -> None:
        if self._unacknowledged > _STREAM_WINDOW // 4:
            by = struct.pack(">I", self._unacknowledged)
            self._outgoing += _frame(_WINDOW_UPDATE, 0, 0, by) + _frame(_WINDOW_UPDATE, 0, self._stream, by)
            self._unacknowledged = 0

    def _messages(self) -> Iterator[bytes]:
        while len(self._body) >= 5:
            end = 5 + struct.unpack_from(">I", self._body, 1)[0]
            if len(self._body) < end:
                return
            yield bytes(memoryview(self._body)[5:end])
            del self._body[:end]


def _request_headers(authority: str) -> bytes:
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", METHOD),
        (":authority", authority),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]
    encoded: bytes = Encoder().encode(headers)
    return encoded
