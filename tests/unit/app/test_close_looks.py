"""Polls read every file as often as that is cheap."""

from __future__ import annotations

from egxds.app.close_looks import CloseLooks
from egxds.files.reading.content import Scan, Scope

EVENT: Scope = frozenset({"/a.yaml"})


def test_a_look_that_takes_long_is_not_taken_with_every_poll() -> None:
    """A tenth of a second of reading is for fifty seconds; polls between look at times, and events at their paths."""
    looks = CloseLooks()
    assert looks.scope_of_poll(Scan.ALL, 0.0) is Scan.ALL
    looks.took(Scan.ALL, 0.1, 10.0)
    assert looks.scope_of_poll(Scan.ALL, 59.0) is Scan.CHANGED
    assert looks.scope_of_poll(EVENT, 59.0) == EVENT
    assert looks.scope_of_poll(Scan.ALL, 60.0) is Scan.ALL


def test_a_look_that_takes_no_time_is_taken_with_every_poll() -> None:
    """Few files are always read; what else was read makes no difference."""
    looks = CloseLooks()
    looks.took(Scan.ALL, 0.01, 10.0)
    looks.took(EVENT, 100.0, 10.0)
    assert looks.scope_of_poll(Scan.ALL, 20.0) is Scan.ALL
