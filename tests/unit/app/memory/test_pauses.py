"""Pauses between tries grow, up to the longest."""

from __future__ import annotations

from egxds.app.memory.pauses import Pauses


def test_they_grow() -> None:
    """Twice as long each time, and a minute at the most."""
    pauses = Pauses()
    assert [pauses.next_s() for _ in range(6)] == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
