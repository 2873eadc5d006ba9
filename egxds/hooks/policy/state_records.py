"""Rows of a state as records of a file, and back. Pure.

Some records in a row (`egxds.sealed_records`) make a state, of which the last is marked as its end.

The content of one is a line of JSON, and behind it bodies of bytes as they are, each once. Of a large body, in which
one virtual host of thousands changed, what stands between the first and the last difference is written.
"""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from egxds import names
from egxds.hooks.policy.outcome import AcceptedPart
from egxds.hooks.policy.saved_state import Row, SavedState
from egxds.object_key import ObjectKey
from egxds.resources.resource import Key, Resource
from egxds.sealed_records import seal_records, sealed_records

ROWS_OF_A_RECORD = 500
"""So that nothing holds up the event loop while it is encoded: the interpreter changes threads in between."""

_KEY_PARTS = 4
_SMALLEST_SPLICED_BYTES = 4096

Change = tuple[Key, Row, Row | None]
"""What a row is now, and what it was in the state before."""


@dataclass(frozen=True, slots=True)
class Records:
    """What a file holds.

    Attributes:
        table: the rows of its last state.
        last: the head of the last record of it.
        size_bytes: of all records up to that one; what follows counts for nothing.
    """

    table: Mapping[Key, Row]
    last: Mapping[str, Any]
    size_bytes: int


def write_records(changes: Iterable[Change], state: SavedState, seal: bytes) -> tuple[bytes, bytes]:
    """Return records that make a state, and the last checksum.

    Args:
        changes: what is others than in the state before.
        state: the state.
        seal: the checksum before.
    """
    return seal_records(_contents(changes, state), seal)


def read_records(data: bytes, seal: bytes) -> Records | None:
    """Read records up to the last that makes a state; nothing where none does.

    Args:
        data: the records, and whatever follows them.
        seal: the checksum before the first.

    Raises:
        KeyError, IndexError, TypeError, ValueError: a checksum is right, and the content is not ours.
    """
    table: dict[Key, Row] = {}
    pending: dict[Key, Row] = {}
    found: Records | None = None
    for end, content in sealed_records(data, seal):
        line, _, bodies = content.partition(b"\n")
        record = json.loads(line)
        pending |= _read_rows(record, bodies, ChainMap(pending, table))
        if record["end"]:
            table |= pending
            pending, found = {}, Records(table, record, end)
    return found


def _contents(changes: Iterable[Change], state: SavedState) -> Iterator[bytes]:
    waiting = iter(changes)
    group = list(islice(waiting, ROWS_OF_A_RECORD))
    while True:
        following = list(islice(waiting, ROWS_OF_A_RECORD))
        yield _record(group, state, is_end=not following)
        if not following:
            return
        group = following


def _record(changes: Sequence[Change], state: SavedState, *, is_end: bool) -> bytes:
    bodies: dict[bytes, int] = {}
    written = [_write_row(key, row, former, bodies) for key, row, former in changes]
    record = {
        "gateway": state.gateway,
        "failingSince": dict(state.failing_since),
        "hasWhole": state.accepted.resources is not None,
        "rows": written,
        "lengths": [len(body) for body in bodies],
        "end": is_end,
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n" + b"".join(bodies)


def _write_row(key: Key, row: Row, former: Row | None, bodies: dict[bytes, int]) -> list[object]:
    whole, part = row.whole, row.part
    before = former.whole if former else None
    return [
        *key,
        whole and [_write_body(whole.body, before, bodies), _write_sources(whole)],
        part
        and [
            _number(part.resource.body, bodies),
            _write_sources(part.resource),
            None if part.source_body is None else _number(part.source_body, bodies),
        ],
    ]


def _write_body(body: bytes, former: Resource | None, bodies: dict[bytes, int]) -> int | list[int]:
    """Return the number of a body, or what of the former one stays before and behind the body with that number."""
    if former is None or len(body) < _SMALLEST_SPLICED_BYTES:
        return _number(body, bodies)
    start = common_start(former.body, body)
    end = common_start(former.body[start:][::-1], body[start:][::-1])
    return [start, end, _number(body[start : len(body) - end], bodies)]


def common_start(one: bytes, other: bytes) -> int:
    """Return how many bytes two strings have in common at their start, by comparing halves."""
    same, differing = 0, min(len(one), len(other)) + 1
    while differing - same > 1:
        middle = (same + differing) // 2
        if one[same:middle] == other[same:middle]:
            same = middle
        else:
            differing = middle
    return same


def _write_sources(resource: Resource) -> list[list[str]]:
    return [[key.group, key.kind, key.namespace, key.name] for key in resource.sources]


def _number(body: bytes, bodies: dict[bytes, int]) -> int:
    """Return the number of a body, a new one where it has none yet."""
    return bodies.setdefault(body, len(bodies))


def _read_rows(record: Mapping[str, Any], data: bytes, former: Mapping[Key, Row]) -> dict[Key, Row]:
    bodies: list[bytes] = []
    at = 0
    for length in record["lengths"]:
        bodies.append(data[at : at + length])
        at += length
    return {(row[0], str(row[1])): _read_row(row, bodies, former) for row in record["rows"]}


def _read_row(row: Sequence[Any], bodies: Sequence[bytes], former: Mapping[Key, Row]) -> Row:
    type_url, name, whole, part = row
    check_type(type_url)
    key = (type_url, str(name))
    resource = whole and Resource(*key, _read_body(key, whole[0], bodies, former), read_sources(whole[1]))
    if part is None:
        return Row(resource, None)
    accepted = Resource(*key, bodies[part[0]], read_sources(part[1]))
    return Row(resource, AcceptedPart(accepted, None if part[2] is None else bodies[part[2]]))


def _read_body(key: Key, written: int | list[int], bodies: Sequence[bytes], former: Mapping[Key, Row]) -> bytes:
    if isinstance(written, int):
        return bodies[written]
    start, end, number = written
    before = former[key].whole
    if before is None:
        raise ValueError(f"nothing to go on from of {key[1]!r}")
    return before.body[:start] + bodies[number] + before.body[len(before.body) - end :]


def check_type(type_url: str) -> None:
    """Raise ValueError for a type that is not served: it could not be sent, nor sorted with what is."""
    if type_url not in names.PUSH_ORDER:
        raise ValueError(f"unknown type {type_url!r}")


def read_sources(written: Iterable[Sequence[str]]) -> tuple[ObjectKey, ...]:
    """Read the objects that a resource was made from."""
    return tuple(ObjectKey(*map(str, key)) for key in written if len(key) == _KEY_PARTS)
