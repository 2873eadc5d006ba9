"""How Envoys are shared out among replicas that decide each for itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from egxds.fleet.shares import GROWTH_S, STEADY_S, LetGo, Load, Spreading
from tests.unit.fleet.simulated import Choose, Fleet, at_random, in_order, stays

A_MINUTE = 60
LOADS = st.lists(st.integers(0, 60), min_size=2, max_size=5)
LARGE = st.lists(st.integers(0, 800), min_size=2, max_size=4)
CHOICES = st.sampled_from([in_order, at_random])


def most(loads: Sequence[int]) -> int:
    """Return how many a replica may keep: its share, and a tenth of it."""
    share = math.ceil(sum(loads) / len(loads))
    return share + share // 10


def is_balanced(loads: Sequence[int]) -> bool:
    """Whether nobody has too many."""
    return max(loads) <= most(loads)


def test_a_new_replica_has_its_share_within_a_minute() -> None:
    """Of few Envoys and of many."""
    for loads in ([3, 3], [1000, 1000], [6], [5000, 5000]):
        fleet = Fleet([*loads, 0], in_order)
        fleet.rounds(A_MINUTE)
        assert is_balanced(fleet.loads()), fleet.loads()
        assert min(fleet.loads()) >= sum(loads) // (len(loads) + 1) * 9 // 10, fleet.loads()


@given(LOADS, CHOICES, st.integers(0, 9))
@example([3, 3, 0], in_order, 0)
@example([60, 0, 0, 0, 0], at_random, 0)
@settings(deadline=None, max_examples=50)
def test_any_fleet_comes_to_rest_balanced(loads: Sequence[int], choose: Choose, seed: int) -> None:
    """Wherever Envoys go; and then nobody is let go any more."""
    fleet = Fleet(loads, choose, seed)
    fleet.rounds(10 * A_MINUTE)
    assert is_balanced(fleet.loads()), fleet.loads()
    count = len(fleet.moves)
    fleet.rounds(2 * A_MINUTE)
    assert len(fleet.moves) == count
    assert sum(fleet.loads()) == sum(loads)


@given(LARGE, CHOICES)
@settings(deadline=None, max_examples=20)
def test_large_fleets_do_so_soon(loads: Sequence[int], choose: Choose) -> None:
    """Within five minutes, by whatever chances, and without each Envoy being moved about."""
    fleet = Fleet(loads, choose)
    fleet.rounds(5 * A_MINUTE)
    assert is_balanced(fleet.loads()), fleet.loads()
    assert len(fleet.moves) <= 2 * sum(loads)


@given(st.integers(2, 5), st.integers(0, 300), st.data())
@settings(deadline=None, max_examples=50)
def test_a_balanced_fleet_is_left_alone(replicas: int, share: int, data: st.DataObject) -> None:
    """Also where one has some more or less than its share."""
    off = st.integers(-(share // 20), share // 20)
    loads = [max(0, share + data.draw(off)) for _ in range(replicas)]
    fleet = Fleet(loads, in_order)
    fleet.rounds(5 * A_MINUTE)
    assert fleet.moves == []


def test_who_has_died_is_no_reason() -> None:
    """Its Envoys are counted twice while its record stands."""
    for choose in (at_random, in_order):
        fleet = Fleet([10, 10], choose)
        fleet.die(1)
        fleet.rounds(A_MINUTE)
        assert (fleet.loads(), fleet.moves) == ([20], [])


STEPS = st.one_of(
    st.tuples(st.just("join"), st.just(0)),
    st.tuples(st.just("leave"), st.integers(0, 9)),
    st.tuples(st.just("die"), st.integers(0, 9)),
    st.tuples(st.just("drain"), st.integers(0, 9)),
    st.tuples(st.just("connect"), st.integers(0, 9)),
    st.tuples(st.just("fall behind"), st.integers(0, 9)),
    st.tuples(st.just("wait"), st.integers(1, 30)),
)


@given(LOADS, CHOICES, st.lists(STEPS, max_size=8))
@settings(deadline=None, max_examples=50)
def test_whatever_happens_it_comes_to_rest(
    loads: Sequence[int], choose: Choose, steps: Sequence[tuple[str, int]]
) -> None:
    """Replicas come, drain and go, Envoys come, and fall behind: none of those is ever let go."""
    fleet = Fleet(loads, choose)
    for what, number in steps:
        happen(fleet, what, number)
    for replica in fleet.replicas:
        for node in replica.envoys if replica is not None else ():
            replica.envoys[node] = True  # type: ignore[union-attr]
    fleet.rounds(10 * A_MINUTE)
    takers = [len(each.envoys) for each in fleet.replicas if each is not None and each.takes_more]
    assert all(fleet.moves)
    if takers and all(each is None or each.takes_more or not each.envoys for each in fleet.replicas):
        assert is_balanced(takers), takers


def happen(fleet: Fleet, what: str, number: int) -> None:
    """Have one thing happen."""
    alive = [at for at, each in enumerate(fleet.replicas) if each is not None]
    at = alive[number % len(alive)] if alive else 0
    replica = fleet.replicas[at] if alive else None
    match what:
        case "join":
            fleet.join()
        case "leave" if len(alive) > 1:
            fleet.leave(at)
        case "die" if len(alive) > 1:
            fleet.die(at)
        case "drain" if replica is not None and len(alive) > 1:
            replica.takes_more = False
        case "connect" if alive:
            fleet.connect(10, at)
        case "fall behind" if replica is not None:
            replica.envoys.update(dict.fromkeys(list(replica.envoys)[::2], False))
        case "wait":
            fleet.rounds(number)


def test_those_that_come_back_are_not_let_go_again_and_again() -> None:
    """By a load balancer that leads nowhere else each Envoy goes seven times in an hour, and no more."""
    fleet = Fleet([20, 0], stays)
    fleet.rounds(60 * A_MINUTE)
    assert fleet.loads() == [20, 0]
    assert len(fleet.moves) <= 7 * 20


def test_a_moment_is_no_reason() -> None:
    """While Envoys go from one to another, records of different seconds count some twice."""
    spreading = Spreading()
    here, there = Load(5, takes_more=True), Load(0, takes_more=True)
    assert not any(spreading.surplus(5, [here], float(at)) for at in range(int(GROWTH_S)))
    assert [spreading.surplus(10, [there], GROWTH_S + at) for at in (0.0, STEADY_S - 1)] == [0, 0]
    assert spreading.surplus(5, [here], GROWTH_S + STEADY_S - 0.5) == 0
    assert spreading.surplus(10, [there], GROWTH_S + STEADY_S + 1) == 0
    assert spreading.surplus(10, [there], GROWTH_S + 2 * STEADY_S + 1) > 0


def test_more_in_all_are_waited_for() -> None:
    """Some of them may be counted twice, and others may be on their way to where there are few."""
    spreading = Spreading()
    there = [Load(0, takes_more=True)]
    told = [at for at in range(60) if spreading.surplus(10 if at < 10 else 20, there, float(at))]
    assert told[0] == 10 + GROWTH_S


def test_envoys_pass_through_a_chain_of_replicas_in_a_minute() -> None:
    """Each goes to the next in its list, and replicas that came together have their share all the same."""
    fleet = Fleet([60, 0, 0, 0, 0, 0], in_order)
    fleet.rounds(A_MINUTE + 30)
    assert is_balanced(fleet.loads()), fleet.loads()


@pytest.mark.parametrize("others", [[], [Load(0, takes_more=False)], [Load(5, takes_more=False)]])
def test_nobody_goes_where_there_is_nobody_to_go_to(others: Sequence[Load]) -> None:
    """The only one keeps all, and so does one beside those that end."""
    spreading = Spreading()
    assert not any(spreading.surplus(100, others, float(at)) for at in range(20))


def test_waits_double_and_are_forgotten() -> None:
    """An Envoy that was let go an hour ago is as any other."""
    known = LetGo()
    assert known.may_go("a", 0.0)
    known.went("a", 0.0)
    assert (known.may_go("a", 59.0), known.may_go("a", 60.0), known.may_go("b", 1.0)) == (False, True, True)
    known.went("a", 60.0)
    assert (known.may_go("a", 179.0), known.may_go("a", 180.0)) == (False, True)
    known.went("a", 180.0 + 3600.0)
    assert known.may_go("a", 180.0 + 3660.0)
