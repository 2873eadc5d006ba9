"""Wire room: where the frames of a connection begin and end, in the pieces in which its bytes come. Pure.

h2 takes in all that it is given at once, and a piece of 256 KiB may be 28,000 frames, each of which costs it as much as
a large one. So the bytes are cut where a frame ends before h2 sees them, and what is in them is counted by what it
costs: this looks at nine bytes of each frame (RFC 9113, section 4.1) and at nothing inside.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass

_PREFACE_BYTES = 24
_HEADER_BYTES = 9
_SETTING_BYTES = 6
_CARRIES_HEADERS = (0x1, 0x9)
_FULL_DATA_BYTES = 1024
"""DATA from this size on costs by its bytes, which flow control bounds; of a turn it takes as much as any frame."""

_HEADER_PIECE_BYTES = 32
"""Of headers, what may be thirty of them, one of a byte each, takes as long as a frame: it is counted within a turn."""

_STREAM_WORK = 3
"""A frame that opens or resets a stream takes as long as three others: a task begins or ends with it."""


class FrameCost(enum.Enum):
    """What a frame is counted as; the value is the setting that limits it."""

    STREAM = "xds.limits.streamsPerSecond"
    PING = "xds.limits.pingsPerSecond"
    SETTINGS = "xds.limits.settingsPerSecond"
    OTHER = "xds.limits.framesPerSecond"


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a piece.

    Attributes:
        end: where it ends; at the end of a frame, where it is not that of the piece.
        costs: what begins in it, as a budget counts it.
        work: how much of a turn it takes, in tenths of a millisecond.
    """

    end: int
    costs: Counter[FrameCost]
    work: int


class FrameBoundaries:
    """Follows the frames that one client sends, from the connection preface on."""

    def __init__(self) -> None:
        self._ahead = _PREFACE_BYTES
        self._header = b""

    def cut(self, piece: bytes, start: int, most: int) -> Cut:
        """Return what to take in next.

        Args:
            piece: bytes of the connection.
            start: where to go on: where the cut before ended.
            most: work after which to cut.
        """
        costs: Counter[FrameCost] = Counter()
        at, spent = start, 0
        while at < len(piece):
            if self._ahead:
                step = min(self._ahead, len(piece) - at)
                self._ahead -= step
                at += step
                continue
            if spent >= most and not self._header:
                break
            rest = piece[at : at + _HEADER_BYTES - len(self._header)]
            self._header += rest
            at += len(rest)
            if len(self._header) == _HEADER_BYTES:
                spent += self._begin(costs)
        return Cut(at, costs, spent)

    def _begin(self, costs: Counter[FrameCost]) -> int:
        """Take the header of a frame; return how much work it is."""
        size, kind = int.from_bytes(self._header[:3], "big"), self._header[3]
        self._header, self._ahead = b"", size
        match kind:
            case 0x0:
                cost, count = FrameCost.OTHER, int(size < _FULL_DATA_BYTES)
            case 0x1 | 0x3:
                cost, count = FrameCost.STREAM, 1
            case 0x4:
                cost, count = FrameCost.SETTINGS, max(1, size // _SETTING_BYTES)
            case 0x6:
                cost, count = FrameCost.PING, 1
            case _:
                cost, count = FrameCost.OTHER, 1
        if count:
            costs[cost] += count
        work = _STREAM_WORK if cost is FrameCost.STREAM else max(1, count)
        return work + (size // _HEADER_PIECE_BYTES if kind in _CARRIES_HEADERS else 0)
