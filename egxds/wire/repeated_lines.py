"""Wire room: of log lines that a stranger causes, none is written more often than once a minute. Pure.

Who connects again and again with the same fault would fill the disk with it. The first line of a kind and client is
written, and the next one after a minute, with the number of those that were not.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

_EVERY_S = 60.0
_KNOWN = 1024
"""How many kinds and clients are told apart; the one that was written longest ago makes room."""


@dataclass(slots=True)
class _Written:
    at_s: float
    unwritten: int = 0


class RepeatedLines:
    """Lines by their event and the client that they are about."""

    def __init__(self) -> None:
        self._written: OrderedDict[tuple[str, str], _Written] = OrderedDict()

    def unwritten(self, event: str, peer: str, now_s: float) -> int | None:
        """Say whether a line is to be written, and count it otherwise.

        Args:
            event: its name.
            peer: the address of the client.
            now_s: monotonic seconds.

        Returns:
            How many were not written since the last one that was; None where this one is not to be written either.
        """
        written = self._written.get((event, peer))
        if written is not None and now_s - written.at_s < _EVERY_S:
            written.unwritten += 1
            return None
        self._written[event, peer] = _Written(now_s)
        self._written.move_to_end((event, peer))
        if len(self._written) > _KNOWN:
            self._written.popitem(last=False)
        return written.unwritten if written is not None else 0
