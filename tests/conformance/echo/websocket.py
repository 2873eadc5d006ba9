"""WebSocket for a backend: every message comes back.

Source: RFC 6455.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib

from tests.conformance.echo.messages import Request

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE = 8


def is_upgrade(request: Request) -> bool:
    """Tell whether a request asks for a WebSocket."""
    named = {name.lower(): value.lower() for name, value in request.headers}
    return named.get("upgrade") == "websocket"


def accept_key(key: str) -> str:
    """Return what proves that the server understood the client's key."""
    return base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode()).digest()).decode()


async def echo(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rest: bytes) -> None:
    """Accept the upgrade, and send every frame back until the client closes.

    Args:
        request: the upgrade.
        reader: of the connection.
        writer: of the connection.
        rest: what was read beyond the request; a client waits for the answer first, so there is none.
    """
    assert not rest, "the client did not wait for the answer to its upgrade"
    key = next(value for name, value in request.headers if name.lower() == "sec-websocket-key")
    head = f"upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {accept_key(key)}"
    writer.write(f"HTTP/1.1 101 Switching Protocols\r\n{head}\r\n\r\n".encode())
    while True:
        opcode, payload = await _frame(reader)
        writer.write(bytes([0x80 | opcode, len(payload)]) + payload)
        if opcode == _CLOSE:
            return


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read a masked frame of at most 125 bytes, which is all that the suite sends."""
    first, second = await reader.readexactly(2)
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(second & 0x7F)
    return first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
