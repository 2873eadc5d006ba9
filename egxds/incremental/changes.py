"""What changed from one state to the next, by keys. Pure.

Each room hands on its state and, beside it, the keys in it that are others than before: whoever has seen the state
before looks at those and at nothing else. A change set may name a key that came out equal after all; it never leaves
one out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT")


@dataclass(frozen=True, slots=True)
class ChangeSet(Generic[KeyT]):
    """The keys that are others than before.

    Attributes:
        added: there now, and not before.
        changed: there before and now.
        removed: there before, and not now.
    """

    added: frozenset[KeyT] = frozenset()
    changed: frozenset[KeyT] = frozenset()
    removed: frozenset[KeyT] = frozenset()

    def __len__(self) -> int:
        return len(self.added) + len(self.changed) + len(self.removed)

    def __iter__(self) -> Iterator[KeyT]:
        """Iterate over all of them."""
        yield from self.added
        yield from self.changed
        yield from self.removed

    @property
    def present(self) -> frozenset[KeyT]:
        """Those that are there now."""
        return self.added | self.changed


def changes_at(keys: Iterable[KeyT], before: Mapping[KeyT, object], now: Mapping[KeyT, object]) -> ChangeSet[KeyT]:
    """Compare two mappings at some keys, by identity.

    Args:
        keys: all that can differ.
        before: the state before.
        now: the state now.
    """
    added, changed, removed = set(), set(), set()
    for key in keys:
        if key not in now:
            if key in before:
                removed.add(key)
        elif key not in before:
            added.add(key)
        elif before[key] is not now[key]:
            changed.add(key)
    return ChangeSet(frozenset(added), frozenset(changed), frozenset(removed))


def changes_between(before: Mapping[KeyT, object], now: Mapping[KeyT, object]) -> ChangeSet[KeyT]:
    """Compare two mappings as a whole: for starts and for tests, not for the way of an edit."""
    return changes_at(before.keys() | now.keys(), before, now)
