"""The replicas of a fleet by what the store tells of them. Pure.

What is told may be older than what is known, where a look and a watch overlap: the change that came later counts.
What is no record is passed over, and said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from egxds.cut_text import cut
from egxds.etcd.operations import KeyValue, WatchNews
from egxds.fleet.record import ReplicaRecord, ReplicaRecordError, decoded_replica
from egxds.shown_text import shown

MOST_REPLICAS = 1000
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class _Held:
    mod_revision: int
    record: ReplicaRecord | None
    fault: str


class FleetBook:
    """What is known of all replicas."""

    def __init__(self, prefix: str) -> None:
        """Know of none.

        Args:
            prefix: what the keys of their records start with.
        """
        self._prefix = prefix
        self._held: dict[str, _Held] = {}

    def replace(self, found: Iterable[KeyValue]) -> None:
        """Take all records that there are."""
        self._held = {}
        for each in found:
            self._put(each)

    def follow(self, news: WatchNews) -> bool:
        """Take what has changed.

        Returns:
            Whether all of it is known now; else the order in which a record came and went is not, and all are to be
            looked at again.
        """
        for each in news.put:
            self._put(each)
        for key in news.deleted:
            self._held.pop(self._name(key), None)
        return not {each.key for each in news.put}.intersection(news.deleted)

    def records(self) -> Mapping[str, ReplicaRecord]:
        """Return what replicas say, by their names, in the order of these."""
        return {name: held.record for name, held in sorted(self._held.items()) if held.record is not None}

    def faults(self) -> tuple[str, ...]:
        """Say of each key below the prefix that is no record why not."""
        return tuple(held.fault for _, held in sorted(self._held.items()) if held.fault)

    def _put(self, found: KeyValue) -> None:
        name = self._name(found.key)
        known = self._held.get(name)
        if (known is None and len(self._held) >= MOST_REPLICAS) or (
            known is not None and known.mod_revision > found.mod_revision
        ):
            return
        try:
            self._held[name] = _Held(found.mod_revision, decoded_replica(name, found.value), "")
        except ReplicaRecordError as err:
            fault = f"{cut(shown(found.key), _SHOWN_CHARACTERS)}: is no record of a replica: {err}"
            self._held[name] = _Held(found.mod_revision, None, cut(fault, 2 * _SHOWN_CHARACTERS))

    def _name(self, key: str) -> str:
        return key.removeprefix(self._prefix)
