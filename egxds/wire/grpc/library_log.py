"""Wire room: what grpclib logs by itself, a traceback for each call that it cannot make sense of, once in a while.

It writes one where headers are missing or not what they should be, and where a client goes while it is told something:
two kilobytes for fifty bytes of a stranger. The next one of a kind says how many were not written.
"""

from __future__ import annotations

import logging
import time

from egxds.wire.repeated_lines import RepeatedLines

_AGAIN_S = 60.0


class _SeldomRepeated(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._lines = RepeatedLines(_AGAIN_S)

    def filter(self, record: logging.LogRecord) -> bool:
        # Not with its arguments, which clients choose.
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        unwritten = self._lines.unwritten((str(record.msg), kind), time.monotonic())
        if unwritten:
            record.msg = f"{record.msg} (and {unwritten} more of the kind)"
        return unwritten is not None


_FILTER = _SeldomRepeated()


def repeat_seldom() -> None:
    """Have grpclib's server say each kind of thing once a minute; for the process, however often it is called."""
    logging.getLogger("grpclib.server").addFilter(_FILTER)
