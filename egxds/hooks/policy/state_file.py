"""What all hooks accepted of a Gateway as a file that grows by what changed, and back. Pure.

    egxds accepted state 3
    record, record, ... end         a whole state
    record, ... end                 what changed since; and so on

The state of a file is the last that is there as a whole. What a crash has torn off, or a disk spoiled, is left out
with all that follows it: what remains was accepted as a whole, if a while ago. Half a state would hold a listener
without its routes, so where there is no whole one there is none.

The version is raised whenever what stands in a file changes. A file of a later one is not converted: it is for the
time until the hooks have accepted once more, and until then `hold` does what it does where there is nothing to hold.
Versions 1 and 2 were one line with a checksum, and JSON in which bodies had numbers; they are read.

What is done over all of a Gateway: the start of a file. Else it is the rows that changed, and for each large body that
changed a comparison of its bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from egxds.hooks.policy.outcome import Accepted, AcceptedPart
from egxds.hooks.policy.saved_state import SavedState, changed_keys, keys_of, row_of
from egxds.hooks.policy.state_records import check_type, read_records, read_sources, write_records
from egxds.resources.resource import Resource, Resources
from egxds.sealed_records import UnreadableStateError, first_seal

VERSION = 3

MAGIC = b"egxds accepted state"
_DAMAGED = "it is damaged: its checksum does not match"
_HEAD = b"%s %d\n" % (MAGIC, VERSION)
_FIRST_SEAL = first_seal(_HEAD)
_SINGLE_STATE_VERSIONS = (b"1", b"2")
"""Version 1 had files and lines in the place of the objects that a resource was made from; they are left out."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a file holds.

    Attributes:
        state: its last one.
        seal: the checksum of its last record.
    """

    state: SavedState
    seal: bytes


def begin(state: SavedState) -> tuple[Written, bytes]:
    """Return the content of a new file."""
    changes = ((key, row_of(state, key), None) for key in sorted(keys_of(state)))
    content, seal = write_records(changes, state, _FIRST_SEAL)
    return Written(state, seal), _HEAD + content


def go_on(written: Written, state: SavedState) -> tuple[Written, bytes]:
    """Return what is to be appended to a file; nothing where the state comes to the same.

    Args:
        written: what the file holds.
        state: of the same Gateway.
    """
    before = written.state
    rows = ((key, row_of(state, key), row_of(before, key)) for key in sorted(changed_keys(before, state)))
    changes = [(key, row, former) for key, row, former in rows if row != former]
    if not changes and state.failing_since == before.failing_since:
        return Written(state, written.seal), b""
    content, seal = write_records(changes, state, written.seal)
    return Written(state, seal), content


def decode_state(data: bytes) -> tuple[SavedState, int]:
    """Read the content of a file.

    Returns:
        Its last state that is whole, and how many bytes behind it count for nothing.

    Raises:
        UnreadableStateError: it holds no whole state that this version can read.
    """
    head, _, content = data.partition(b"\n")
    if not head.startswith(MAGIC):
        raise UnreadableStateError("it is no state of egxds")
    version, *checksum = head.removeprefix(MAGIC).split() or (b"",)
    if version not in (*_SINGLE_STATE_VERSIONS, b"%d" % VERSION):
        raise UnreadableStateError(f"it has version {version.decode(errors='replace')} and not {VERSION}")
    try:
        if version in _SINGLE_STATE_VERSIONS:
            return _read_single(content, checksum), 0
        return _read_last(content)
    # Its checksum is right, so this is a file that somebody wrote: whatever is in it is no reason not to start.
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as err:
        raise UnreadableStateError(f"it is not put together as it should be: {type(err).__name__}: {err}") from err


def _read_last(content: bytes) -> tuple[SavedState, int]:
    records = read_records(content, _FIRST_SEAL)
    if records is None:
        raise UnreadableStateError(_DAMAGED)
    rows = records.table.items()
    whole = [row.whole for _, row in rows if row.whole is not None]
    parts = {key: row.part for key, row in rows if row.part is not None}
    accepted = Accepted(_by_type(whole) if records.last["hasWhole"] else None, parts)
    return _saved(records.last, accepted), len(content) - records.size_bytes


def _read_single(content: bytes, checksum: Sequence[bytes]) -> SavedState:
    if [hashlib.sha256(content).hexdigest().encode()] != checksum:
        raise UnreadableStateError(_DAMAGED)
    found = json.loads(content)
    bodies = [base64.b64decode(body, validate=True) for body in found["bodies"]]
    resources = [_read_resource(written, bodies) for written in found["resources"]]
    parts = [AcceptedPart(resources[at], None if source is None else bodies[source]) for at, source in found["parts"]]
    accepted = Accepted(
        resources=None if found["whole"] is None else _by_type(resources[at] for at in found["whole"]),
        parts={(part.resource.type_url, part.resource.name): part for part in parts},
    )
    return _saved(found, accepted)


def _saved(head: Mapping[str, Any], accepted: Accepted) -> SavedState:
    since = {str(manager): float(since_s) for manager, since_s in head["failingSince"].items()}
    return SavedState(str(head["gateway"]), accepted, since)


def _by_type(resources: Iterable[Resource]) -> Mapping[str, Resources]:
    found: dict[str, dict[str, Resource]] = defaultdict(dict)
    for resource in resources:
        found[resource.type_url][resource.name] = resource
    return {type_url: Resources(by_name) for type_url, by_name in found.items()}


def _read_resource(written: Sequence[Any], bodies: Sequence[bytes]) -> Resource:
    type_url, name, body, sources = written
    check_type(type_url)
    return Resource(type_url, str(name), bodies[body], read_sources(sources))
