"""An immutable set of resources with their versions, as the sessions send them.

A version is a hash of the resource's bytes, and of its time to live where it has one, and of nothing else, so that a
restart, another replica or another file order changes no version (xDS protocol, Resource versions; rule 61). A counter
or a time in it would have every Envoy that reconnects be sent all that it has; the time to live is in it because a
client must be told of another one, and is told of nothing whose version it has (rule 99).

It is a version of each resource, and there is none of the snapshot: a response is decided by comparing names and
versions, and snapshots that say the same must not differ (rule 93).

All resources of a type are one revision, in no order: whoever has seen one before asks the newest for the names that
differ, and looks at those.

A body stands last in its frame, which protobuf allows, and is never copied into one: what stands before it is kept
beside it, and the two are joined where a response is written. A RouteConfiguration may have megabytes, and each copy of
it costs as much as to hash it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType

from google.protobuf import duration_pb2

from egxds.incremental.identity import have_same_values
from egxds.incremental.revision import Revision
from egxds.object_key import ObjectKey
from egxds.resources.encoding import field_bytes, field_prefix
from egxds.resources.resource import Key, Resource
from egxds.resources.validation.addresses import Socket

_RESPONSE_RESOURCES = 2
_RESOURCE_VERSION = 1
_RESOURCE_BODY = 2
_RESOURCE_NAME = 3
_RESOURCE_TTL = 6
_ANY_TYPE_URL = 1
_ANY_VALUE = 2
_VERSION_HEX_DIGITS = 32
_REMEMBERED_STEPS = 16


ChildrenStep = tuple[str, frozenset[Key]]
"""A version, and the children that the next one has beside those of it."""


@dataclass(frozen=True, slots=True)
class VersionedResource:
    """One resource, encoded once for every stream.

    Attributes:
        type_url: its type.
        name: its name.
        version: 32 hex digits of a SHA-256.
        body: the encoded message.
        head: what stands before the body in the `resources` field of a DeltaDiscoveryResponse.
        children: resources it refers to, which Envoy does not ask for again when it changes: sorted.
        sources: the objects it was made from.
        ttl_s: seconds after which a client drops it unless it hears of it again; None where it keeps it.
        sockets: what it has Envoy bind: of a Listener, its addresses.
        steps: the versions before it, the newest last, each with the children that the next one has beside those of
            before; only where the rest of it is kept by who exchanges the two.
    """

    type_url: str
    name: str
    version: str
    body: bytes = field(repr=False)
    head: bytes = field(repr=False)
    children: tuple[Key, ...] = ()
    sources: Sequence[ObjectKey] = ()
    ttl_s: float | None = None
    sockets: frozenset[Socket] = frozenset()
    # A past that another resource of the same bytes need not have.
    steps: tuple[ChildrenStep, ...] = field(default=(), repr=False, compare=False)

    def children_since(self, version: str | None) -> Collection[Key]:
        """Return the children that a version does not have yet; all, where that is not known.

        Whoever is sent the very version that it has taken may have lost it, and all that was fetched for it. A version
        that was there more than once counts from its first time on: what came since may have been used and given up.
        """
        if version == self.version:
            return self.children
        first = next((at for at, (before, _) in enumerate(self.steps) if before == version), None)
        if first is None:
            return self.children
        return frozenset().union(*(children for _, children in self.steps[first:])).intersection(self.children)

    def following(self, before: VersionedResource, children: frozenset[Key]) -> VersionedResource:
        """Return it as one whose parts are exchanged for those before, and have these children beside theirs."""
        steps = (*before.steps, (before.version, children))
        return replace(self, steps=steps[-_REMEMBERED_STEPS:])

    @property
    def size_bytes(self) -> int:
        """How much of a response it takes."""
        return len(self.head) + len(self.body)


VersionedResources = Revision[str, VersionedResource]
"""Resources of one type by name."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one Envoy is to hold.

    Attributes:
        resources: type URL → resources; types that have some, sorted. A type's revision is the same object as in the
            snapshot before where nothing of that type changed.
    """

    resources: Mapping[str, VersionedResources]

    def of(self, type_url: str) -> VersionedResources:
        """Return the resources of a type; empty where there are none."""
        return self.resources.get(type_url, NOTHING)

    def replaced(self, types: Mapping[str, VersionedResources]) -> Snapshot:
        """Return a snapshot of these types, and of no empty one; this very snapshot where all are the same.

        Args:
            types: type URL → resources.
        """
        kept = {type_url: types[type_url] for type_url in sorted(types) if types[type_url]}
        return self if have_same_values(self.resources, kept) else Snapshot(MappingProxyType(kept))


NOTHING: VersionedResources = Revision()
"""No resources; always the same object."""

EMPTY = Snapshot(MappingProxyType({}))
"""A snapshot without resources."""


def version_resource(
    resource: Resource, children: tuple[Key, ...], sockets: frozenset[Socket] = frozenset()
) -> VersionedResource:
    """Give a resource its version, and write what all streams send before its body.

    Args:
        resource: what is sent.
        children: what it refers to, sorted.
        sockets: what it has Envoy bind.
    """
    ttl = b"" if resource.ttl_s is None else field_bytes(_RESOURCE_TTL, _duration(resource.ttl_s))
    content = hashlib.sha256(resource.body)
    content.update(ttl)
    version = content.hexdigest()[:_VERSION_HEX_DIGITS]
    return VersionedResource(
        type_url=resource.type_url,
        name=resource.name,
        version=version,
        body=resource.body,
        head=_head(resource, version, ttl),
        children=children,
        sources=resource.sources,
        ttl_s=resource.ttl_s,
        sockets=sockets,
    )


def _head(resource: Resource, version: str, ttl: bytes) -> bytes:
    # Joined from fields: to parse the body in order to encode it once more would cost the most. The longest comes last.
    typed = field_bytes(_ANY_TYPE_URL, resource.type_url.encode())
    body_prefix = field_prefix(_ANY_VALUE, len(resource.body))
    typed_size = len(typed) + len(body_prefix) + len(resource.body)
    named = field_bytes(_RESOURCE_VERSION, version.encode()) + field_bytes(_RESOURCE_NAME, resource.name.encode()) + ttl
    typed_prefix = field_prefix(_RESOURCE_BODY, typed_size)
    envelope_size = len(named) + len(typed_prefix) + typed_size
    return b"".join((field_prefix(_RESPONSE_RESOURCES, envelope_size), named, typed_prefix, typed, body_prefix))


def _duration(seconds: float) -> bytes:
    duration = duration_pb2.Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration.SerializeToString()
