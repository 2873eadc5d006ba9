"""Cellar: how much of unfinished messages a server holds, and how many large ones it takes in at a time. Awaits.

A client announces a message, and sends it when it likes. Sixty streams that announced 31 MiB each, and kept back the
last byte, held 2 GB for ever; and a thousand Envoys that come back at once, with 0.7 MB each, had all of it held at the
same time, though none was waited for. So:

    announced, small ----> taken in as it comes
    announced, large ----> waits for a slot, those of usual size first; its bytes wait with the client (flow control)
    there, and decoded --> the slot goes to the next
    taken in, has a slot --> nothing comes for a moment: the slot goes to the next, and it goes on without
    taken in --------------> nothing comes for as long as is allowed: refused
    all that is held is too much --> the one of which most is held is refused
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Self, TypeVar

import anyio
from grpclib.const import Status
from grpclib.exceptions import GRPCError

LARGE_BYTES = 64 * 1024
"""Messages from this size on wait for a slot: more than a client may send of a stream before it is read."""

SLOTS = 32

_PIECE_BYTES = 256 * 1024
_USUAL_BYTES = 2 * 1024 * 1024
"""What an Envoy says that comes back is smaller, with 10,000 resources; what is larger does not hold it up."""

_SLOT_PATIENCE_S = 0.25

Read = Callable[[int], Awaitable[bytes]]
"""Reads so many bytes; fewer where the client has said all."""

_Decoded = TypeVar("_Decoded")
Decode = Callable[[bytes], Awaitable[_Decoded]]
"""Makes something of a message."""


class ReceiveBudget:
    """What all streams of a server share.

    Attributes:
        held_bytes: of unfinished messages.
    """

    def __init__(self, limit_bytes: int, stall_s: float) -> None:
        """Start with nothing held.

        Args:
            limit_bytes: how much of unfinished messages may be held; at least one whole message.
            stall_s: how long the next bytes of a message may take.
        """
        self.held_bytes = 0
        self._limit_bytes = limit_bytes
        self._stall_s = stall_s
        self._slots = _Slots()
        self._unfinished: set[_Message] = set()

    async def receive(self, read: Read, size: int, decode: Decode[_Decoded]) -> _Decoded:
        """Take in a message.

        Args:
            read: reads from the stream.
            size: how many bytes were announced.
            decode: makes of the bytes what is wanted.

        Raises:
            GRPCError: it is cut short, does not come, or is the one to go where too much is held.
        """
        if size < LARGE_BYTES:
            return await decode(await self._patiently(read, size))
        message = _Message()
        self._unfinished.add(message)
        try:
            with message.scope:
                async with _Slot(self._slots, is_usual=size <= _USUAL_BYTES) as slot:
                    return await decode(await self._receive(read, size, message, slot))
        finally:
            self._let_go(message)
        text = f"unfinished messages hold over {self._limit_bytes} bytes (xds.limits.receiveBytes), this one most of it"
        raise GRPCError(Status.RESOURCE_EXHAUSTED, text)

    async def _receive(self, read: Read, size: int, message: _Message, slot: _Slot) -> bytes:
        pieces, left = [], size
        while left:
            piece = await self._piece(read, min(_PIECE_BYTES, left), slot)
            pieces.append(piece)
            left -= len(piece)
            self._hold(message, len(piece))
            # Where this was the one to go.
            await anyio.lowlevel.checkpoint_if_cancelled()
        return b"".join(pieces)

    async def _piece(self, read: Read, size: int, slot: _Slot) -> bytes:
        with anyio.move_on_after(_SLOT_PATIENCE_S):
            return _whole(await read(size), size)
        slot.leave()
        piece = await self._patiently(read, size)
        await slot.take()
        return piece

    async def _patiently(self, read: Read, size: int) -> bytes:
        with anyio.move_on_after(self._stall_s):
            return _whole(await read(size), size)
        text = f"a message was begun, and nothing came of it for {self._stall_s:g} s (xds.limits.messageTimeout)"
        raise GRPCError(Status.DEADLINE_EXCEEDED, text)

    def _hold(self, message: _Message, size: int) -> None:
        if message not in self._unfinished:
            return
        message.held_bytes += size
        self.held_bytes += size
        while self.held_bytes > self._limit_bytes:
            largest = max(self._unfinished, key=lambda one: one.held_bytes)
            # At once, and not when it hears of it: the others go on meanwhile.
            self._let_go(largest)
            largest.scope.cancel()

    def _let_go(self, message: _Message) -> None:
        if message in self._unfinished:
            self._unfinished.remove(message)
            self.held_bytes -= message.held_bytes


def _whole(piece: bytes, size: int) -> bytes:
    if len(piece) < size:
        raise GRPCError(Status.INVALID_ARGUMENT, "the stream ended inside a message")
    return piece


class _Message:
    """An unfinished message."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.held_bytes = 0


class _Slots:
    """So many at a time; of those that wait, first those of usual size, and then the others, as they came."""

    def __init__(self) -> None:
        self._free = SLOTS
        self._usual: deque[anyio.Event] = deque()
        self._others: deque[anyio.Event] = deque()

    async def take(self, *, is_usual: bool) -> None:
        if self._free:
            self._free -= 1
            return
        line, mine = self._usual if is_usual else self._others, anyio.Event()
        line.append(mine)
        try:
            await mine.wait()
        except BaseException:
            # It may have been its turn just when it was told to stop.
            if mine.is_set():
                self.give()
            else:
                line.remove(mine)
            raise

    def give(self) -> None:
        line = self._usual or self._others
        if line:
            line.popleft().set()
        else:
            self._free += 1


class _Slot:
    """One of them, of a message; it may be left and taken again."""

    def __init__(self, slots: _Slots, *, is_usual: bool) -> None:
        self._slots = slots
        self._is_usual = is_usual
        self._is_taken = False

    async def __aenter__(self) -> Self:
        await self.take()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._is_taken:
            self.leave()

    async def take(self) -> None:
        await self._slots.take(is_usual=self._is_usual)
        self._is_taken = True

    def leave(self) -> None:
        self._is_taken = False
        self._slots.give()
