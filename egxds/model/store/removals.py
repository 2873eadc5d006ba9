"""Objects that no file defines any more, and until when they stay in force all the same. Pure; time is an argument.

A file that is being replaced says nothing for a moment: a shell's `>` empties it before it is written, a checkout
deletes and writes files one by one, an object is cut here and pasted there. So what disappeared is believed to be gone
when it stayed away for a while.

A checkout deletes all files first, and then writes them one after the other, for as long as that takes: with a filter
(Git LFS, git-crypt) 40 ms for each. So the while starts anew as long as objects arrive, those that are back and those
that are new; an edit of an object that is there says nothing about others. Somebody who creates objects without end
puts nothing off for more than `_LONGEST` times as long.

All wait for as long, so those that waited longest stand first: looking for who is due costs as many as there are.
"""

from __future__ import annotations

import math
from copy import copy
from itertools import takewhile

from egxds.object_key import ObjectKey

_LONGEST = 30
"""Delays after which an object is gone whatever arrives."""


class Removals:
    """Who waits, and until when."""

    def __init__(self, delay_s: float) -> None:
        """Start with nobody waiting.

        Args:
            delay_s: seconds for which each waits; 0 where what disappears is gone at once.
        """
        self._delay_s = delay_s
        self._is_at_once = False
        self._since: dict[ObjectKey, float] = {}
        self._arrived_at = -math.inf

    def __contains__(self, key: ObjectKey) -> bool:
        return key in self._since

    def have_wait(self, delay_s: float) -> None:
        """Have all wait for another while, also those that wait already."""
        self._delay_s = delay_s

    def go_at_once(self, *, is_at_once: bool) -> None:
        """Have nobody wait in this look, or everybody again: files that are whole are in the middle of nothing."""
        self._is_at_once = is_at_once

    def copy(self) -> Removals:
        """Return another with the same who wait."""
        other = copy(self)
        vars(other).update(_since=self._since.copy())
        return other

    @property
    def next_s(self) -> float:
        """When the first of them is due; infinity where none waits."""
        return next((self._due_s(since) for since in self._since.values()), math.inf)

    def due(self, now_s: float) -> list[ObjectKey]:
        """Return those whose time is over; they wait until they are forgotten."""
        return list(takewhile(lambda key: self._due_s(self._since[key]) <= now_s, self._since))

    def wait(self, key: ObjectKey, now_s: float) -> bool:
        """Have an object wait that disappeared, from the first time on; tell whether its time is still to come."""
        return self._due_s(self._since.setdefault(key, now_s)) > now_s

    def put_off(self, now_s: float) -> None:
        """Have all wait on: objects arrive, and may go on arriving."""
        self._arrived_at = now_s

    def forget(self, key: ObjectKey) -> None:
        """Have an object wait no longer: it is back, or gone."""
        self._since.pop(key, None)

    def _due_s(self, since: float) -> float:
        if self._is_at_once:
            return since
        return min(max(since, self._arrived_at) + self._delay_s, since + _LONGEST * self._delay_s)
