"""All Gateways of one GatewayClass as one snapshot, for an Envoy that serves them together. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

from egxds import names
from egxds.snapshot.gateway import reuse
from egxds.snapshot.snapshot import Snapshot, VersionedResource

Exclusion = tuple[str, str]
"""(Gateway, resource name of one of its Listeners): left out where the class is served as a whole."""

_Part = tuple[str, Mapping[str, VersionedResource]]


class ClassMerger:
    """Merges the Gateways of one class, again and again; a type whose parts are the same is not merged again."""

    def __init__(self) -> None:
        self._last = Snapshot(MappingProxyType({}))
        self._last_parts: dict[str, tuple[_Part, ...]] = {}

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
        if types.keys() != last.keys() or any(types[type_url] is not last[type_url] for type_url in types):
            self._last = Snapshot(MappingProxyType(types))
        return self._last

    def _merged(self, type_url: str, parts: tuple[_Part, ...]) -> Mapping[str, VersionedResource]:
        last = self._last.of(type_url)
        if _same(parts, self._last_parts.get(type_url, ())):
            return last
        merged: dict[str, VersionedResource] = {}
        for _, mapping in reversed(parts):
            merged.update(mapping)
        return reuse(last, {name: merged[name] for name in sorted(merged)})


def _parts(type_url: str, ordered: list[tuple[str, Snapshot]], excluded: AbstractSet[Exclusion]) -> tuple[_Part, ...]:
    parts = []
    for gateway, snapshot in ordered:
        mapping = snapshot.of(type_url)
        if type_url == names.LISTENER and any((gateway, name) in excluded for name in mapping):
            mapping = {name: mapping[name] for name in mapping if (gateway, name) not in excluded}
        parts.append((gateway, mapping))
    return tuple(parts)


def _same(parts: tuple[_Part, ...], last: tuple[_Part, ...]) -> bool:
    return len(parts) == len(last) and all(
        new == old and mapping is old_mapping for (new, mapping), (old, old_mapping) in zip(parts, last, strict=True)
    )
