"""What stands at the key of the candidate, and what is believed of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from egxds.etcd.operations import KeyValue, WatchNews
from egxds.published.candidate import (
    LARGEST_CANDIDATE_BYTES,
    MOST_NODE_CHARACTERS,
    MOST_NODES,
    NO_CANDIDATE,
    Candidate,
    CandidateError,
    FoundCandidate,
    decoded_candidate,
    found_candidate,
    taken_back,
    told_candidate,
)
from egxds.published.record import RecordError, decoded_record
from tests.unit.published.store import LAYOUT, Store, route

WHEN = datetime(2026, 3, 1, tzinfo=UTC)
RECORD = Store().record({"a.yaml": route("a")}, 7)
CANDIDATE = Candidate(record=RECORD, nodes=("edge-1", "edge-2"), promote_after_s=60)


def test_it_is_read_as_it_was_written() -> None:
    """Also one that was taken back."""
    again = taken_back(CANDIDATE, "edge-1 refuses\nit", WHEN, "replica-1")
    assert [decoded_candidate(each.encode()) for each in (CANDIDATE, again)] == [CANDIDATE, again]
    assert (CANDIDATE.is_live, again.is_live) == (True, False)
    assert again.taken_back is not None
    assert again.taken_back.why == r"edge-1 refuses\nit"


def test_the_largest_fits() -> None:
    """And a reason that is too long is cut."""
    nodes = tuple(f"{number:04}".ljust(MOST_NODE_CHARACTERS, "x") for number in range(MOST_NODES))
    candidate = Candidate(record=RECORD, nodes=nodes)
    assert len(candidate.encode()) + 64 * 1024 < LARGEST_CANDIDATE_BYTES
    again = taken_back(candidate, "x" * 10_000, WHEN, "y" * 10_000)
    assert decoded_candidate(again.encode()) == again


@pytest.mark.parametrize(
    ("nodes", "seconds", "number"),
    [
        ((), 600, 7),
        (("",), 600, 7),
        (("b", "a"), 600, 7),
        (("a", "a"), 600, 7),
        (("x" * (MOST_NODE_CHARACTERS + 1),), 600, 7),
        (tuple(f"{number:04}" for number in range(MOST_NODES + 1)), 600, 7),
        (("a",), -1, 7),
        (("a",), 31 * 24 * 60 * 60, 7),
        (("a",), 600, 8),
    ],
)
def test_what_is_none(nodes: tuple[str, ...], seconds: int, number: int) -> None:
    """Of no nodes, or of one twice; promoted before it was put; after another one than its parent."""
    record = RECORD.model_copy(update={"generation": number})
    with pytest.raises(ValidationError):
        Candidate(record=record, nodes=nodes, promote_after_s=seconds)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format":2}', b"x" * (LARGEST_CANDIDATE_BYTES + 1), b"\xff"])
def test_what_somebody_has_written_there(content: bytes) -> None:
    """It costs a line."""
    with pytest.raises(CandidateError):
        decoded_candidate(content)
    found = found_candidate((KeyValue(LAYOUT.candidate, content, 5),))
    assert (found.candidate, found.put_at, found.fault.startswith("is no candidate: ")) == (None, 5, True)


def test_what_somebody_has_named_there() -> None:
    """It is in the line that it costs, in a length and in characters for logs and terminals."""
    written = json.loads(CANDIDATE.encode())
    written["record"]["buckets"] = {f"\x1b[2J{'x' * 50_000}": RECORD.digest}
    fault = found_candidate((KeyValue(LAYOUT.candidate, json.dumps(written).encode(), 5),)).fault
    assert fault.startswith(r"is no candidate: record.buckets.\x1b[2Jxxx")
    assert len(fault) < 400
    with pytest.raises(RecordError, match=r"^buckets\.\\x1b\[2Jxxx.{0,300}$"):
        decoded_record(json.dumps(written["record"]).encode())


def _put(candidate: Candidate, revision: int) -> KeyValue:
    return KeyValue(LAYOUT.candidate, candidate.encode(), revision)


KNOWN = FoundCandidate(CANDIDATE, 10)
OTHER = CANDIDATE.model_copy(update={"promote_after_s": 61})
HEAD = KeyValue(LAYOUT.head, b"", 15)


@pytest.mark.parametrize(
    ("news", "found"),
    [
        (WatchNews(15), KNOWN),
        (WatchNews(15, (HEAD,)), KNOWN),
        (WatchNews(15, (_put(OTHER, 15),)), FoundCandidate(OTHER, 15)),
        (WatchNews(15, (_put(CANDIDATE, 14), _put(OTHER, 15))), FoundCandidate(OTHER, 15)),
        (WatchNews(15, (HEAD,), (LAYOUT.candidate,)), NO_CANDIDATE),
        (WatchNews(15, (_put(OTHER, 15),), (LAYOUT.candidate,)), None),
        # What was so before it was looked at is no news.
        (WatchNews(12, (_put(OTHER, 11),)), KNOWN),
        (WatchNews(12, (), (LAYOUT.candidate,)), KNOWN),
        (WatchNews(15, (_put(OTHER, 11), HEAD)), KNOWN),
        (WatchNews(15, (_put(CANDIDATE, 10), HEAD), (LAYOUT.candidate,)), None),
    ],
)
def test_what_a_watch_tells(news: WatchNews, found: FoundCandidate | None) -> None:
    """Nothing is concluded that is not so in whichever order it happened."""
    assert told_candidate(news, LAYOUT, KNOWN, 12) == found
