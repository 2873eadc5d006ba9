"""Wire room: log lines that a stranger causes, none of which is written more often than once a minute.

Who connects again and again with the same fault would fill the disk with it. The first line of a kind and client is
written, and the next one after a minute, with the number of those that were not.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import anyio

from egxds.telemetry import log

_EVERY_S = 60.0
_KNOWN = 1024
"""How many kinds and clients are told apart; the one that was heard of first makes room."""


@dataclass(slots=True)
class _Heard:
    written_at_s: float
    unwritten: int = 0


class RepeatedLines:
    """Warnings about clients."""

    def __init__(self) -> None:
        self._heard: OrderedDict[tuple[str, str], _Heard] = OrderedDict()

    def warning(self, event: str, peer: str, **values: object) -> None:
        """Write a warning, or count it.

        Args:
            event: its name.
            peer: the address of the client.
            values: what else there is to say; of a length that no client chooses.
        """
        now_s = anyio.current_time()
        heard = self._heard.get((event, peer))
        if heard is not None and now_s - heard.written_at_s < _EVERY_S:
            heard.unwritten += 1
            return
        repeated = {"repeated": heard.unwritten} if heard and heard.unwritten else {}
        log.warning(event, peer=peer, **values, **repeated)
        self._heard[event, peer] = _Heard(now_s)
        if len(self._heard) > _KNOWN:
            self._heard.popitem(last=False)
