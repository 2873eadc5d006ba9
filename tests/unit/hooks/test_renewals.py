"""How soon everything is asked again."""

from __future__ import annotations

import pytest

from egxds.hooks.health.renewals import MAX_PAUSE_S, Renewals


def test_a_restarted_server_is_heard_at_once_however_often() -> None:
    """Nothing fails, so nothing is put off."""
    renewals = Renewals()
    assert [renewals.pause_s(at_s, is_failing=False) for at_s in (0.0, 0.1, 0.2)] == [0.0, 0.0, 0.0]


def test_a_server_that_dies_of_a_call_is_asked_everything_less_and_less_often() -> None:
    """The first time at once; it may have failed for being away."""
    renewals, now_s, due = Renewals(), 100.0, []
    for _ in range(8):
        now_s += renewals.pause_s(now_s, is_failing=True)
        due.append(now_s - 100.0)
    assert due == [0.0, 1.0, 3.0, 7.0, 15.0, 25.0, 35.0, 45.0]
    assert renewals.pause_s(now_s, is_failing=True) == pytest.approx(MAX_PAUSE_S)


def test_what_is_well_again_is_asked_at_once_again() -> None:
    """What failed before is forgotten with the first time that nothing fails."""
    renewals = Renewals()
    for _ in range(5):
        renewals.pause_s(0.0, is_failing=True)
    assert renewals.pause_s(50.0, is_failing=False) == 0.0
    assert renewals.pause_s(50.0, is_failing=True) == 0.0
