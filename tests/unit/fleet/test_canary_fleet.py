"""Replicas that judge a candidate each for itself, by records that are a second old, and Envoys that go about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from egxds.fleet.canary import Sight, Trial, Verdict, Watched, decide
from egxds.fleet.record import CanaryStand, ReplicaRecord
from tests.unit.fleet.replicas import replica
from tests.unit.fleet.test_canary import AFTER_S, stand

NODES = ("edge-1", "edge-2")


@dataclass
class FakeReplica:
    """One replica.

    Attributes:
        has_it: whether it serves the candidate.
        refused: canary nodes that have refused it here.
        seen: what it knows of the others.
        is_cut_off: whether that is old, and nobody hears of it.
    """

    name: str
    has_it: bool = False
    refused: set[str] = field(default_factory=set)
    seen: dict[str, ReplicaRecord] = field(default_factory=dict)
    is_cut_off: bool = False
    watched: Watched = field(default_factory=Watched)


class FakeFleet:
    """Some replicas, of which any may write what becomes of the candidate; the first one does.

    Attributes:
        outcome: what has become of it.
    """

    def __init__(self, count: int) -> None:
        self.replicas = {name: FakeReplica(name) for name in "abcde"[:count]}
        self.at = dict.fromkeys(NODES, next(iter(self.replicas)))
        self.stored: dict[str, ReplicaRecord] = {}
        self.trial = Trial(7, 3, AFTER_S)
        self.outcome: Verdict | None = None
        self.now_s = 0.0
        self.behind: set[str] = set()

    def second(self) -> None:
        """Have everybody look once, at what was written in the second before."""
        self.now_s += 1.0
        for each in self.replicas.values():
            if not each.is_cut_off:
                each.seen = {name: record for name, record in self.stored.items() if name != each.name}
        for each in self.replicas.values():
            if each.has_it and self.outcome is None:
                self._decide(each)
        for each in self.replicas.values():
            if not each.is_cut_off:
                self.stored[each.name] = replica(each.name, canary=self._stand(each) if each.has_it else None)

    def lost(self) -> None:
        """Forget the records of those that have died."""
        self.stored = {name: record for name, record in self.stored.items() if name in self.replicas}

    def is_refused(self) -> bool:
        """Whether a replica that lives knows of a refusal."""
        return any(each.refused for each in self.replicas.values())

    def _stand(self, each: FakeReplica) -> CanaryStand:
        here = [node for node, at in self.at.items() if at == each.name]
        return stand(len(here), len([node for node in here if node not in self.behind]), len(each.refused))

    def _decide(self, each: FakeReplica) -> None:
        sight = Sight(
            self._stand(each),
            list(each.seen.values()),
            "cut off" if each.is_cut_off else "",
            "it is refused" if each.refused else "",
        )
        each.watched, decision = decide(each.watched, self.trial, sight, self.now_s)
        if decision.verdict is Verdict.WAIT or each.is_cut_off:
            return
        if decision.verdict is Verdict.PROMOTE:
            assert not any(known.canary and known.canary.refused for known in each.seen.values())
            assert not each.refused
            assert self.now_s >= AFTER_S
        self.outcome = decision.verdict


STEPS = st.one_of(
    st.tuples(st.just("settle"), st.integers(0, 4)),
    st.tuples(st.just("die"), st.integers(0, 4)),
    st.tuples(st.just("join"), st.just(0)),
    st.tuples(st.just("move"), st.integers(0, 9)),
    st.tuples(st.just("fall behind"), st.integers(0, 1)),
    st.tuples(st.just("catch up"), st.integers(0, 1)),
    st.tuples(st.just("cut off"), st.integers(0, 4)),
    st.tuples(st.just("come back"), st.integers(0, 4)),
    st.tuples(st.just("wait"), st.integers(1, 40)),
)
REFUSALS = st.tuples(st.just("refuse"), st.integers(0, 1))


def happen(fleet: FakeFleet, what: str, number: int) -> None:
    """Have one thing happen."""
    if what == "wait":
        for _ in range(number):
            fleet.second()
        return
    happen_to_a_replica(fleet, what, number)
    happen_to_a_node(fleet, what, number)


def happen_to_a_replica(fleet: FakeFleet, what: str, number: int) -> None:
    """Have one come, go or change."""
    names = sorted(fleet.replicas)
    name = names[number % len(names)]
    match what:
        case "settle":
            fleet.replicas[name].has_it = True
        case "die" if len(names) > 1:
            del fleet.replicas[name]
            there = next(iter(fleet.replicas))
            fleet.at = {node: there if at == name else at for node, at in fleet.at.items()}
        case "join" if len(names) < len("abcde"):
            fleet.replicas |= {new: FakeReplica(new) for new in sorted(set("abcde") - set(names))[:1]}
        case "cut off" | "come back":
            fleet.replicas[name].is_cut_off = what == "cut off"


def happen_to_a_node(fleet: FakeFleet, what: str, number: int) -> None:
    """Have a canary node go somewhere, or take or refuse something."""
    node, names = NODES[number % len(NODES)], sorted(fleet.replicas)
    match what:
        case "move":
            fleet.at[node] = names[number % len(names)]
        case "fall behind":
            fleet.behind.add(node)
        case "catch up":
            fleet.behind.discard(node)
        case "refuse" if fleet.replicas[fleet.at[node]].has_it:
            fleet.replicas[fleet.at[node]].refused.add(node)


def come_to_rest(fleet: FakeFleet) -> None:
    """Have all that was in the way be over."""
    fleet.lost()
    fleet.behind.clear()
    for each in fleet.replicas.values():
        each.has_it, each.is_cut_off = True, False


@given(st.integers(1, 3), st.lists(STEPS, max_size=30))
@settings(deadline=None, max_examples=100)
def test_what_nobody_refuses_is_promoted(count: int, steps: Sequence[tuple[str, int]]) -> None:
    """Once all is well, after its time and some seconds in which records are written; whoever has died."""
    fleet = FakeFleet(count)
    for what, number in steps:
        happen(fleet, what, number)
    come_to_rest(fleet)
    happen(fleet, "wait", AFTER_S + 3)
    assert fleet.outcome is Verdict.PROMOTE


@given(st.integers(1, 3), st.lists(STEPS, max_size=20), REFUSALS, st.lists(STEPS, max_size=20))
@settings(deadline=None, max_examples=200)
def test_what_is_refused_is_taken_back(
    count: int, before: Sequence[tuple[str, int]], refusal: tuple[str, int], after: Sequence[tuple[str, int]]
) -> None:
    """Where the replica that knows of it lives; it is never promoted by one that has heard of it."""
    fleet = FakeFleet(count)
    for what, number in (*before, refusal, *after):
        happen(fleet, what, number)
    come_to_rest(fleet)
    was_open, is_refused = fleet.outcome is None, fleet.is_refused()
    happen(fleet, "wait", AFTER_S + 3)
    assert fleet.outcome is not None
    if was_open:
        assert (fleet.outcome is Verdict.TAKE_BACK) == is_refused
