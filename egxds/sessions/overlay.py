"""Names and versions of one client, kept as what differs from what all clients share. Pure.

A client in sync has what the snapshot has, and a thousand of them with ten thousand resources each must not keep ten
million strings. So what is known of a client rests on a mapping of the snapshot, and only what is otherwise for this
one client is kept beside it:

                 few, or little like the mapping                  many, and most as in the mapping
    own          a dict or a set of its own                ---->  shared, and a few exceptions
    shared       there are more exceptions than entries    <----  ...moves on with every newer mapping

To move on to a newer mapping costs the names in which it differs from the one before. To go from own to shared costs a
look at everything, as does the way back; it is tried when what there is of its own, or of exceptions, has doubled since
the last time, so each name is looked at a few times at most. Nothing of it shows: what is in there is the same before
and after.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import compress
from operator import ne
from types import MappingProxyType

from egxds.sessions.in_order import SHARED_FROM, InOrder
from egxds.snapshot.snapshot import NOTHING, VersionedResource, VersionedResources

_MOST = 4
"""One in four may be an exception where sharing begins."""


class Versions:
    """Resource name → version."""

    __slots__ = ("_differing", "_in_order", "_next_look", "_shared")

    def __init__(self, in_order: InOrder, own: Mapping[str, str] = MappingProxyType({})) -> None:
        """Begin with some.

        Args:
            in_order: knows what is everything.
            own: name → version; copied.
        """
        self._in_order = in_order
        self._shared: VersionedResources = NOTHING
        self._differing: dict[str, str | None] = {**own}
        self._next_look = SHARED_FROM

    def get(self, name: str) -> str | None:
        """Return the version of a name; None where it is not there."""
        # Asked first, since a version that is None there stands for a name that is not.
        if name in self._differing:
            return self._differing[name]
        resource = self._shared.get(name)
        return None if resource is None else resource.version

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __bool__(self) -> bool:
        """Say whether anything may be in there."""
        return bool(self._differing or self._shared)

    def put(self, name: str, version: str) -> None:
        """Set the version of a name."""
        self._set(name, version)

    def drop(self, names: Iterable[str]) -> None:
        """Take names out."""
        if self._shared is NOTHING:
            # A stranger may report a hundred thousand that do not exist.
            for name in names:
                self._differing.pop(name, None)
            return
        for name in names:
            self._set(name, None)

    def put_all(self, resources: Collection[VersionedResource]) -> None:
        """Set the names of these to their versions."""
        mapping = self._in_order.mapping_of(resources)
        if mapping is not None:
            self._take(mapping)
            return
        if self._shared is NOTHING:
            self._differing.update({resource.name: resource.version for resource in resources})
            if _MOST * len(resources) > len(self._differing):
                # Much is as in a mapping now that was not when it was looked at last: it may be worth another look.
                self._next_look = min(self._next_look, max(SHARED_FROM, len(self._differing)))
            return
        for resource in resources:
            self._set(resource.name, resource.version)
        self._shrink()

    def differing_from(self, mapping: VersionedResources) -> AbstractSet[str]:
        """Return the names that have another version here than there, or are in one of the two only."""
        self.rest_on(mapping)
        if self._shared is mapping:
            return self._differing.keys()
        own = self._differing
        if not own:
            return mapping.keys()
        there = self._in_order.versions_of(mapping)
        changed = set(compress(there, map(ne, map(own.get, there), there.values())))
        return changed | (own.keys() - there.keys())

    def all(self) -> dict[str, str]:
        """Return all names with their versions."""
        differing = self._differing
        found = {name: resource.version for name, resource in self._shared.items() if name not in differing}
        return found | {name: version for name, version in differing.items() if version is not None}

    def rest_on(self, mapping: VersionedResources) -> None:
        """Share what is as in this mapping: the newest, so that nothing keeps older ones alive."""
        if self._shared is not NOTHING:
            self._move_to(mapping)
        elif len(self._differing) >= self._next_look:
            self._try(mapping)

    def _set(self, name: str, version: str | None) -> None:
        resource = self._shared.get(name)
        if version == (None if resource is None else resource.version):
            self._differing.pop(name, None)
        else:
            self._differing[name] = version

    def _take(self, mapping: VersionedResources) -> None:
        """Set all names of this mapping to their versions there; what is gone through is the rest."""
        there = mapping.keys()
        others = {name: version for name, version in self._differing.items() if name not in there}
        gone = {name: self._shared[name].version for name in self._shared.keys() - there if name not in others}
        self._differing = {name: version for name, version in {**gone, **others}.items() if version is not None}
        self._shared = mapping

    def _move_to(self, mapping: VersionedResources) -> None:
        if mapping is self._shared:
            return
        known = {name: self.get(name) for name in mapping.changed_since(self._shared)}
        self._shared = mapping
        for name, version in known.items():
            self._set(name, version)
        self._shrink()
        if len(self._differing) > max(self._next_look, len(mapping) // 2):
            self._look_again()

    def _try(self, mapping: VersionedResources) -> None:
        own = self._differing
        self._next_look = 2 * len(own)
        missing = mapping.keys() - own.keys()
        if _MOST * len(missing) > len(own):
            return
        there = self._in_order.versions_of(mapping)
        # By the interpreter: an Envoy that comes back has ten thousand.
        differing = dict(compress(own.items(), map(ne, map(there.get, own), own.values())))
        if _MOST * (len(missing) + len(differing)) <= len(own):
            self._shared, self._differing = mapping, differing | dict.fromkeys(missing)
            self._next_look = SHARED_FROM

    def _look_again(self) -> None:
        """Share no more, where there is less in here than exceptions: what is only another version may be taken yet."""
        self._next_look = 2 * len(self._differing)
        own = self.all()
        if len(own) < len(self._differing):
            self._shared, self._differing = NOTHING, {**own}
            self._next_look = max(SHARED_FROM, 2 * len(own))

    def _shrink(self) -> None:
        """Give back the room of what was taken out; a dict keeps it otherwise."""
        if not self._differing:
            self._differing = {}
            self._next_look = SHARED_FROM


class Names:
    """A set of names."""

    __slots__ = ("_added", "_left_out", "_next_look", "_shared")

    def __init__(self) -> None:
        self._shared: VersionedResources = NOTHING
        self._added: set[str] = set()
        self._left_out: set[str] = set()
        self._next_look = SHARED_FROM

    def __contains__(self, name: str) -> bool:
        return name in self._added or (name in self._shared and name not in self._left_out)

    def __len__(self) -> int:
        return len(self._added) + len(self._shared) - len(self._left_out)

    def __iter__(self) -> Iterator[str]:
        yield from self._added
        yield from (name for name in self._shared if name not in self._left_out)

    def add(self, names: Iterable[str]) -> None:
        """Put names in."""
        if self._shared is NOTHING:
            self._added.update(names)
            return
        for name in names:
            self._set(name, is_in=True)

    def discard(self, names: Iterable[str]) -> None:
        """Take names out; those that are not in there are passed over."""
        for name in names:
            self._set(name, is_in=False)

    def among(self, names: AbstractSet[str]) -> AbstractSet[str]:
        """Return those of some names that are in there."""
        return self._added & names if self._shared is NOTHING else {name for name in names if name in self}

    def rest_on(self, mapping: VersionedResources) -> None:
        """Share the names of this mapping: the newest, so that nothing keeps older ones alive."""
        if self._shared is not NOTHING:
            self._move_to(mapping)
        elif len(self._added) >= self._next_look:
            self._try(mapping)

    def _set(self, name: str, *, is_in: bool) -> None:
        is_shared = name in self._shared
        (self._added.add if is_in and not is_shared else self._added.discard)(name)
        (self._left_out.add if is_shared and not is_in else self._left_out.discard)(name)

    def _move_to(self, mapping: VersionedResources) -> None:
        if mapping is self._shared:
            return
        before, now = self._shared.keys(), mapping.keys()
        # A resource that changed has its name still.
        changed = [name for name in mapping.changed_since(self._shared) if (name in before) is not (name in now)]
        known = {name: name in self for name in changed}
        self._shared = mapping
        for name, is_in in known.items():
            self._set(name, is_in=is_in)
        if len(self._added) + len(self._left_out) > max(SHARED_FROM, len(self)):
            self._added, self._left_out = set(self), set()
            self._shared = NOTHING
            self._next_look = 2 * len(self._added)

    def _try(self, mapping: VersionedResources) -> None:
        own = self._added
        self._next_look = 2 * len(own)
        left_out = mapping.keys() - own
        if _MOST * len(left_out) <= len(own):
            added = own - mapping.keys()
            if _MOST * (len(left_out) + len(added)) <= len(own):
                self._shared, self._added, self._left_out = mapping, added, left_out
