"""Remembers work for as long as it is current. Pure.

    get(key, inputs)      the same inputs, by identity        the value of before
                          others, an equal value comes out    the value of before: whoever is next has nothing to do
                          others                              the new value
    forget_unused()       values that nobody asked for since the last time are dropped

The second line is what stops a change from running through the house: a comment in a route makes the route another
object, its Envoy routes come out equal, and from there on nothing has changed.

What decides about a value must be among its inputs or in its key. A key says what the value is, and two things under
one key would take turns in making each other anew; an input that is left out makes a value that stays when it should
not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from egxds.incremental.identity import are_same

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[ValueT]):
    made_from: tuple[object, ...]
    value: ValueT


class Memo(Generic[ValueT]):
    """Values under keys, each with the objects it was made from.

    Inputs are compared by identity, which costs nothing and is enough: what did not change is the same object.
    A value that was made again and came out equal is dropped for the one that was there, so that whoever
    compares by identity further on has nothing to do.
    """

    def __init__(self, kind: str, work: Counter[str]) -> None:
        """Remember nothing yet.

        Args:
            kind: what the values are.
            work: counts, under the kind, how many values have been made.
        """
        self._kind = kind
        self._work = work
        self._before: dict[Hashable, _Entry[ValueT]] = {}
        self._current: dict[Hashable, _Entry[ValueT]] = {}

    def get(self, key: Hashable, made_from: tuple[object, ...], make: Callable[[], ValueT]) -> ValueT:
        """Return the value of a key, made anew only where one of the objects it is made from is another one."""
        # Two generations: what was asked for since the last clean-up, and what is kept only until the next one.
        before = self._current.get(key) or self._before.get(key)
        if before is not None and are_same(before.made_from, made_from):
            self._current[key] = before
            return before.value
        value = make()
        self._work[self._kind] += 1
        # The comparison costs less than the work to the right of it, which goes by identity.
        if before is not None and before.value == value:
            value = before.value
        self._current[key] = _Entry(made_from, value)
        return value

    def forget_unused(self) -> None:
        """Drop every value that nobody has asked for since the last call."""
        self._before, self._current = self._current, {}
