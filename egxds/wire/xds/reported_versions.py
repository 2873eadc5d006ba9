"""Wire room: the versions that Envoys report when they come back, read once for all that report the same. Pure.

After an outage a thousand Envoys report ten thousand versions each, and nearly all the same. On the wire each is a
map entry of its own; protobuf makes two strings of each, 20 million in all, and everything that is done with them
begins with a hash of each. Here an entry that was read before is found by its bytes, and the strings are those of the
time before: the interpreter does it in one go, and takes a third of the time.

What is known is let go between two sweeps in which nobody reported anything, and where a stranger would make it grow.
"""

from __future__ import annotations

from collections.abc import Sequence

from egxds.generated import discovery_pb2

_MANY = 256
"""Of fewer, nothing is remembered: they are read in no time."""

_KNOWN_LIMIT = 100_000
"""Entries that are known at most, some 250 bytes each; beyond that, all are forgotten."""

_Entry = tuple[str, str]


class ReportedVersions:
    """Reads entries of `initial_resource_versions`."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Entry] = {}
        self._is_used = False

    def read(self, entries: Sequence[bytes]) -> dict[str, str]:
        """Return name → version; of a name that is there twice, the last counts.

        Args:
            entries: the map entries as they were encoded.

        Raises:
            DecodeError: one is no map entry of strings.
        """
        if len(entries) < _MANY:
            return dict(map(_read, entries))
        self._is_used = True
        # Taken once: another thread may replace it.
        known = self._known
        try:
            return dict(map(known.__getitem__, entries))
        except KeyError:
            return dict(self._learn(known, entries))

    def sweep(self) -> bool:
        """Forget what nobody reported since the last sweep.

        Returns:
            Whether anything is left.
        """
        if not self._is_used:
            self._known = {}
        self._is_used = False
        return bool(self._known)

    def _learn(self, known: dict[bytes, _Entry], entries: Sequence[bytes]) -> list[_Entry]:
        pairs = [known.get(entry) or _read(entry) for entry in entries]
        learnt = dict(zip(entries, pairs, strict=True))
        together = {**known, **learnt}
        self._known = together if len(together) <= _KNOWN_LIMIT else learnt if len(learnt) <= _KNOWN_LIMIT else {}
        return pairs


def _read(entry: bytes) -> _Entry:
    decoded = discovery_pb2.VersionEntry.FromString(entry)
    return decoded.name, decoded.version
