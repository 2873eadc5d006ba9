"""A candidate is promoted where all replicas say that all is well, for long enough, and taken back where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from egxds.fleet.canary import (
    LONGEST_BLINK_S,
    LONGEST_UNDER_WAY_S,
    Decision,
    Sight,
    Trial,
    Verdict,
    Watched,
    decide,
)
from egxds.fleet.record import CanaryStand, ReplicaRecord, decoded_replica
from tests.unit.fleet.replicas import SERVED, replica

AFTER_S = 60
TRIAL = Trial(put_at=7, generation=3, promote_after_s=AFTER_S)


def stand(connected: int = 1, taken: int | None = None, refused: int = 0, **changed: Any) -> CanaryStand:
    """Return how far it has come; where nothing is said, all of it is served and taken, by Envoys that reconnected."""
    counts = {"connected": connected, "taken": connected if taken is None else taken, "refused": refused}
    counts["resumed"] = connected
    said = {"put_at": 7, "generation": 3, "is_settled": True, "served": SERVED["a"], **counts}
    return CanaryStand(**{**said, **changed})


def other(name: str, canary: CanaryStand | None, **changed: Any) -> ReplicaRecord:
    """Return the record of another replica."""
    return replica(name, canary=canary, **changed)


def watch(*looks: tuple[float, Sight], trial: Trial = TRIAL) -> list[Decision]:
    """Return what looks at some times come to."""
    watched, found = Watched(), []
    for now_s, sight in looks:
        watched, decision = decide(watched, trial, sight, now_s)
        found.append(decision)
    return found


def steady(sight: Sight, seconds: int, begin_s: int = 0) -> list[tuple[float, Sight]]:
    """Return looks, one a second."""
    return [(float(at), sight) for at in range(begin_s, begin_s + seconds)]


def test_a_record_says_it() -> None:
    """And is read as it was written; one of before says nothing of a candidate."""
    record = other("b", stand(2, 1, fault="one has not"))
    assert decoded_replica("b", record.encode()) == record
    assert other("b", None).canary is None


def test_it_is_promoted_after_its_time() -> None:
    """And not a second before; people are told how long that is."""
    well = Sight(stand(), [other("b", stand(0)), other("c", stand(2))])
    found = watch(*steady(well, AFTER_S + 1))
    assert [each.verdict for each in found] == [*[Verdict.WAIT] * AFTER_S, Verdict.PROMOTE]
    assert found[0].left_s == AFTER_S
    assert found[-2].left_s == 1


def test_somebody_is_to_say_so() -> None:
    """Where no time was given; it is never promoted by itself."""
    found = watch(*steady(Sight(stand()), 1000), trial=replace(TRIAL, promote_after_s=0))
    assert {each.verdict for each in found} == {Verdict.WAIT}
    assert "egxds promote" in found[-1].reason


@pytest.mark.parametrize(
    ("sight", "reason"),
    [
        (Sight(stand(), fault="no member answers"), "how the other replicas are is not known: no member answers"),
        (Sight(stand(), [other("b", stand(refused=1))]), "a canary node has refused something of it at replica b"),
        (Sight(stand(refused=1)), "a canary node has refused something of it at replica this one"),
        (
            Sight(stand(), [other("b", stand(refused=1), is_draining=True)]),
            "a canary node has refused something of it at replica b",
        ),
        (Sight(stand(), [other("b", None)]), "it has not come to replica b yet"),
        (Sight(stand(), [other("b", stand(put_at=6))]), "it has not come to replica b yet"),
        (
            Sight(stand(), [other(each, None) for each in "bcdef"]),
            "it has not come to replica b, c, d and 2 more yet",
        ),
        (
            Sight(stand(), [other("b", stand(fault="a hook fails"))]),
            "replica b does not serve all of it yet: a hook fails",
        ),
        (Sight(stand(is_settled=False)), "replica this one does not serve all of it yet"),
        (Sight(stand(served="")), "replica this one does not serve all of it yet"),
        (Sight(stand(0), [other("b", stand(0))]), "no canary node is connected to any replica"),
        (
            Sight(stand(2, 1), [other("b", stand(3))]),
            "4 of the 5 canary nodes that are connected have taken all of it",
        ),
        (
            Sight(stand(), [other("b", stand(served=SERVED["b"]))]),
            "replicas serve different resources of generation 3: this one serve aaaaaaaaaaaa; b serve bbbbbbbbbbbb",
        ),
    ],
)
def test_what_it_waits_for(sight: Sight, reason: str) -> None:
    """For as long as that is so, and people are told."""
    found = watch(*steady(sight, 3 * AFTER_S))
    assert {each.verdict for each in found} == {Verdict.WAIT}
    assert {each.reason for each in found} == {reason}
    assert {each.left_s for each in found} == {None}


@pytest.mark.parametrize("gone", [{"is_draining": True}, {"is_ready": False}])
def test_who_takes_no_envoys_is_not_waited_for(gone: dict[str, bool]) -> None:
    """It is about to end, or has just begun."""
    well = Sight(stand(), [other("b", None, **gone), other("c", stand(3, 0, is_settled=False), **gone)])
    assert watch(*steady(well, AFTER_S + 1))[-1].verdict is Verdict.PROMOTE


def test_it_is_taken_back_at_once() -> None:
    """And stays so though whoever refused it has gone; a candidate that is put again is another one."""
    against = Sight(stand(refused=1), against="Envoy 'edge-1' refuses listener web")
    watched, decision = decide(Watched(), TRIAL, against, 0.0)
    assert decision == Decision(Verdict.TAKE_BACK, "Envoy 'edge-1' refuses listener web")
    watched, decision = decide(watched, TRIAL, Sight(stand()), 1.0)
    assert decision.verdict is Verdict.TAKE_BACK
    _, decision = decide(watched, replace(TRIAL, put_at=8), Sight(stand(put_at=8)), 2.0)
    assert decision == Decision(Verdict.WAIT, "60 s are to pass without a fault", AFTER_S)


def test_endpoints_that_change_stop_no_clock() -> None:
    """With each change there is something for an Envoy to take; but nothing is promoted at that very moment."""
    well, behind = Sight(stand(2)), Sight(stand(2, 1))
    looks = [(float(at), behind if at % 3 == 0 else well) for at in range(AFTER_S + 2)]
    found = watch(*looks)
    assert [at for at, each in enumerate(found) if each.verdict is Verdict.PROMOTE] == [AFTER_S + 1]


@pytest.mark.parametrize(
    ("between", "seconds"),
    [
        (Sight(stand(2, 1)), AFTER_S // 10 + 2),
        (Sight(stand(0)), AFTER_S // 10 + 2),
        (Sight(stand(), fault="cut off"), 1),
        (Sight(stand(), [other("b", stand(refused=1))]), 1),
    ],
    ids=["under way for long", "nobody connected for long", "cut off", "refused elsewhere"],
)
def test_time_begins_anew(between: Sight, seconds: int) -> None:
    """After anything that is no moment on the way."""
    well = Sight(stand(2))
    again = 30 + seconds
    looks = [*steady(well, 30), *steady(between, seconds, 30), *steady(well, AFTER_S + 1, again)]
    found = watch(*looks)
    assert [at for at, each in enumerate(found) if each.verdict is Verdict.PROMOTE] == [again + AFTER_S]


AWAY, BEHIND, BACK = Sight(stand(0)), Sight(stand(1, 0)), Sight(stand(1))
ELSEWHERE = Sight(stand(0), [other("b", stand(1))])
NOBODY = Sight(stand(0), [other("b", stand(0))])
STARTED = Sight(stand(1, resumed=0))


@pytest.mark.parametrize(
    ("looks", "is_broken"),
    [
        ((AWAY, BACK), False),
        ((AWAY, AWAY, BEHIND, BEHIND, BACK), False),
        ((NOBODY, NOBODY, ELSEWHERE), False),
        ((*[AWAY] * 4, *[BEHIND] * 2, BACK), False),
        ((*[AWAY] * 4, *[BEHIND] * 3, BACK), True),
        ((*[AWAY] * 7, BACK), True),
        ((AWAY, STARTED), True),
        ((AWAY, Sight(stand(1, 0, resumed=0)), STARTED), True),
        ((AWAY, Sight(stand(2, resumed=1))), True),
        ((BACK, STARTED), False),
    ],
    ids=[
        "it reconnects",
        "and takes something",
        "to another replica",
        "just in time",
        "and takes something for long",
        "it is away for long",
        "it was started again",
        "and takes all of it first",
        "one of two was started again",
        "one is added, while others are there",
    ],
)
def test_the_only_canary_node_is_away(looks: Sequence[Sight], *, is_broken: bool) -> None:
    """For a moment, as where its connection has come to its age: its time goes on once it is back with all it had."""
    well, begin = looks[-1], 30
    back = begin + len(looks) - 1
    found = watch(
        *steady(BACK, begin),
        *((float(begin + at), each) for at, each in enumerate(looks)),
        *steady(well, 2 * AFTER_S, back + 1),
    )
    assert {each.verdict for each in found[begin:back]} == {Verdict.WAIT}
    promoted = next(at for at, each in enumerate(found) if each.verdict is Verdict.PROMOTE)
    assert promoted == (back if is_broken else 0) + AFTER_S


def test_nothing_is_promoted_while_the_only_canary_node_is_away() -> None:
    """Though connections that are younger than the time do not keep it from being promoted."""
    looks = [(float(at), AWAY if at % 15 == 0 else BACK) for at in range(1, 3 * AFTER_S)]
    found = watch(*looks)
    assert [at for at, (_, sight) in enumerate(looks) if sight is AWAY and found[at].verdict is Verdict.PROMOTE] == []
    assert "no canary node is connected" in found[14].reason
    promoted = next(at for at, each in enumerate(found) if each.verdict is Verdict.PROMOTE)
    assert looks[promoted][0] == AFTER_S + 1


def test_time_that_nobody_has_watched_does_not_count() -> None:
    """As where the process was stopped."""
    well = Sight(stand())
    assert watch((0.0, well), (AFTER_S + 1.0, well))[-1].left_s == AFTER_S


STANDS = st.builds(
    stand,
    connected=st.integers(0, 2),
    taken=st.integers(0, 2),
    refused=st.sampled_from([0, 0, 0, 0, 1]),
    is_settled=st.sampled_from([True, True, True, False]),
    served=st.sampled_from([SERVED["a"], SERVED["a"], SERVED["a"], SERVED["b"], ""]),
    put_at=st.sampled_from([7, 7, 7, 7, 6]),
    resumed=st.sampled_from([2, 2, 1, 0]),
)
ALL_WELL = stand(2)
ODD = [
    stand(put_at=6),
    stand(2, 1),
    stand(served=SERVED["b"]),
    stand(is_settled=False),
    stand(refused=1),
    stand(0),
    stand(1, resumed=0),
]


@dataclass(frozen=True)
class Step:
    """What is otherwise from a look on, and when that is.

    Attributes:
        replica: 0 for this one.
        stand: what it says; None where it dies.
        takes_envoys: whether it does.
        after_s: seconds since the look before.
        is_cut_off: whether nobody knows how the others are.
    """

    replica: int
    stand: CanaryStand | None
    takes_envoys: bool
    after_s: float
    is_cut_off: bool


STEPS = st.builds(
    Step,
    replica=st.integers(0, 2),
    stand=st.one_of(st.just(ALL_WELL), st.just(ALL_WELL), st.just(ALL_WELL), st.sampled_from(ODD), STANDS, st.none()),
    takes_envoys=st.sampled_from([True, True, True, False]),
    after_s=st.one_of(
        st.sampled_from([0.0, 1.0, 5.0, 9.0, 10.0, 11.0, 70.0, -5.0]),
        st.integers(0, 80).map(lambda quarters: quarters / 4),
    ),
    is_cut_off=st.sampled_from([False] * 9 + [True]),
)


def is_well(sight: Sight) -> bool:
    """Say, in other words than the rule does, whether all is well."""
    stands = [sight.own, *(each.canary for each in sight.others if each.takes_envoys)]
    if sight.fault or any(each is None or each.put_at != TRIAL.put_at for each in stands):
        return False
    known = [each for each in stands if each is not None]
    is_same = len({each.served for each in known}) == 1 and all(each.served and each.is_settled for each in known)
    has_taken = all(each.connected <= each.taken for each in known) and any(each.connected for each in known)
    return is_same and has_taken and not is_refused(sight)


def in_service(sight: Sight) -> list[CanaryStand]:
    """Return what those say of the candidate that take Envoys."""
    stands = [sight.own, *(each.canary for each in sight.others if each.takes_envoys)]
    return [each for each in stands if each is not None and each.put_at == TRIAL.put_at]


def connected(sight: Sight) -> int:
    """Return how many canary nodes are there."""
    return sum(each.connected for each in in_service(sight))


def was_started(sight: Sight) -> bool:
    """Whether one of them came with nothing."""
    return sum(each.resumed for each in in_service(sight)) < connected(sight)


def is_refused(sight: Sight) -> bool:
    """Whether anybody's record shows that the candidate was refused."""
    theirs = [each.canary for each in sight.others]
    return any(each and each.put_at == TRIAL.put_at and each.refused for each in (sight.own, *theirs))


