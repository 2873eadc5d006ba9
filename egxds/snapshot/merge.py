"""All Gateways of one GatewayClass as one snapshot, for an Envoy that serves them together. Pure.

Names hold the Gateway's own, so what two Gateways have under one name is what both made from the same object: the
clusters of an HTTPRoute that is attached to both, a certificate that both use. Where extensions have changed one of
them, or policies of the Gateways ask other things of a cluster, they differ, and one must be chosen: always that of the
Gateway whose name sorts first, or each change of either would exchange it, and an Envoy with it.

Listeners that another Gateway of the class has the address of are left out, because Envoy refuses a second listener on
an address. What they refer to stays: nobody asks for it, or somebody else needs it.

    put, remove, exclude        noted: nobody may ever ask for the class as a whole
    merged                      what was noted is worked in, name by name, and the notes are gone

For each name it is kept who has it, sorted. So one changed Gateway costs the names that differ from what was worked in
of it, however many other Gateways there are, and one copy of the dict of each type that they are of.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Set as AbstractSet

from egxds import names
from egxds.snapshot.snapshot import EMPTY, Snapshot, VersionedResources

Exclusion = tuple[str, str]
"""(Gateway, resource name of one of its Listeners): left out where the class is served as a whole."""

_Names = dict[str, set[str]]
"""Type URL → names."""


class ClassMerger:
    """Merges the Gateways of one class, again and again.

    Attributes:
        gateways: those there are, sorted.
    """

    def __init__(self) -> None:
        self.gateways: tuple[str, ...] = ()
        self._newest: dict[str, Snapshot] = {}
        self._worked_in: dict[str, Snapshot] = {}
        self._changed: set[str] = set()
        self._excluded: AbstractSet[Exclusion] = frozenset()
        self._worked_in_excluded: AbstractSet[Exclusion] = frozenset()
        self._owners: dict[str, dict[str, list[str]]] = defaultdict(dict)
        self._merged = EMPTY

    def put(self, gateway: str, snapshot: Snapshot) -> None:
        """Take the newest snapshot of a Gateway."""
        if gateway not in self._newest:
            self.gateways = tuple(sorted((*self.gateways, gateway)))
        self._newest[gateway] = snapshot
        self._changed.add(gateway)

    def remove(self, gateway: str) -> None:
        """Let a Gateway go, and with it all that is kept of it."""
        del self._newest[gateway]
        self.gateways = tuple(sorted(self._newest))
        self._changed.add(gateway)
        # Now, and not when somebody asks: nobody may, and all its bytes would stay.
        if gateway in self._worked_in:
            self.merged()

    def exclude(self, listeners: AbstractSet[Exclusion]) -> bool:
        """Leave these Listeners out, and no others.

        Returns:
            Whether these are others than before.
        """
        if listeners == self._excluded:
            return False
        self._excluded = listeners
        return True

    def merged(self) -> Snapshot:
        """Return everything that these Gateways have, without the excluded Listeners.

        Returns:
            Of two resources with the same type and name, that of the Gateway whose name sorts first. The same object,
            and the same revision for every type, as last time where nothing differs.
        """
        if not self._changed and self._excluded is self._worked_in_excluded:
            return self._merged
        concerned: _Names = defaultdict(set)
        for gateway in self._changed:
            self._work_in(gateway, concerned)
        self._changed.clear()
        self._work_in_excluded(concerned)
        types = {type_url: self._edited(type_url, concerned[type_url]) for type_url in concerned}
        self._merged = self._merged.replaced({**self._merged.resources, **types})
        return self._merged

    def _edited(self, type_url: str, concerned: AbstractSet[str]) -> VersionedResources:
        owners = self._owners[type_url]
        # Sorted, so that a first merge is in order.
        changed = {
            name: self._worked_in[owners[name][0]].of(type_url)[name] for name in sorted(concerned) if name in owners
        }
        return self._merged.of(type_url).edited(changed, concerned)

    def _work_in(self, gateway: str, concerned: _Names) -> None:
        before, now = self._worked_in.pop(gateway, EMPTY), self._newest.get(gateway)
        if now is not None:
            self._worked_in[gateway] = now
        for type_url in before.resources.keys() | (now or EMPTY).resources.keys():
            mapping = (now or EMPTY).of(type_url)
            for name in mapping.changed_since(before.of(type_url)):
                self._own(type_url, name, gateway, name in mapping)
                concerned[type_url].add(name)

    def _work_in_excluded(self, concerned: _Names) -> None:
        before, self._worked_in_excluded = self._worked_in_excluded, self._excluded
        for gateway, name in before ^ self._excluded:
            snapshot = self._worked_in.get(gateway, EMPTY)
            self._own(names.LISTENER, name, gateway, name in snapshot.of(names.LISTENER))
            concerned[names.LISTENER].add(name)

    def _own(self, type_url: str, name: str, gateway: str, is_there: bool) -> None:
        """Note whether a Gateway has a resource, and may serve it to the class."""
        is_owner = is_there and not (type_url == names.LISTENER and (gateway, name) in self._excluded)
        owners = self._owners[type_url]
        known = owners.setdefault(name, [])
        if is_owner and gateway not in known:
            insort(known, gateway)
        elif not is_owner and gateway in known:
            known.remove(gateway)
        if not known:
            del owners[name]
