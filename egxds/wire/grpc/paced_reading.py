"""Wire room: a connection is read a little at a time, and no longer than its budget lasts.

What a client says in one large piece, or in many small frames, is taken in when its turn comes (`egxds.wire.turns`),
and nothing more is read of it until then: a thousand Envoys that come back at once have a gigabyte to say, and a
stranger may say as much in frames of nine bytes. A turn takes in so few of these that it ends within milliseconds. And
a thousand strangers may each say a little: what is taken in at once fills the turn, too, and then all stand in line.

    a piece comes ---> small, and there is room ---------------> a few frames of it are taken in at once
                  |--> large, or the turn is full -------------> reading paused; taken in when it is its turn
                  |--> more frames ----------------------------> reading paused; some at each of its turns
                  '--> more frames than the budget has left ---> the connection is ended
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from egxds.wire.grpc.frame_boundaries import FrameBoundaries, FrameCost
from egxds.wire.turns import Turns, Work

if TYPE_CHECKING:
    from asyncio import Transport

TURN_WORK = 144
"""Of one connection in a turn of its own, some 15 ms: 48 frames that open or reset streams, or 144 others."""

SHORT_WORK = 24
"""What is taken in at once, and in a turn with others."""

_LONG_READ_BYTES = 32 * 1024
"""What is read at once from this size on waits for its turn: part of the large request of an Envoy that comes back."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What a connection does with its bytes.

    Attributes:
        spend: takes what frames cost off the budget of the connection; says what there is too much of.
        take_in: has HTTP/2 look at bytes.
        end: ends the connection because there is too much of something.
        hold: is told how many bytes more, or less, wait to be taken in.
        done: is called when all is done that can be done now; it may end connections.
    """

    spend: Callable[[Mapping[FrameCost, int]], FrameCost | None]
    take_in: Callable[[bytes], None]
    end: Callable[[FrameCost], None]
    hold: Callable[[int], None]
    done: Callable[[], None]


class PacedReading:
    """What was read of one connection and not yet taken in."""

    def __init__(self, transport: Transport, turns: Turns, reader: Reader) -> None:
        """Start at the connection preface.

        Args:
            transport: of the connection.
            turns: in which connections are read that have much to say.
            reader: takes in what was read.
        """
        self._transport = transport
        self._turns = turns
        self._reader = reader
        self._boundaries = FrameBoundaries()
        self._piece = b""
        self._taken = 0
        self._held_bytes = 0
        self._most_work = SHORT_WORK
        self._is_waiting = False
        self._is_stopped = False

    def receive(self, data: bytes) -> None:
        """Take what was read."""
        if self._is_waiting:
            # A transport may have read ahead of the pause.
            self._piece, self._taken = self._piece[self._taken :] + data, 0
        else:
            self._piece, self._taken = data, 0
            if len(data) >= _LONG_READ_BYTES or not self._turns.has_room:
                self._wait(Work.MEDIUM)
            else:
                self._turns.took(self._take_in(SHORT_WORK))
        self._finish()

    def stop(self) -> None:
        """Take in nothing more: the connection is being ended."""
        self._is_stopped = True
        self._piece, self._taken = b"", 0
        self._hold()

    def _wait(self, work: Work) -> None:
        self._is_waiting = True
        self._most_work = TURN_WORK if work is Work.LONG else SHORT_WORK
        self._transport.pause_reading()
        self._turns.call(self._go_on, work)

    def _go_on(self) -> None:
        self._is_waiting = False
        if self._transport.is_closing() or self._is_stopped:
            return
        try:
            self._take_in(self._most_work)
        except Exception:
            # As the event loop does with what it calls itself: a connection that is not read any more must not stay.
            self._transport.abort()
            raise
        # It may have been what ends the connection.
        if not self._is_waiting and not self._transport.is_closing():
            self._transport.resume_reading()
        self._finish()

    def _take_in(self, most_work: int) -> int:
        """Take in so much; return how much it was."""
        start = self._taken
        cut = self._boundaries.cut(self._piece, start, most_work)
        self._taken = cut.end
        excess = self._reader.spend(cut.costs)
        if excess is not None:
            self._reader.end(excess)
            return cut.work
        self._reader.take_in(self._piece[start : cut.end])
        if cut.end < len(self._piece) and not self._transport.is_closing():
            self._wait(Work.LONG if cut.work >= SHORT_WORK else Work.MEDIUM)
        elif cut.end == len(self._piece):
            self._piece, self._taken = b"", 0
        return cut.work

    def _finish(self) -> None:
        self._hold()
        self._reader.done()

    def _hold(self) -> None:
        """Count the piece, as a whole: it is held until its end is taken in."""
        self._reader.hold(len(self._piece) - self._held_bytes)
        self._held_bytes = len(self._piece)
