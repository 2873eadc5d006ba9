"""Records for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from egxds.fleet.record import EnvoyCounts, ReplicaRecord

SINCE = datetime(2026, 11, 29, 12, tzinfo=UTC)
SERVED = {letter: letter * 64 for letter in "abc"}


def replica(name: str = "one", *, counts: tuple[int, int, int] = (0, 0, 0), **changed: Any) -> ReplicaRecord:
    """Return a record; `counts` are Envoys in sync, pending and refusing."""
    in_sync, pending, refusing = counts
    said = {"instance": "0" * 16, "since": SINCE, "served": SERVED["a"], "generation": 1, "is_ready": True}
    envoys = EnvoyCounts(in_sync=in_sync, pending=pending, refusing=refusing)
    return ReplicaRecord(name=name, envoys=envoys, **{**said, **changed})
