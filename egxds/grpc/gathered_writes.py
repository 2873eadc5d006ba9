"""A transport whose writes of one turn of the event loop go out together. Starts nothing.

grpclib writes the headers, the message and the trailers of a call one by one, each with a system call that may wake the
other end for a part of it. Where both ends are on one machine and calls are many and small, that is most of what a call
costs.
"""

from __future__ import annotations

import asyncio
from typing import Any


class GatheredWrites:
    """Stands in for a transport, and is one in all but `write`, `close` and `abort`."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Prepare.

        Args:
            transport: what to write to.
        """
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        """Do everything else as the transport does."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write with what else is written in this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Write what waits, and close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close, with what waits unwritten."""
        self._parts.clear()
        self._transport.abort()

    def _flush(self) -> None:
        if self._parts:
            data, self._parts = b"".join(self._parts), []
            if not self._transport.is_closing():
                self._transport.write(data)
