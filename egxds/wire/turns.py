"""Wire room: whose turn it is, where many streams have something to do at the same time.

A change wakes a thousand writers, and after an outage a thousand Envoys come back, each with a request that takes
milliseconds to read and to answer. The event loop runs all that is ready before it looks at its sockets again; so
for seconds no ACK would be read, no probe answered, no other Gateway served. Here they stand in line, the first to
come first: each turn of the loop begins as much as it has room for, some 40 ms of work, and then has a look at
everything else. Smaller turns cost the last in line more than they give to others: ACKs of the first are read before
it is written to, so that 1,000 Envoys have a change after 2.5 times a bare loop's time with turns of 15 ms, and after
1.7 times with these.
"""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import Callable

import anyio

_ROOM = 384


class Work(enum.IntEnum):
    """How much of a turn something takes.

    SHORT: a fraction of a millisecond, such as to write what others are sent too.
    MEDIUM: to take in what one look at a socket may bring.
    LONG: what may take milliseconds, such as to compare all that an Envoy has.
    """

    SHORT = 1
    MEDIUM = 12
    LONG = _ROOM


class Turns:
    """The line in which streams stand."""

    def __init__(self) -> None:
        self._line: deque[tuple[Callable[[], None], Work]] = deque()
        self._has_next = False
        self._room = _ROOM

    @property
    def has_room(self) -> bool:
        """Whether something short may be done in this turn without standing in line."""
        return self._room > 0

    def took(self, work: int) -> None:
        """Note what was done in this turn without standing in line.

        Args:
            work: how much it was, as of `Work`.
        """
        self._room -= work
        self._plan_next()

    def call(self, begin: Callable[[], None], work: Work) -> None:
        """Have something begin in one of the next turns of the loop.

        Args:
            begin: does the work, or wakes the task that does it; it is called once, also where there is nothing left
                to do.
            work: how much it is.
        """
        self._line.append((begin, work))
        self._plan_next()

    async def wait(self, work: Work) -> None:
        """Wait for a turn.

        Args:
            work: how much is to be done in it.
        """
        mine = anyio.Event()
        self.call(mine.set, work)
        await mine.wait()

    def _plan_next(self) -> None:
        # Also where only the room of this turn was used: the next has all of it again.
        if (self._line or self._room < _ROOM) and not self._has_next:
            self._has_next = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._has_next = False
        self._room = _ROOM
        # Who stands in line again has more to do: that is for the next turn, or one would have all of this.
        left = len(self._line)
        try:
            while left and self._room > 0:
                left -= 1
                begin, work = self._line.popleft()
                self._room -= work
                begin()
        finally:
            # Whatever one does, the others stay in line.
            self._plan_next()
