"""Messages that are joined of parts, each of which keeps its own bytes. Pure.

Protobuf fields concatenate: a message whose repeated field has thousands of entries is what stands before it, followed
by the entries, each encoded once. What stands before a body inside the message around it is kept beside it, so that the
interpreter joins them without a step of ours for each.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Generic, Protocol, Self, TypeVar, overload

from egxds.incremental.revision import Revision
from egxds.object_key import ObjectKey

_FEW = 8
"""From one in so many on, sorting all parts anew costs less than to search for each that changed."""

_name_of = attrgetter("name")
prefix_and_body = attrgetter("prefix", "body")


class Part(Protocol):
    """One entry of the repeated field."""

    @property
    def name(self) -> str:
        """What tells it from the others."""

    @property
    def prefix(self) -> bytes:
        """What stands before the body."""

    @property
    def body(self) -> bytes:
        """The encoded entry."""


PartT = TypeVar("PartT", bound=Part)


class SortedParts(Sequence[PartT], Generic[PartT]):
    """The entries of a repeated field, sorted by name. Immutable.

    To edit them costs three copies by the interpreter, of the sorted parts, of their bytes and of the mapping, and a
    search for each part that comes or goes.

    Attributes:
        by_name: the same, by name; tells what changed.
    """

    __slots__ = ("_frames", "_sorted", "by_name")

    def __init__(self, parts: Iterable[PartT] = ()) -> None:
        """Take parts in any order; no name is there twice."""
        self._sorted = tuple(sorted(parts, key=_name_of))
        self._frames = tuple(chain.from_iterable(map(prefix_and_body, self._sorted)))
        self.by_name = Revision(zip(map(_name_of, self._sorted), self._sorted, strict=True))

    def edited(self, changed: Mapping[str, PartT], removed: Iterable[str] = ()) -> Self:
        """Return them with some added, replaced or removed.

        Args:
            changed: name → part.
            removed: names; those that are not there are no change.

        Returns:
            These very ones where nothing changes.
        """
        by_name = self.by_name.edited(changed, removed)
        if by_name is self.by_name:
            return self
        changed_names = by_name.changed_since(self.by_name)
        if len(changed_names) * _FEW > len(by_name):
            found = type(self)(by_name.values())
        else:
            found = type(self)()
            found._sorted, found._frames = self._resorted(by_name, changed_names)  # noqa: SLF001 one of ours
        found.by_name = by_name
        return found

    def joined(self, head: bytes, tail: bytes = b"") -> bytes:
        """Return the encoding of a message that has them, between what stands before and behind."""
        return b"".join((head, *self._frames, tail))

    def _resorted(
        self, by_name: Mapping[str, PartT], changed_names: Iterable[str]
    ) -> tuple[tuple[PartT, ...], tuple[bytes, ...]]:
        parts, frames = list(self._sorted), list(self._frames)
        for name in changed_names:
            at = bisect_left(parts, name, key=_name_of)
            known = at < len(parts) and parts[at].name == name
            new = [by_name[name]] if name in by_name else []
            parts[at : at + known] = new
            # A prefix and a body for each.
            frames[2 * at : 2 * (at + known)] = chain.from_iterable(map(prefix_and_body, new))
        return tuple(parts), tuple(frames)

    def __len__(self) -> int:
        return len(self._sorted)

    @overload
    def __getitem__(self, at: int) -> PartT: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[PartT, ...]: ...
    def __getitem__(self, at: int | slice) -> PartT | tuple[PartT, ...]:
        return self._sorted[at]

    def __iter__(self) -> Iterator[PartT]:
        return iter(self._sorted)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._sorted == tuple(other)

    def __hash__(self) -> int:
        return hash(self._sorted)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self.by_name)!r})"


class MadeOfParts(Protocol):
    """What is joined of parts."""

    def all_sources(self) -> frozenset[ObjectKey]:
        """Return the objects that it and everything inside were made from."""


class SourcesWithin(Sequence[ObjectKey]):
    """The objects that something and everything inside of it were made from, sorted; gathered when looked at."""

    __slots__ = ("_found", "_whole")

    def __init__(self, whole: MadeOfParts) -> None:
        self._whole = whole
        self._found: tuple[ObjectKey, ...] | None = None

    def are_of(self, whole: MadeOfParts) -> bool:
        """Tell whether they are those of something equal, which the interpreter compares; none is gathered."""
        return self._whole == whole

    def gathered(self) -> tuple[ObjectKey, ...]:
        """Return all of them."""
        if self._found is None:
            self._found = tuple(sorted(self._whole.all_sources()))
        return self._found

    def __len__(self) -> int:
        return len(self.gathered())

    def __iter__(self) -> Iterator[ObjectKey]:
        return iter(self.gathered())

    @overload
    def __getitem__(self, at: int) -> ObjectKey: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[ObjectKey, ...]: ...
    def __getitem__(self, at: int | slice) -> ObjectKey | tuple[ObjectKey, ...]:
        return self.gathered()[at]

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Sequence) and self.gathered() == tuple(other))

    def __hash__(self) -> int:
        return hash(self.gathered())
