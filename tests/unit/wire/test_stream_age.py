"""When a stream has been open for long enough."""

from __future__ import annotations

import math

import pytest

from egxds.wire.xds.stream_age import QUIET_S, StreamAge

OPENED_S = 1000.0


def test_without_an_age_none_ends() -> None:
    """However long nothing is said."""
    assert StreamAge(None, OPENED_S).ends_at_s() == math.inf


def test_streams_that_came_together_end_apart() -> None:
    """Each within a tenth of the age."""
    ends = {StreamAge(100.0, OPENED_S).ends_at_s() for _ in range(50)}
    assert len(ends) > 1
    assert all(OPENED_S + 90 <= end <= OPENED_S + 110 for end in ends)


@pytest.mark.parametrize("said_s", [OPENED_S + 200, OPENED_S + 5000])
def test_none_ends_while_something_is_said(said_s: float) -> None:
    """An old one waits until it has been quiet."""
    age = StreamAge(100.0, OPENED_S)
    age.spoke(said_s)
    assert age.ends_at_s() == said_s + QUIET_S
