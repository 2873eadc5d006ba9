"""Comparing by identity: what did not change is the same object. Pure.

Every room hands on the very objects of the time before where nothing of them changed, so `is` tells at once, and at
any size, whether work that was made from them still holds. Whoever makes a value anew that comes out equal hands on
the old one: else everything to its right would work again for nothing.

Two things make it sound. What is handed on is never changed afterwards. And whoever remembers an object keeps it
alive, so that no other one can come to have its identity.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping
from typing import TypeVar

ValueT = TypeVar("ValueT")
KeyT = TypeVar("KeyT")


def are_same(before: Collection[object], now: Collection[object]) -> bool:
    """Tell whether two collections hold the same objects in the same order."""
    return len(before) == len(now) and all(map(operator.is_, before, now))


def have_same_values(before: Mapping[KeyT, object], now: Mapping[KeyT, object]) -> bool:
    """Tell whether two mappings have the same keys, and the same object under each."""
    return before.keys() == now.keys() and all(before[key] is value for key, value in now.items())


def keep_same(before: tuple[ValueT, ...], now: tuple[ValueT, ...]) -> tuple[ValueT, ...]:
    """Return the tuple before where the new one holds the same objects."""
    return before if are_same(before, now) else now


def keep_equal(before: ValueT | None, now: ValueT) -> ValueT:
    """Return the value before where the new one equals it."""
    return before if before is not None and before == now else now
