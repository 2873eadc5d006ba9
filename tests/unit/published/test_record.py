"""What is said of a generation: the same bytes for the same words, and no record that is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from egxds.published.manifest import bucket_digests, content_digest, encoded_buckets, in_buckets, published_file
from egxds.published.record import LARGEST_RECORD_BYTES, Record, RecordError, decoded_record

BUCKETS = bucket_digests(encoded_buckets(in_buckets([published_file("a.yaml", b"a"), published_file("b.yaml", b"b")])))


def record(**other: Any) -> Record:
    """Return a record of two files, of which some words are others."""
    said = {
        "author": "kim@build",
        "at": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "message": "opens the shop",
        "parent": 11,
    }
    what = {"generation": 12, "digest": content_digest(BUCKETS), "buckets": BUCKETS, "files": 2, "size_bytes": 2}
    return Record(**{**what, **said, **other})


def test_a_record_is_read_as_it_was_written() -> None:
    """All that is said comes back, from one line."""
    for each in (record(), record(revision="3f2a1cd", rolled_back_to=3), record(buckets={}, digest=content_digest({}))):
        assert decoded_record(each.encode()) == each
        assert b"\n" not in each.encode()


def test_a_record_has_the_names_of_its_format() -> None:
    """Other programs may read it."""
    written = json.loads(record(rolled_back_to=3).encode())
    assert written["format"] == 1
    assert written["bytes"] == 2
    assert written["rolledBackTo"] == 3
    assert written["at"] == "2026-03-01T12:00:00Z"
    assert "rolledBackTo" not in json.loads(record().encode())


def test_what_a_later_one_says_more_is_passed_over() -> None:
    """A replica that is older than the publisher goes on."""
    assert decoded_record(json.dumps({**json.loads(record().encode()), "more": 1}).encode()) == record()


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ({"format": 2}, "format"),
        ({"generation": 0}, "generation"),
        ({"generation": "12"}, "generation"),
        ({"generation": 10_000_000_000}, "generation"),
        ({"parent": 12}, "comes after the one before it"),
        ({"newChunks": ["0" * 64] * 17}, "newChunks"),
        ({"newChunks": ["../head"]}, "newChunks"),
        ({"rolledBackTo": 12}, "comes after the one before it"),
        ({"digest": "0" * 64}, "not that of its buckets"),
        ({"digest": "../head"}, "digest"),
        ({"buckets": {}}, "not that of its buckets"),
        ({"buckets": {"80": "0" * 64}}, "buckets"),
        ({"buckets": {"00": "x"}}, "buckets"),
        ({"files": -1}, "files"),
        ({"at": "yesterday"}, "at"),
        ({"message": "x" * 5000}, "message"),
    ],
)
def test_what_is_no_record_is_refused(other: dict[str, Any], fault: str) -> None:
    """Nothing is believed of a record that nobody could have published."""
    with pytest.raises(RecordError, match=fault):
        decoded_record(json.dumps({**json.loads(record().encode()), **other}).encode())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 50_000, b" " * (LARGEST_RECORD_BYTES + 1)])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    """Nor of bytes that are no record at all."""
    with pytest.raises(RecordError):
        decoded_record(content)
