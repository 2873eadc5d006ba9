"""A TCP listener that decides for each connection whether it leads anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import anyio
from anyio.abc import ByteStream, SocketAttribute

Fate = Literal["break", "swallow", "forward"]


@dataclass(slots=True)
class Crossroads:
    """An open listener.

    Attributes:
        port: of 127.0.0.1.
        connections: how many were accepted.
    """

    port: int
    connections: int = field(default=0)

    @property
    def service(self) -> dict[str, object]:
        """The `service` key of an extension manager's settings that points here."""
        return {"ip": {"address": "127.0.0.1", "port": self.port}}


@asynccontextmanager
async def crossroads(*fates: Fate, to_port: int = 0) -> AsyncIterator[Crossroads]:
    """Listen until the block is left.

    Args:
        fates: of the first connection, the second and so on; all later ones share the last: break it once
            something is sent, swallow all that is sent, or forward it both ways.
        to_port: where to, on 127.0.0.1.
    """
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    here = Crossroads(listener.extra(SocketAttribute.local_port))

    async def serve(stream: ByteStream) -> None:
        fate = fates[min(here.connections, len(fates) - 1)]
        here.connections += 1
        async with stream:
            if fate == "break":
                await stream.receive()
            elif fate == "swallow":
                async for _ in stream:
                    pass
            else:
                await _forward(stream, to_port)

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield here
        tasks.cancel_scope.cancel()


async def _forward(stream: ByteStream, to_port: int) -> None:
    async with await anyio.connect_tcp("127.0.0.1", to_port) as other, anyio.create_task_group() as tasks:
        tasks.start_soon(_copy, other, stream)
        await _copy(stream, other)
        tasks.cancel_scope.cancel()


async def _copy(location: ByteStream, target: ByteStream) -> None:
    try:
        async for data in location:
            await target.send(data)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return
