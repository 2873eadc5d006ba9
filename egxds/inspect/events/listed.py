"""The first of many things, and how many there are. Pure.

The log of events remembers hundreds of events, and an extension that comes and goes may fail on ten thousand hosts in
each of them. So an event keeps what it lists, and not what it leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

LISTED = 20
"""How many of anything an event lists."""

_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Listed(Generic[_Thing]):
    """What an event lists.

    Attributes:
        first: the first of them.
        count: how many there are in all.
    """

    first: tuple[_Thing, ...] = ()
    count: int = 0

    @classmethod
    def of(cls, things: Sequence[_Thing]) -> Listed[_Thing]:
        """Keep the first of many.

        Args:
            things: all of them.
        """
        return cls(tuple(things[:LISTED]), len(things))
