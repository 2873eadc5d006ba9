"""All resources of a type, sorted by name, and their versions: made once for all streams that want them all. Pure.

A thousand Envoys that start or come back at once are each sent ten thousand resources. They are sent the very same
tuple, so that they need not each sort it and keep it until the ACK, and so that a stream, or whoever encodes for it,
can tell by identity that it is everything. And each says which versions it has, which the interpreter compares with
these in one go.

Only of one mapping, the one that was asked for last, and only where there are many: a single RouteConfiguration may
have megabytes, and would be kept alive after it has changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from egxds import names
from egxds.snapshot.snapshot import NOTHING, VersionedResource, VersionedResources

SHARED_FROM = 32
"""How many resources are worth being shared."""


class InOrder:
    """The resources of one type."""

    def __init__(self) -> None:
        self._mapping = NOTHING
        self._resources: tuple[VersionedResource, ...] = ()
        self._versions: Mapping[str, str] | None = None

    def all_of(self, mapping: VersionedResources) -> tuple[VersionedResource, ...]:
        """Return all resources of a mapping, sorted by name."""
        if self._mapping is mapping:
            return self._resources
        resources = tuple([mapping[name] for name in sorted(mapping)])
        if len(resources) >= SHARED_FROM:
            self._mapping, self._resources, self._versions = mapping, resources, None
        return resources

    def versions_of(self, mapping: VersionedResources) -> Mapping[str, str]:
        """Return the versions of all resources of a mapping, by name."""
        if self._mapping is mapping and self._versions is not None:
            return self._versions
        versions = {resource.name: resource.version for resource in self.all_of(mapping)}
        if self._mapping is mapping:
            self._versions = versions
        return versions

    def mapping_of(self, resources: object) -> VersionedResources | None:
        """Return the mapping of which these are known to be all resources; None where they are not."""
        return self._mapping if resources is self._resources and self._resources else None


class InOrderByType:
    """Of every type that egxds makes; of others a stranger could name any number."""

    def __init__(self) -> None:
        self._types: dict[str, InOrder] = defaultdict(InOrder)

    def of(self, type_url: str) -> InOrder:
        """Return what is shared of one type."""
        return self._types[type_url] if type_url in names.PUSH_ORDER else InOrder()
