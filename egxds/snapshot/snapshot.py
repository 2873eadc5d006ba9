"""An immutable set of resources with their versions, as the sessions send them.

A version is a hash of the resource's bytes, and of its time to live where it has one, and of nothing else, so that a
restart, another replica or another file order changes no version (xDS protocol, Resource versions; rule 61). A counter
or a time in it would have every Envoy that reconnects be sent all that it has; the time to live is in it because a
client must be told of another one, and is told of nothing whose version it has (rule 99).

It is a version of each resource, and there is none of the snapshot: a response is decided by comparing names and
versions, and snapshots that say the same must not differ (rule 93).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from google.protobuf import duration_pb2

from egxds.object_key import ObjectKey
from egxds.resources.encoding import field_bytes
from egxds.resources.resource import Key, Resource

_RESPONSE_RESOURCES = 2
_RESOURCE_TTL = 6
_VERSION_HEX_DIGITS = 32


@dataclass(frozen=True, slots=True)
class VersionedResource:
    """One resource, encoded once for every stream.

    Attributes:
        type_url: its type.
        name: its name.
        version: 32 hex digits of a SHA-256.
        body: the encoded message.
        frame: the `resources` field of a DeltaDiscoveryResponse that holds it, ready to be joined.
        children: resources it refers to, which Envoy does not ask for again when it changes: sorted.
        sources: the objects it was made from.
        ttl_s: seconds after which a client drops it unless it hears of it again; None where it keeps it.
    """

    type_url: str
    name: str
    version: str
    body: bytes = field(repr=False)
    frame: bytes = field(repr=False)
    children: tuple[Key, ...] = ()
    sources: Sequence[ObjectKey] = ()
    ttl_s: float | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one Envoy is to hold.

    Attributes:
        resources: type URL → resource name → resource; names sorted. A type's mapping is the same object as
            in the snapshot before where nothing of that type changed.
    """

    resources: Mapping[str, Mapping[str, VersionedResource]]

    def of(self, type_url: str) -> Mapping[str, VersionedResource]:
        """Return the resources of a type; empty where there are none."""
        return self.resources.get(type_url, _NOTHING)


_NOTHING: Mapping[str, VersionedResource] = MappingProxyType({})

EMPTY = Snapshot(MappingProxyType({}))
"""A snapshot without resources."""


def version_resource(resource: Resource, children: tuple[Key, ...]) -> VersionedResource:
    """Encode a resource into the frame that all streams share."""
    ttl = b"" if resource.ttl_s is None else field_bytes(_RESOURCE_TTL, _duration(resource.ttl_s))
    version = hashlib.sha256(resource.body + ttl).hexdigest()[:_VERSION_HEX_DIGITS]
    # Joined from fields, which protobuf allows: to parse the body in order to encode it once more would cost the most.
    typed_body = field_bytes(1, resource.type_url.encode()) + field_bytes(2, resource.body)
    envelope = (
        field_bytes(1, version.encode()) + field_bytes(2, typed_body) + field_bytes(3, resource.name.encode()) + ttl
    )
    return VersionedResource(
        type_url=resource.type_url,
        name=resource.name,
        version=version,
        body=resource.body,
        frame=field_bytes(_RESPONSE_RESOURCES, envelope),
        children=children,
        sources=resource.sources,
        ttl_s=resource.ttl_s,
    )


def _duration(seconds: float) -> bytes:
    duration = duration_pb2.Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration.SerializeToString()
