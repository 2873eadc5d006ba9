"""5xx of canary nodes: what is a rise, what it is held to, and what is none."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.fleet.canary_requests import (
    LATE_LOOKS,
    LEAST_REQUESTS,
    OF_LATE,
    EnvoyRequests,
    FailedShare,
    Requests,
    is_rise,
)

NODES = frozenset({"canary"})
LOOKS_A_DAY = 17_280
Counted = tuple[int, int]
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


def test_what_is_said_for_the_first_time_later_is_not_before() -> None:
    """It may be of the candidate."""
    looks: list[Said] = [{"canary": (5000 + 1000 * at, 900 * at)} for at in range(4)]
    assert judged({}, {"other": (10, 0)}, *looks) == [""] * 5


def test_all_that_is_said_until_it_is_served_is_of_before() -> None:
    """As while hooks are asked about it."""
    share = FailedShare(NODES)
    told(share, {"canary": (1000, 0)}, {"canary": (2000, 300)}, is_served=False)
    assert "and 15.0 % of 2000 requests that they had before" in told(share, {"canary": (2100, 300)})


def told(share: FailedShare, *looks: Said, is_served: bool = True) -> str:
    """Return what people are told after some looks."""
    for each in looks:
        share.look(say(**each), is_served=is_served)
    return share.risen or share.told


def test_a_replica_that_starts_while_it_is_on_trial_holds_it_to_others_alone() -> None:
    """What the canary has counted until then is of the candidate itself, and may be as bad."""
    share = FailedShare(NODES, was_there=True)
    told(share, {"canary": (10_000, 10)}, is_served=False)
    looks = [{"canary": (10_000 + 200 * at, 10 + 100 * at)} for at in range(1, 5)]
    assert told(share, *looks) == (
        "50.0 % of 800 requests of canary nodes are answered by 5xx, "
        "held to nothing: no 100 requests of other Envoys, or of before, are known"
    )
    assert share.risen == ""
    others = [{**looks[-1], "other": (at, 0)} for at in (1000, 1200, 1400)]
    assert "risen: 50.0 % of 800 requests of canary nodes are answered by 5xx, and 0.0 % of" in told(share, *others)


def test_what_is_served_before_the_first_look_is_of_before() -> None:
    """A candidate is served within a second of coming, and that counts for little."""
    share = FailedShare(NODES)
    looks: list[Said] = [{"canary": (1000, 0)}, {"canary": (1200, 100)}, {"canary": (1400, 200)}]
    assert "50.0 % of 400 requests of canary nodes are answered by 5xx, and 0.0 % of 1000" in told(share, *looks)


def counters(*phases: tuple[int, Counted]) -> list[Counted]:
    """Return what an Envoy has counted at looks.

    Args:
        phases: how many looks, and what it counts between two of them.
    """
    each = [one for looks, one in phases for _ in range(looks)]
    return list(zip(*(accumulate(counted) for counted in zip(*each, strict=True)), strict=True))


def day(*phases: tuple[int, Counted], other: Sequence[tuple[int, Counted]] = (), before: Counted = (10**6, 0)) -> str:
    """Return what is said of a day that ends with some looks; before these all is well.

    Args:
        phases: of the canary.
        other: of the other Envoy, of which nothing is known where it is empty.
        before: what the canary had counted before the candidate.
    """
    begin = (1, (100 * LOOKS_A_DAY, 0)), (LATE_LOOKS, (100, 0))
    canary = [(before[0] + all_, before[1] + failed) for all_, failed in counters(*begin, *phases)]
    share = FailedShare(NODES)
    share.look(say(canary=before), is_served=False)
    if not other:
        return told(share, *({"canary": each} for each in canary))
    others = counters(*begin, *other)
    return told(share, *({"canary": one, "other": two} for one, two in zip(canary, others, strict=True)))


ILL = (60, 60)
WELL = (60, 0)


@pytest.mark.parametrize(
    ("phases", "other", "says"),
    [
        (
            [(8, (100, 100))],
            [],
            "of late: 66.7 % of 1200 requests of canary nodes are answered by 5xx, and 0.0 % of 1000000 requests that",
        ),
        ([(6, ILL), (2, WELL)], [(8, WELL)], "5xx have risen of late: 40.9 % of 880 requests"),
        ([(30, (60, 6))], [(30, WELL)], "5xx have risen of late: 10.0 % of 720 requests of canary nodes"),
        ([(30, (60, 6))], [(30, (60, 6))], ""),
        ([(30, (60, 2))], [(30, WELL)], ""),
        ([(30, (16, 16))], [(30, WELL)], ""),
        ([(2, ILL), (30, WELL)], [(32, WELL)], ""),
        ([(3, ILL), (30, WELL)], [(33, WELL)], "5xx have risen of late"),
        ([(30, ILL)], [(30, (2, 0))], "and 0.0 % of 1000000 requests that they had before"),
    ],
    ids=[
        "all fails",
        "all fails for half a minute",
        "a tenth fails",
        "that fails for others, too",
        "below five percentage points",
        "too few requests",
        "two looks",
        "three looks",
        "others have no requests any more",
    ],
)
def test_a_rise_late_in_a_long_trial(
    phases: list[tuple[int, Counted]], other: list[tuple[int, Counted]], says: str
) -> None:
    """Is seen within a minute or so, though it is next to nothing of the day."""
    said = day(*phases, other=other)
    assert (says in said) if says else "risen" not in said


def test_what_others_have_counted_while_nobody_answered_is_not_of_late() -> None:
    """They are held to what fails now, and not to what was well for an hour; what is missed for a moment counts."""
    share = FailedShare(NODES)
    share.look(say(canary=(10**6, 0), other=(0, 0)), is_served=False)
    bad = counters((100, (100, 100)))
    canary = [(10**6, 0), *((10**6 + all_, failed) for all_, failed in bad)]
    other = [(10**6, 0), *((10**6 + all_, failed) for all_, failed in bad)]
    told(share, {"canary": canary[0], "other": (100, 0)})
    looks: list[Said] = [{"canary": canary[at]} for at in range(1, 10)]
    assert told(share, *looks)
    shown = share._late
    told(share, {"canary": canary[10], "other": other[10]})
    assert shown[-1].others == Requests()
    told(share, {"canary": canary[11], "other": other[11]}, {"canary": canary[12]})
    assert shown[-1] == replace(shown[-1], theirs=Requests(100, 100), others=Requests())
    told(share, {"canary": canary[13], "other": other[13]})
    assert shown[-1].others == Requests(200, 200)


def test_little_is_remembered() -> None:
    """However long it takes."""
    share = FailedShare(NODES)
    told(share, *({"canary": (100 * at, 0), "other": (100 * at, 0)} for at in range(1000)))
    assert len(share._late) == LATE_LOOKS
    assert len(share._known) == 2


def chances(requests: int, share: float) -> list[float]:
    """Return how likely each number of failures is; the last one is for that and more."""
    logs = math.log(share), math.log1p(-share)
    return [
        math.exp(
            math.lgamma(requests + 1)
            - math.lgamma(failed + 1)
            - math.lgamma(requests - failed + 1)
            + failed * logs[0]
            + (requests - failed) * logs[1]
        )
        for failed in range(requests + 1)
    ]


def fails_to(requests: int, held_to: Requests) -> int:
    """Return with how many failures a half is above the bar."""
    tried = range(requests + 2)
    return next((failed for failed in tried if is_rise(Requests(requests, failed), held_to, OF_LATE)), requests + 1)


def taken_back_by_chance(requests: int, held_to: int, share: float) -> Iterator[float]:
    """Yield how likely it is on a day at most, for each number of failures of before by how likely that is."""
    mine = chances(requests, share)
    for failed, chance in enumerate(chances(held_to, share)):
        half = sum(mine[fails_to(requests, Requests(held_to, failed)) :])
        yield chance * min(1.0, LOOKS_A_DAY * half**2)


@pytest.mark.parametrize("share", [0.0001, 0.001, 0.002, 0.005, 0.007, 0.01, 0.012, 0.02, 0.05, 0.12, 0.5, 0.9])
@pytest.mark.parametrize(("requests", "held_to"), [(100, 100), (100, 1000), (200, 500), (500, 500)])
def test_a_good_candidate_is_hardly_ever_taken_back_of_late(requests: int, held_to: int, share: float) -> None:
    """Not on one day of ten thousand, of whatever share of its requests fails, there as before.

    Each look has two halves with requests of their own; where both are held to the same, that is not by chance twice.
    """
    assert sum(taken_back_by_chance(requests, held_to, share)) < 1e-4


@pytest.mark.parametrize("share", [0.002, 0.012, 0.1])
def test_days_of_a_good_candidate(share: float) -> None:
    """Of as many requests as are judged at all, with an Envoy beside it that is no better."""
    dice = random.Random(7)
    numbers = {"canary": 0, "other": 0}, {"canary": 0, "other": 0}
    judge = FailedShare(NODES)
    looked_late = 0
    for look in range(LOOKS_A_DAY):
        for name in numbers[0]:
            numbers[0][name] += 20
            numbers[1][name] += sum(dice.random() < share for _ in range(20))
        said = {name: (numbers[0][name], numbers[1][name]) for name in numbers[0]}
        judge.look(say(**said), is_served=look > 0)
        looked_late += len(judge._late) == LATE_LOOKS
    assert judge.risen == ""
    assert looked_late == LOOKS_A_DAY - LATE_LOOKS


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
