"""What a replica says of itself: it is read as it was written, and nothing else is believed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.fleet.record import (
    LARGEST_REPLICA_BYTES,
    MOST_FAULT_CHARACTERS,
    ReplicaRecordError,
    decoded_replica,
    fault_text,
)
from tests.unit.fleet.replicas import replica

RECORD = replica("edge-1", admin="10.0.0.1:19080", xds=("10.0.0.1:18000",), counts=(3, 2, 1), cpu_percent=15)


def test_it_is_read_as_it_was_written() -> None:
    """In a few hundred bytes."""
    assert decoded_replica("edge-1", RECORD.encode()) == RECORD
    assert len(RECORD.encode()) < 600
    assert RECORD.envoys.total == 6


def test_what_is_not_known_is_passed_over() -> None:
    """A newer egxds may say more."""
    said = json.loads(RECORD.encode())
    assert decoded_replica("edge-1", json.dumps({**said, "mood": "fine"}).encode()) == RECORD


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"format": 2}, "format"),
        ({"name": "a/b"}, "name"),
        ({"name": "other"}, "is that of other"),
        ({"served": "xyz"}, "served"),
        ({"generation": -1}, "generation"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"xds": ["x"] * 17}, "xds"),
        ({"envoys": {"inSync": -1}}, "envoys"),
        ({"refused": "x" * 401}, "refused"),
        ({"more": "x" * LARGEST_REPLICA_BYTES}, "at most"),
    ],
)
def test_what_is_no_record_is_refused(changed: dict[str, object], fault: str) -> None:
    """With a reason."""
    said = {**json.loads(RECORD.encode()), **changed}
    with pytest.raises(ReplicaRecordError, match=fault):
        decoded_replica("edge-1", json.dumps(said).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_refused(content: bytes) -> None:
    """And never anything worse."""
    with pytest.raises(ReplicaRecordError):
        decoded_replica("edge-1", content)


@given(st.text(max_size=2000))
def test_any_reason_fits(text: str) -> None:
    """In one line."""
    told = fault_text(text)
    assert len(told) <= MOST_FAULT_CHARACTERS
    assert told.isprintable()
    assert decoded_replica("one", replica(refused=told).encode()).refused == told
