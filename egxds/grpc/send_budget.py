"""Cellar: how much of responses a server holds that are being written, on all streams together. Awaits.

A response waits in memory until its client has taken it. A thousand streams that read nothing hold a thousand of them,
of 4 MB each. So no response is made while too much is held, and that does not stay so because of who does not read:

    within the limit --> the next response is made and written
    over it -----------> who wants to write waits in line; the stream of which nothing was taken for longest, and for
                         a second at least, is broken off, and where all take something, the slowest of those that have
                         had time; and so on until there is room

Who takes a byte now and then would else keep everybody waiting. Streams that are sent the same hold it once. What is
held exceeds the limit by one response at most, since its size is not known before it is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import anyio

from egxds.grpc.data_frames import FramedMessage

STALLED_S = 1.0
"""How long a client takes nothing before it may be the one to go."""

SLOW_S = 5.0
"""How long a client may take for a response before it may be the one to go because it is the slowest."""

_LOOK_S = 0.25


class OverSendBudgetError(Exception):
    """A response was broken off: too much is held, and its client takes nothing, or least."""


class SendBudget:
    """What all streams of a server share.

    Attributes:
        held_bytes: of responses that are being written.
    """

    def __init__(self, limit_bytes: int) -> None:
        """Start with nothing held.

        Args:
            limit_bytes: how much may be held before somebody has to go.
        """
        self.held_bytes = 0
        self._limit_bytes = limit_bytes
        self._line = anyio.Lock()
        self._freed = anyio.Event()
        self._written: set[_Written] = set()
        # By identity: contents that are equal and not the same are held twice.
        self._holders: Counter[int] = Counter()

    async def room(self) -> None:
        """Wait until a response may be made; it is to be sent without waiting for anything else."""
        if not self._is_over() and not self._line.locked():
            return
        # One looks at all the others for all that wait.
        async with self._line:
            while self._is_over():
                self._break_off_one(anyio.current_time())
                with anyio.move_on_after(_LOOK_S):
                    await self._freed.wait()

    async def send(
        self, message: FramedMessage, write: Callable[[], Awaitable[None]], taken: Callable[[], int]
    ) -> None:
        """Hold a response while it is written.

        Args:
            message: the response.
            write: writes it.
            taken: says how many bytes the client has taken so far.

        Raises:
            OverSendBudgetError: it was broken off; the message is torn, so that the stream can only be reset.
        """
        written = _Written(taken, anyio.current_time())
        self._hold(message.content)
        self._written.add(written)
        try:
            with written.scope:
                await write()
                return
        finally:
            self._written.discard(written)
            self._let_go(message.content)
        raise OverSendBudgetError

    def _is_over(self) -> bool:
        return self.held_bytes > self._limit_bytes

    def _break_off_one(self, now_s: float) -> None:
        for written in self._written:
            written.look(now_s)
        stalled = [one for one in self._written if now_s - one.idle_since_s >= STALLED_S]
        slow = [one for one in self._written if now_s - one.begun_s >= SLOW_S]
        gone = min(stalled, key=lambda one: one.idle_since_s, default=None) or min(
            slow, key=lambda one: one.bytes_per_s(now_s), default=None
        )
        if gone is not None:
            self._written.remove(gone)
            gone.scope.cancel()

    def _hold(self, content: bytes) -> None:
        if not self._holders[id(content)]:
            self.held_bytes += len(content)
        self._holders[id(content)] += 1

    def _let_go(self, content: bytes) -> None:
        self._holders[id(content)] -= 1
        if not self._holders[id(content)]:
            del self._holders[id(content)]
            self.held_bytes -= len(content)
            self._freed.set()
            self._freed = anyio.Event()


class _Written:
    """A response that is being written."""

    def __init__(self, taken: Callable[[], int], now_s: float) -> None:
        self.scope = anyio.CancelScope()
        self.begun_s = self.idle_since_s = now_s
        self._taken = taken
        self._taken_bytes = self._begun_bytes = taken()

    def look(self, now_s: float) -> None:
        """Note whether something of it was taken since the last look."""
        taken_bytes = self._taken()
        if taken_bytes != self._taken_bytes:
            self._taken_bytes, self.idle_since_s = taken_bytes, now_s

    def bytes_per_s(self, now_s: float) -> float:
        """Return how fast it was taken until the last look."""
        return (self._taken_bytes - self._begun_bytes) / (now_s - self.begun_s)
