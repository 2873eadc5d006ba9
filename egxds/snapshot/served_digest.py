"""One word for all that is served: equal resources of equal versions have equal ones. Pure.

A digest of a Gateway is the sum of the hashes of its resources, each with its version, so that a change costs what has
changed; the whole is a hash over the Gateways. Versions are hashes of bytes, so two replicas have one word exactly if
they serve the same bytes.
"""

from __future__ import annotations

import hashlib

from egxds.snapshot.snapshot import EMPTY, Snapshot, VersionedResource

_MODULUS = 1 << 256


class ServedDigest:
    """Follows what is published; nothing is hashed before somebody asks, which is behind the way to Envoys."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._sums: dict[str, int] = {}
        self._hashed: dict[str, Snapshot] = {}
        self._unhashed: dict[str, Snapshot] = {}
        self._word = ""

    def published(self, gateway: str, snapshot: Snapshot) -> None:
        """Take what is published for a Gateway now.

        Args:
            gateway: its name.
            snapshot: all of it; an empty one where the Gateway has gone.
        """
        self._unhashed[gateway] = snapshot
        self._word = ""

    def hexdigest(self) -> str:
        """Return the word, of 64 hex digits."""
        while self._unhashed:
            self._hash(*self._unhashed.popitem())
        if not self._word:
            told = "".join(f"{gateway} {self._sums[gateway]:x}\n" for gateway in sorted(self._sums))
            self._word = hashlib.sha256(told.encode()).hexdigest()
        return self._word

    def _hash(self, gateway: str, snapshot: Snapshot) -> None:
        before = self._hashed.pop(gateway, EMPTY)
        total = self._sums.pop(gateway, 0) + _difference(before, snapshot)
        if snapshot is not EMPTY:
            self._hashed[gateway], self._sums[gateway] = snapshot, total % _MODULUS


def _difference(before: Snapshot, now: Snapshot) -> int:
    """Return by how much the sum of a Gateway grows."""
    found = 0
    for type_url in before.resources.keys() | now.resources.keys():
        old, new = before.of(type_url), now.of(type_url)
        for name in new.changed_since(old):
            found += _hash(new.get(name)) - _hash(old.get(name))
    return found


def _hash(resource: VersionedResource | None) -> int:
    if resource is None:
        return 0
    told = f"{resource.type_url}\n{resource.name}\n{resource.version}"
    return int.from_bytes(hashlib.sha256(told.encode()).digest())
