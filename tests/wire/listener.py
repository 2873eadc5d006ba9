"""Listens to `/api/v1/events` over a socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import SocketStream

_PATIENCE_S = 20


class Listener:
    """One connection that listens.

    Attributes:
        head: what the server said before the first event.
        is_over: whether the stream has ended as HTTP has it.
    """

    def __init__(self, stream: SocketStream, head: str, rest: bytes) -> None:
        self.head = head
        self.is_over = False
        self._stream = stream
        self._raw = rest
        self._text = ""

    @property
    def status(self) -> int:
        """Status of the answer."""
        return int(self.head.split(maxsplit=2)[1])

    async def next(self) -> tuple[str, dict[str, Any]]:
        """Return id and data of the next event."""
        with anyio.fail_after(_PATIENCE_S):
            while True:
                frame = await self._frame()
                lines = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
                if "data" in lines:
                    data = json.loads(lines["data"])
                    assert data["event"] == lines["event"]
                    return lines.get("id", ""), data

    async def until_over(self) -> None:
        """Wait for the end of the stream."""
        with anyio.fail_after(_PATIENCE_S):
            while not self.is_over:
                await self._receive()

    async def _frame(self) -> str:
        while "\n\n" not in self._text:
            assert not self.is_over, "the stream has ended"
            await self._receive()
        frame, _, self._text = self._text.partition("\n\n")
        return frame

    async def _receive(self) -> None:
        """Read on, chunk by chunk (RFC 9112, section 7.1)."""
        while True:
            size, line, rest = self._raw.partition(b"\r\n")
            length = int(size, 16) if line else 0
            if line and len(rest) >= length + 2:
                self._raw = rest[length + 2 :]
                self._text += rest[:length].decode()
                self.is_over = not length
                return
            self._raw += await self._stream.receive()


@asynccontextmanager
async def listening(
    address: str, query: str = "", headers: Mapping[str, str] | None = None, local_host: str = "127.0.0.1"
) -> AsyncIterator[Listener]:
    """Listen from an address of this machine."""
    host, _, port = address.rpartition(":")
    lines = [
        f"GET /api/v1/events{query} HTTP/1.1",
        f"Host: {address}",
        *(f"{k}: {v}" for k, v in (headers or {}).items()),
    ]
    async with await anyio.connect_tcp(host, int(port), local_host=local_host) as stream:
        await stream.send("\r\n".join((*lines, "", "")).encode())
        raw = b""
        with anyio.fail_after(_PATIENCE_S):
            while b"\r\n\r\n" not in raw:
                raw += await stream.receive()
        head, _, rest = raw.partition(b"\r\n\r\n")
        yield Listener(stream, head.decode(), rest)
