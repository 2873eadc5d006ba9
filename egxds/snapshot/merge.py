"""All Gateways of one GatewayClass as one snapshot, for an Envoy that serves them together. Pure.

Names hold the Gateway's own, so what two Gateways have under one name is what both made from the same object: the
clusters of an HTTPRoute that is attached to both, a certificate that both use. Where extensions have changed one of
them, they differ, and one must be chosen: always that of the Gateway whose name sorts first, or each change of either
would exchange it, and an Envoy with it.

Listeners that another Gateway of the class has the address of are left out, because Envoy refuses a second listener on
an address. What they refer to stays: nobody asks for it, or somebody else needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

from egxds import names
from egxds.incremental.identity import have_same_values
from egxds.snapshot.gateway import reuse
from egxds.snapshot.snapshot import Snapshot, VersionedResource

Exclusion = tuple[str, str]
"""(Gateway, resource name of one of its Listeners): left out where the class is served as a whole."""

_Parts = dict[str, Mapping[str, VersionedResource]]
"""Gateway → what it has of one type, sorted."""


class ClassMerger:
    """Merges the Gateways of one class, again and again; a type whose parts are the same is not merged again."""

    def __init__(self) -> None:
        self._last = Snapshot(MappingProxyType({}))
        self._last_parts: dict[str, _Parts] = {}

    def merge(self, snapshots: Mapping[str, Snapshot], excluded: AbstractSet[Exclusion]) -> Snapshot:
        """Return everything that these Gateways have, without the excluded Listeners.

        Args:
            snapshots: Gateway → its snapshot. Of two resources with the same type and name, that of the
                Gateway whose name sorts first counts.
            excluded: Listeners to leave out.

        Returns:
            The same object, and the same mapping for every type, as last time where nothing differs.
        """
        ordered = sorted(snapshots.items())
        type_urls = sorted({type_url for _, snapshot in ordered for type_url in snapshot.resources})
        parts = {type_url: _parts(type_url, ordered, excluded) for type_url in type_urls}
        types = {type_url: self._merged(type_url, parts[type_url]) for type_url in type_urls}
        self._last_parts = parts
        last = self._last.resources
        if not have_same_values(last, types):
            self._last = Snapshot(MappingProxyType(types))
        return self._last

    def _merged(self, type_url: str, parts: _Parts) -> Mapping[str, VersionedResource]:
        last = self._last.of(type_url)
        if have_same_values(self._last_parts.get(type_url, {}), parts):
            return last
        merged: dict[str, VersionedResource] = {}
        # The last that is written counts, so the first by name is written last.
        for mapping in reversed(parts.values()):
            merged.update(mapping)
        return reuse(last, {name: merged[name] for name in sorted(merged)})


def _parts(type_url: str, ordered: list[tuple[str, Snapshot]], excluded: AbstractSet[Exclusion]) -> _Parts:
    parts: _Parts = {}
    for gateway, snapshot in ordered:
        mapping = snapshot.of(type_url)
        # Copied only where something is left out: an untouched mapping is compared by identity.
        if type_url == names.LISTENER and any((gateway, name) in excluded for name in mapping):
            mapping = {name: mapping[name] for name in mapping if (gateway, name) not in excluded}
        parts[gateway] = mapping
    return parts
