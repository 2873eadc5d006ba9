"""File descriptors 0, 1 and 2: there are always three."""

from __future__ import annotations

import os


def open_missing() -> None:
    """Open those that the parent closed, so that no file or socket of ours gets their numbers.

    They are open for reading alone: what is written to them fails, and is counted as lost rather than thought written.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY)
            os.dup2(opened, number)
            if opened != number:
                os.close(opened)
