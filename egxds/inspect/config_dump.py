"""What Envoys are served, and what they refused, as the admin API shows it; secrets are redacted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from egxds.inspect.status import NackRecord
from egxds.names import SHORT_NAMES
from egxds.object_key import ObjectKey
from egxds.problems import Location
from egxds.resources.json import render_body
from egxds.snapshot.snapshot import Snapshot, VersionedResource

Json = dict[str, object]
Locate = Callable[[Iterable[ObjectKey]], tuple[Location, ...]]
"""Objects → where they stand now."""


def config_dump(snapshots: Mapping[str, Snapshot], type_urls: Sequence[str], locate: Locate) -> Iterator[Json]:
    """Describe resources.

    Args:
        snapshots: Gateway → what its Envoys are served.
        type_urls: types to describe, in this order.
        locate: finds where objects stand.
    """
    for gateway, snapshot in snapshots.items():
        for type_url in type_urls:
            resources = snapshot.of(type_url)
            for name in sorted(resources):
                yield _describe_resource(gateway, resources[name], locate)


def _describe_resource(gateway: str, resource: VersionedResource, locate: Locate) -> Json:
    return {
        "gateway": gateway,
        "type": SHORT_NAMES[resource.type_url],
        "typeUrl": resource.type_url,
        "name": resource.name,
        "version": resource.version,
        "sources": [describe_source(place) for place in locate(resource.sources)],
        "body": render_body(resource.type_url, resource.body),
    }


def describe_source(location: Location) -> Json:
    """Say where an object stands."""
    return {"file": location.file, "line": location.line}


def describe_nack(record: NackRecord, locate: Locate) -> Json:
    """Describe a response that an Envoy refused."""
    return {
        "node": record.node_id,
        "type": SHORT_NAMES.get(record.type_url, record.type_url),
        "nonce": record.nonce,
        "time": datetime.fromtimestamp(record.time_s, UTC).isoformat(timespec="seconds"),
        "times": record.times,
        "over": record.is_over,
        "message": record.message,
        "resources": [
            {
                "name": one.name,
                "version": one.version,
                "sources": [describe_source(place) for place in locate(one.sources)],
            }
            for one in record.resources
        ],
        "omitted": record.omitted,
    }
