"""5xx of canary nodes: what is a rise, what it is held to, and what is none."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.fleet.canary_requests import LEAST_REQUESTS, EnvoyRequests, FailedShare, Requests, is_rise

NODES = frozenset({"canary"})
Said = Mapping[str, tuple[int, int]]


def say(**envoys: tuple[int, int]) -> Mapping[str, EnvoyRequests]:
    """Return what Envoys say, each at an address of its name."""
    return {name: EnvoyRequests(name, Requests(*counted)) for name, counted in envoys.items()}


def judged(before: Said, *looks: Said) -> list[str]:
    """Return what is said of looks, after one at what was before the candidate."""
    share, found = FailedShare(NODES), []
    share.look(say(**before), is_served=False)
    for each in looks:
        share.look(say(**each), is_served=True)
        found.append(share.risen)
    return found


def test_a_rise_beside_others() -> None:
    """Seen twice in a row; what is told names both."""
    found = judged(
        {"canary": (10_000, 0), "other": (10_000, 0)},
        {"canary": (10_100, 50), "other": (10_200, 1)},
        {"canary": (10_200, 100), "other": (10_400, 2)},
    )
    assert found[0] == ""
    assert found[1] == (
        "5xx have risen: 50.0 % of 200 requests of canary nodes are answered by 5xx, "
        "and 0.5 % of 400 requests of the other Envoys that are asked"
    )


def test_what_others_have_too_is_none() -> None:
    """A backend that both use is broken."""
    looks = [{"canary": (1000 + 100 * at, 50 * at), "other": (1000 + 100 * at, 50 * at)} for at in range(1, 5)]
    assert judged({"canary": (1000, 0), "other": (1000, 0)}, *looks) == [""] * 4


def test_without_others_it_is_held_to_what_it_had() -> None:
    """Also where others have had no requests to speak of."""
    looks = [{"canary": (2000 + 100 * at, 200 + 30 * at), "other": (10 * at, 10 * at)} for at in range(1, 4)]
    found = judged({"canary": (2000, 200), "other": (0, 0)}, *looks)
    assert found[1] == (
        "5xx have risen: 30.0 % of 200 requests of canary nodes are answered by 5xx, "
        "and 10.0 % of 2000 requests that they had before"
    )


@pytest.mark.parametrize(
    ("before", "looks"),
    [
        ((1000, 0), [(1099, 99), (1099, 99), (1099, 99)]),
        ((99, 0), [(300, 100), (500, 200)]),
        ((1000, 0), [(1200, 100), (30_000, 100), (30_100, 100)]),
        ((100_000, 0), [(120_000, 190), (140_000, 390)]),
    ],
    ids=["too few", "nothing to hold it to", "once", "below a percentage point"],
)
def test_no_rise(before: tuple[int, int], looks: list[tuple[int, int]]) -> None:
    """Nobody is taken back for it."""
    assert judged({"canary": before}, *({"canary": each} for each in looks)) == [""] * len(looks)


def test_an_envoy_that_was_started_again() -> None:
    """What it has counted before does not count twice, and nothing is negative."""
    found = judged({"canary": (1000, 0)}, {"canary": (1080, 0)}, {"canary": (60, 60)}, {"canary": (70, 70)})
    assert found[:2] == ["", ""]
    assert "46.7 % of 150 requests" in found[2]


def test_another_envoy_at_an_address() -> None:
    """Is not held for what the one before has counted."""
    share = FailedShare(NODES)
    share.look(say(canary=(1000, 0)), is_served=False)
    for counted in ((5000, 5000), (5000, 5000)):
        share.look({"canary": EnvoyRequests("somebody", Requests(*counted))}, is_served=True)
    assert (share.risen, share.told) == (
        "",
        "5xx are not looked at: of the `envoys` in the settings none that answers is a canary node",
    )


def test_what_is_served_for_a_moment_less_is_not_before() -> None:
    """Where hooks are asked again, what was counted since stays counted."""
    share = FailedShare(NODES)
    for counted, is_served in (((1000, 0), False), ((1200, 100), True), ((1300, 200), False), ((1400, 300), False)):
        share.look(say(canary=counted), is_served=is_served)
    assert "75.0 % of 400 requests" in share.risen


def test_who_does_not_answer_says_nothing() -> None:
    """Neither for nor against."""
    assert judged({"canary": (1000, 0)}, {"canary": (1200, 100)}, {}, {}) == [""] * 3


COUNTS = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6))


@given(st.lists(st.dictionaries(st.sampled_from(["canary", "other", "third"]), COUNTS), max_size=10))
def test_any_counters(looks: list[dict[str, tuple[int, int]]]) -> None:
    """Whatever somebody answers in the place of an Envoy."""
    judged({}, *looks)


@given(COUNTS, COUNTS)
def test_less_is_no_rise(theirs: tuple[int, int], held_to: tuple[int, int]) -> None:
    """And neither is anything of few requests."""
    one, two = Requests(*theirs), Requests(*held_to)
    if is_rise(one, two):
        assert one.share - two.share > 0.01
        assert min(one.completed, two.completed) >= LEAST_REQUESTS
        assert not is_rise(two, one)
