"""What all hooks accepted of a Gateway as the bytes of a file, and back. Pure.

A file is a line that names the format, its version and the SHA-256 of all that follows; then JSON, in which every body
of bytes stands once and is referred to by its number: the whole state and its parts share nearly all of them.

What cannot be read as a whole is not read at all: half a state would hold a listener without its routes. So there is
one error for everything, a checksum for what a crash or a disk left of a file, and a version that is raised whenever
what stands in the JSON changes. A file of another version is not converted: it is for the time until the hooks have
accepted once more, and until then `hold` does what it does where there is nothing to hold.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from egxds import names
from egxds.hooks.policy.outcome import Accepted, AcceptedPart
from egxds.object_key import ObjectKey
from egxds.resources.resource import Resource, Resources

VERSION = 2
_READABLE_VERSIONS = (b"1", b"2")
"""Version 1 had files and lines in the place of the objects that a resource was made from; they are left out."""

_KEY_PARTS = 4

_MAGIC = b"egxds accepted state"

T = TypeVar("T")


class UnreadableStateError(Exception):
    """A file is not one of ours, or of another version, or damaged; the message says which."""


@dataclass(frozen=True, slots=True)
class SavedState:
    """What is remembered of a Gateway.

    Attributes:
        gateway: `<namespace>/<name>`.
        accepted: its last state that all hooks accepted, whole.
        failing_since: since when each extension that holds it has been failing: name → seconds since 1970.
    """

    gateway: str
    accepted: Accepted
    failing_since: Mapping[str, float] = field(default_factory=dict)


def encode_state(state: SavedState) -> bytes:
    """Return the bytes of a file."""
    bodies: dict[bytes, int] = {}
    resources: dict[Resource, int] = {}
    accepted = state.accepted.resources
    whole = (
        [_number(item, resources) for by_name in accepted.values() for item in by_name.values()]
        if accepted is not None
        else None
    )
    parts = [
        [_number(part.resource, resources), None if part.source_body is None else _number(part.source_body, bodies)]
        for part in state.accepted.parts.values()
    ]
    content = {
        "gateway": state.gateway,
        "failingSince": dict(state.failing_since),
        "whole": whole,
        "parts": parts,
        "resources": [_write(resource, bodies) for resource in resources],
        "bodies": [base64.b64encode(body).decode() for body in bodies],
    }
    payload = json.dumps(content, separators=(",", ":")).encode()
    return b"%s %d %s\n" % (_MAGIC, VERSION, hashlib.sha256(payload).hexdigest().encode()) + payload


def decode_state(data: bytes) -> SavedState:
    """Read the bytes of a file.

    Raises:
        UnreadableStateError: it holds no whole state that this version can read.
    """
    head, _, payload = data.partition(b"\n")
    magic, _, rest = head.rpartition(b" ")
    name, _, version = magic.rpartition(b" ")
    if name != _MAGIC:
        raise UnreadableStateError("it is no state of egxds")
    if version not in _READABLE_VERSIONS:
        raise UnreadableStateError(f"it has version {version.decode(errors='replace')} and not {VERSION}")
    if hashlib.sha256(payload).hexdigest().encode() != rest:
        raise UnreadableStateError("it is damaged: its checksum does not match")
    try:
        return _read(json.loads(payload))
    # Its checksum is right, so this is a file that somebody wrote: it is no reason not to start.
    except (KeyError, IndexError, TypeError, ValueError) as err:
        raise UnreadableStateError(f"it is not put together as it should be: {type(err).__name__}: {err}") from err


def _number(item: T, numbers: dict[T, int]) -> int:
    """Return the number of an item, a new one where it has none yet."""
    return numbers.setdefault(item, len(numbers))


def _write(resource: Resource, bodies: dict[bytes, int]) -> list[object]:
    sources = [[key.group, key.kind, key.namespace, key.name] for key in resource.sources]
    return [resource.type_url, resource.name, _number(resource.body, bodies), sources]


def _read(content: Mapping[str, Any]) -> SavedState:
    bodies = [base64.b64decode(body, validate=True) for body in content["bodies"]]
    resources = [_read_resource(written, bodies) for written in content["resources"]]
    parts = [AcceptedPart(resources[at], None if source is None else bodies[source]) for at, source in content["parts"]]
    whole = content["whole"]
    accepted = Accepted(
        resources=None if whole is None else _by_type(resources[at] for at in whole),
        parts={(part.resource.type_url, part.resource.name): part for part in parts},
    )
    since = {str(manager): float(since_s) for manager, since_s in content["failingSince"].items()}
    return SavedState(str(content["gateway"]), accepted, since)


def _by_type(resources: Iterable[Resource]) -> Mapping[str, Resources]:
    found: dict[str, dict[str, Resource]] = defaultdict(dict)
    for resource in resources:
        found[resource.type_url][resource.name] = resource
    return {type_url: Resources(by_name) for type_url, by_name in found.items()}


def _read_resource(written: Sequence[Any], bodies: Sequence[bytes]) -> Resource:
    type_url, name, body, sources = written
    # What is published is sorted by it, and a type that is not served could not be sent.
    if type_url not in names.PUSH_ORDER:
        raise ValueError(f"unknown type {type_url!r}")
    return Resource(
        type_url, str(name), bodies[body], tuple(ObjectKey(*map(str, key)) for key in sources if len(key) == _KEY_PARTS)
    )
