"""One Gateway's resources, version by version: what did not change keeps its object and its bytes. Pure.

Equal is what has equal bytes (bodies are encoded deterministically), and then the object of before is taken for the
new one, with its version, its frame and its children: they depend on the bytes alone. Only the sources may differ,
when an object has moved within its file; that is shown to people and sent to nobody, and changes no version.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from egxds.incremental.identity import have_same_values
from egxds.resources.references import children
from egxds.resources.resource import Resource, Resources
from egxds.snapshot.snapshot import Snapshot, VersionedResource, version_resource


class SnapshotBuilder:
    """Turn the resources of one Gateway into snapshots, each sharing with the one before what is equal.

    Attributes:
        encodings: how many resources have been encoded and versioned so far.
    """

    def __init__(self) -> None:
        self.encodings = 0
        self._last = Snapshot(MappingProxyType({}))

    def build(self, resources: Mapping[str, Resources]) -> Snapshot:
        """Return a snapshot of these resources.

        Args:
            resources: all of the Gateway's: type URL → resources.

        Returns:
            The same object as last time where nothing differs; else one that holds the same mapping for every
            type and the same object for every resource in which nothing differs.

        Raises:
            UnreadableMessageError: a Listener or a Cluster does not parse.
        """
        types = {
            type_url: self._mapping(type_url, resources[type_url])
            for type_url in sorted(resources)
            if resources[type_url]
        }
        last = self._last.resources
        if not have_same_values(last, types):
            self._last = Snapshot(MappingProxyType(types))
        return self._last

    def _mapping(self, type_url: str, resources: Mapping[str, Resource]) -> Mapping[str, VersionedResource]:
        last = self._last.of(type_url)
        # Sorted here, once for all streams: responses list names in order without sorting.
        mapping = {name: self._versioned(resources[name], last.get(name)) for name in sorted(resources)}
        return reuse(last, mapping)

    def _versioned(self, resource: Resource, last: VersionedResource | None) -> VersionedResource:
        if last is None or last.body != resource.body or last.ttl_s != resource.ttl_s:
            self.encodings += 1
            return version_resource(resource, children(resource.type_url, resource.body))
        if last.sources != resource.sources:
            return dataclasses.replace(last, sources=resource.sources)
        return last


def reuse(
    last: Mapping[str, VersionedResource], mapping: dict[str, VersionedResource]
) -> Mapping[str, VersionedResource]:
    """Return the last mapping where the new one holds the same objects, else the new one, read-only."""
    return last if have_same_values(last, mapping) else MappingProxyType(mapping)
