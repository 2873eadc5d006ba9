"""How long it is until something is tried again that there was no memory for. Pure.

To try costs as much as to succeed, and how much memory there is nobody tells: so the pauses grow, up to one that
whoever has just allowed more has the patience for.
"""

from __future__ import annotations

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0


class Pauses:
    """The pauses between some tries."""

    def __init__(self) -> None:
        """Begin with the shortest."""
        self._next_s = FIRST_PAUSE_S

    def next_s(self) -> float:
        """Return the seconds until the next try; more with each call."""
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, LONGEST_PAUSE_S)
        return pause_s