def sights(steps: Sequence[Step]) -> list[tuple[float, Sight]]:
    """Return the looks that some steps make."""
    own, others, now_s, found = ALL_WELL, {1: other("b", ALL_WELL), 2: other("c", ALL_WELL)}, 0.0, []
    for step in steps:
        now_s += step.after_s
        if step.replica == 0:
            own = step.stand.model_copy(update={"put_at": 7}) if step.stand else own
        elif step.stand is None:
            others.pop(step.replica, None)
        else:
            others[step.replica] = other("bc"[step.replica - 1], step.stand, is_ready=step.takes_envoys)
        against = "refused" if own.refused else ""
        found.append((now_s, Sight(own, list(others.values()), "cut off" if step.is_cut_off else "", against)))
    return found


@given(st.lists(STEPS, min_size=1, max_size=60), st.sampled_from([5, AFTER_S, 200]))
@settings(deadline=None, max_examples=600)
@example([Step(1, ALL_WELL, takes_envoys=True, after_s=9.0, is_cut_off=False)] * 10, AFTER_S)
def test_in_any_order(steps: Sequence[Step], after_s: int) -> None:
    """Nothing is promoted that was refused, or before its time has passed well; what was refused here is taken back."""
    looks = sights(steps)
    found = watch(*looks, trial=replace(TRIAL, promote_after_s=after_s))
    for at, (decision, (now_s, sight)) in enumerate(zip(found, looks, strict=True)):
        was_against = any(each.against for _, each in looks[: at + 1])
        assert (decision.verdict is Verdict.TAKE_BACK) == was_against
        if decision.verdict is Verdict.PROMOTE:
            assert is_well(sight)
            assert_passed_well(looks[: at + 1], now_s - after_s, min(LONGEST_UNDER_WAY_S, after_s / 10))


def assert_passed_well(looks: Sequence[tuple[float, Sight]], begin_s: float, longest_s: float) -> None:
    """Check that since some time all was well, but for moments, and somebody has looked.

    And that nobody was started again while the others were away.
    """
    unwell_until_s: float | None = None
    later_s, later = looks[-1]
    for now_s, sight in reversed(looks):
        assert 0 <= later_s - now_s <= LONGEST_BLINK_S
        assert not is_refused(sight)
        assert not sight.fault
        unwell_until_s = None if is_well(sight) else (later_s if unwell_until_s is None else unwell_until_s)
        assert unwell_until_s is None or unwell_until_s - now_s <= longest_s
        assert connected(sight) or not was_started(later)
        if now_s <= begin_s and is_well(sight):
            return
        later_s, later = now_s, sight
    pytest.fail("it was not watched for long enough")
