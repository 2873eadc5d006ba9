"""A way to a member that a test may cut, hush, slow down, or lead elsewhere: a port of its own before the member's."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import ByteStream, SocketStream, TaskStatus
from anyio.from_thread import start_blocking_portal

from tests.ports import free_port

_OVER = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


class Way:
    """Entering it opens it. What was connected stays so, unless it says otherwise.

    Attributes:
        port: where to connect to.
    """

    def __init__(self, port: int) -> None:
        """Prepare.

        Args:
            port: of the member.
        """
        self.port = free_port()
        self._target = port
        self._delay_s = 0.0
        self._is_cut = False
        self._loud = anyio.Event()
        self._loud.set()
        self._connected: set[anyio.CancelScope] = set()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal())
            serving, _ = portal.start_task(self._serve)
            stack.callback(serving.cancel)
            self._call = portal.call
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def open(self) -> None:
        """Let everything through again; what was hushed is cut, as by a firewall that knows nothing of it any more."""
        self._is_cut, self._delay_s = False, 0.0
        if not self._loud.is_set():
            self._call(self._loud.set)
            self._call(self._drop)

    def cut(self) -> None:
        """Close what is connected, and everything that connects."""
        self._is_cut = True
        self._call(self._drop)

    def hush(self) -> None:
        """Let nothing through any more, in either direction, and close nothing."""
        self._loud = anyio.Event()

    def slow_down(self, seconds: float) -> None:
        """Take so long for what goes through, in each direction."""
        self._delay_s = seconds

    def lead_to(self, port: int) -> None:
        """Lead to another member, also those that are connected, once they connect again."""
        self._target = port
        self._call(self._drop)

    async def _serve(self, *, task_status: TaskStatus[None]) -> None:
        async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=self.port) as listener:
            task_status.started()
            await listener.serve(self._lead)

    async def _drop(self) -> None:
        for scope in self._connected:
            scope.cancel()

    async def _lead(self, here: SocketStream) -> None:
        with anyio.CancelScope() as scope, suppress(*_OVER):
            self._connected.add(scope)
            async with here:
                await self._loud.wait()
                if not self._is_cut:
                    await self._both_ways(here)
        self._connected.discard(scope)

    async def _both_ways(self, here: SocketStream) -> None:
        async with await anyio.connect_tcp("127.0.0.1", self._target) as there, anyio.create_task_group() as tasks:
            for source, sink in ((here, there), (there, here)):
                tasks.start_soon(self._carry, source, sink, tasks.cancel_scope)

    async def _carry(self, source: ByteStream, sink: ByteStream, both: anyio.CancelScope) -> None:
        with suppress(*_OVER):
            while True:
                data = await source.receive()
                await self._loud.wait()
                await anyio.sleep(self._delay_s)
                await sink.send(data)
        both.cancel()
