"""Wire room: of log lines that a stranger causes, none is written again for a while. Pure.

Who connects again and again with the same fault would fill the disk with it. The first line of a kind and client is
written, and the next one after some time, with the number of those that were not.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

_KNOWN = 1024
"""How many kinds and clients are told apart; the one that was written longest ago makes room."""


@dataclass(slots=True)
class _Written:
    at_s: float
    unwritten: int = 0


class RepeatedLines:
    """Lines by what they say, and about whom."""

    def __init__(self, every_s: float) -> None:
        """Start with none written.

        Args:
            every_s: how long none is written that was written before.
        """
        self._every_s = every_s
        self._written: OrderedDict[tuple[str, ...], _Written] = OrderedDict()

    def unwritten(self, line: tuple[str, ...], now_s: float) -> int | None:
        """Say whether a line is to be written, and count it otherwise.

        Args:
            line: what tells it from others, such as its event and the address of the client; of a length that no
                client chooses.
            now_s: monotonic seconds.

        Returns:
            How many were not written since the last one that was; None where this one is not to be written either.
        """
        written = self._written.get(line)
        if written is not None and now_s - written.at_s < self._every_s:
            written.unwritten += 1
            return None
        self._written[line] = _Written(now_s)
        self._written.move_to_end(line)
        if len(self._written) > _KNOWN:
            self._written.popitem(last=False)
        return written.unwritten if written is not None else 0
