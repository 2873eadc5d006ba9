"""What follows from the records of all: who differs, and how far a generation has come."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.fleet.differing import LASTING_S, LastingDifferences, differences
from egxds.fleet.record import ReplicaRecord
from egxds.fleet.uptake import uptake_of
from tests.unit.fleet.replicas import SERVED, replica

SAME = [replica("a"), replica("b")]
DIFFERING = [replica("a"), replica("b", served=SERVED["b"]), replica("c", served=SERVED["b"])]


def test_replicas_that_serve_the_same_agree() -> None:
    """And so do those of which one is at another generation, in the middle of something, or not ready."""
    other = SERVED["b"]
    assert differences(SAME) == ()
    odd: tuple[dict[str, Any], ...] = ({"generation": 2}, {"served": ""}, {"is_ready": False}, {"generation": 0})
    for changed in odd:
        assert differences([replica("a"), replica("b", **{"served": other, **changed})]) == ()


def test_replicas_that_differ_are_named() -> None:
    """By what they serve."""
    (found,) = differences(DIFFERING)
    assert str(found) == (
        "replicas serve different resources of generation 1: a serve aaaaaaaaaaaa; b, c serve bbbbbbbbbbbb"
    )


def test_a_moment_is_no_difference() -> None:
    """It counts once it has been so for some time, and begins anew when it was over."""
    lasting = LastingDifferences()
    assert lasting.judge(DIFFERING, 0.0) == ()
    assert lasting.judge(DIFFERING, LASTING_S - 0.1) == ()
    assert len(lasting.judge(DIFFERING, LASTING_S)) == 1
    assert lasting.judge(SAME, LASTING_S + 1) == ()
    assert lasting.judge(DIFFERING, LASTING_S + 2) == ()


@pytest.mark.parametrize(
    ("records", "said", "over", "taken"),
    [
        ([], "0 of 0 Envoys on 0 replicas have it", False, False),
        ([replica(generation=2, counts=(3, 0, 0))], "3 of 3 Envoys on 1 replicas have it", True, True),
        ([replica(generation=3, counts=(3, 0, 0))], "3 of 3 Envoys on 1 replicas have it", True, True),
        ([replica(generation=2)], "0 of 0 Envoys on 1 replicas have it", True, True),
        ([replica(generation=2, counts=(2, 1, 0))], "2 of 3 Envoys on 1 replicas have it", False, False),
        ([replica(generation=2, counts=(2, 0, 1))], "2 of 3 Envoys on 1 replicas have it, 1 refuse it", True, False),
        (
            [replica("a", generation=2, counts=(2, 0, 0)), replica("b", generation=1, counts=(4, 0, 0))],
            "2 of 6 Envoys on 2 replicas have it, 1 of 2 replicas are behind",
            False,
            False,
        ),
        (
            [replica(generation=2, served="", counts=(2, 0, 0))],
            "0 of 2 Envoys on 1 replicas have it, 1 of 1 replicas are behind",
            False,
            False,
        ),
    ],
)
def test_how_far_a_generation_has_come(records: list[ReplicaRecord], said: str, over: bool, taken: bool) -> None:
    """An Envoy has it where its replica serves it, or a later one, and it is in sync there."""
    found = uptake_of(records, 2)
    assert (str(found), found.is_over, found.is_taken) == (said, over, taken)
