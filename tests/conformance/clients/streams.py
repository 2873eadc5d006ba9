"""Clients of the TCP, UDP, DNS and WebSocket backends."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

from tests.conformance.clients.connect import LIMIT_S, Tls, connect
from tests.conformance.echo.streams import WELCOME
from tests.conformance.echo.websocket import accept_key

UDP_LIMIT_S = 1.0
"""For one datagram to come back: the next try sends another."""

_TEXT, _BYTES = 0x81, 0x82
_MASKED = 0x80


def tcp_dialogue(address: str, port: int, tls: Tls | None) -> dict[str, Any]:
    """Speak with a TCP backend.

    Returns:
        What it says of itself and the connection, its answer to IS_TLS as `says_tls`.

    Raises:
        OSError: the connection failed or ended early.
        AssertionError: it answers otherwise than the suite's backends.
    """
    with connect(address, port, tls) as connection, connection.makefile("rw", newline="\n") as stream:
        welcome = stream.readline()
        if not welcome:
            raise ConnectionResetError("the connection was closed without a welcome")
        assert welcome == WELCOME, f"welcomed with {welcome!r}"
        pong, says_tls, seen = (_ask(stream, question) for question in ("PING", "IS_TLS", "TEST"))
        assert pong == "PONG", f"PING is answered with {pong!r}"
        return {**json.loads(seen), "says_tls": json.loads(says_tls)}


def _ask(stream: Any, question: str) -> str:
    stream.write(f"{question}\n")
    stream.flush()
    line: str = stream.readline()
    if not line:
        raise ConnectionResetError(f"the connection was closed after {question}")
    return line.strip()


def udp_echo(address: str, port: int) -> dict[str, Any]:
    """Send a datagram, and return what the backend says of itself.

    Raises:
        OSError: nothing came back.
    """
    answer: dict[str, Any] = json.loads(_datagram(address, port, b"conformance"))
    return answer


def dns(address: str, port: int, name: str) -> int:
    """Ask for the IPv4 addresses of a name.

    Returns:
        How many answers came.

    Raises:
        OSError: nothing came back.
    """
    identity = secrets.token_bytes(2)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.strip(".").split("."))
    head = identity + b"\x01\x00" + struct.pack(">HHHH", 1, 0, 0, 0)
    answer = _datagram(address, port, head + labels + b"\x00" + struct.pack(">HH", 1, 1))
    assert answer[:2] == identity, "an answer to another question"
    return int(struct.unpack(">H", answer[6:8])[0])


def _datagram(address: str, port: int, content: bytes) -> bytes:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(UDP_LIMIT_S)
        client.connect((address, port))
        client.send(content)
        return client.recv(65536)


def websocket_echo(
    address: str, port: int, host: str, target: str, messages: Sequence[str | bytes]
) -> tuple[str | bytes, ...]:
    """Open a WebSocket, send texts and bytes and return what comes back.

    Args:
        address: of the listener.
        port: of the listener.
        host: of the request.
        target: of the request.
        messages: each below 126 bytes.

    Raises:
        OSError: the connection failed.
        AssertionError: the upgrade was refused.
    """
    with connect(address, port) as connection, connection.makefile("rb") as stream:
        connection.settimeout(LIMIT_S)
        _upgrade(connection, stream, host, target)
        return tuple(_echoed(connection, stream, message) for message in messages)


def _upgrade(connection: socket.socket, stream: BinaryIO, host: str, target: str) -> None:
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    lines = (
        f"GET {target} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    )
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    status = stream.readline().decode()
    assert " 101 " in status, f"the upgrade was answered with {status.strip()!r}"
    head = list(iter(stream.readline, b"\r\n"))
    assert any(accept_key(key).encode() in line for line in head), "the upgrade was accepted with another key"


def _echoed(connection: socket.socket, stream: BinaryIO, message: str | bytes) -> str | bytes:
    opcode, payload = (_BYTES, message) if isinstance(message, bytes) else (_TEXT, message.encode())
    # A mask of zeros leaves the message as it is.
    connection.sendall(bytes([opcode, _MASKED | len(payload)]) + bytes(4) + payload)
    kind, size = stream.read(2)
    content = stream.read(size)
    return content.decode() if kind == _TEXT else content
