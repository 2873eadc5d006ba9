"""Who comes with something else than there is, where something newer may exist elsewhere."""

from __future__ import annotations

from egxds.names import CLUSTER
from egxds.sessions.events import Node, Request
from egxds.snapshot.snapshot import Snapshot
from egxds.snapshot.store import SnapshotStore
from egxds.wire.xds.newcomers import GRACE_S, PATIENCE_S, Doubt, Newcomer, Newcomers, Verdict
from tests.revisions import by_type
from tests.unit.snapshot.resources import cluster


class House:
    """A replica, and what it knows of others.

    Attributes:
        doubt: whether there may be something newer.
        has_others: whether another one takes Envoys.
        expected: nodes for which a candidate is on its way.
        asked: how often it was asked about its doubt.
        newcomers: decides.
    """

    def __init__(self, doubt: Doubt, *, has_others: bool = True) -> None:
        self.doubt, self.has_others = doubt, has_others
        self.asked = 0
        self.expected: frozenset[str] = frozenset()
        self.newcomers = Newcomers(lambda: self.expected)
        self.newcomers.go_by(self._doubt, lambda: self.has_others)
        store = SnapshotStore()
        store.publish("ns/web", "edge", by_type((cluster("a"),)))
        self.there_is: Snapshot = store.snapshot("ns/web")

    def _doubt(self) -> Doubt:
        self.asked += 1
        return self.doubt

    def comes(self, now_s: float, versions: dict[str, str]) -> Newcomer:
        """Have an Envoy come that reports clusters."""
        newcomer = Newcomer(self.newcomers)
        request = Request(CLUSTER, node=Node("envoy-1", "ns/web"), initial_versions=versions)
        newcomer.reports(request, "envoy-1", self.there_is, now_s)
        return newcomer

    @property
    def own(self) -> dict[str, str]:
        """Versions of what there is."""
        return {name: each.version for name, each in self.there_is.of(CLUSTER).items()}


OTHER = {"a": "another"}


def test_without_doubt_everybody_is_served() -> None:
    """It has something older."""
    assert House(Doubt.NONE).comes(0.0, OTHER).verdict(0.0) is Verdict.SERVED


def test_who_has_nothing_else_is_served() -> None:
    """Nothing, or what there is; also of something that is not known yet."""
    for doubt in (Doubt.BEHIND, Doubt.CUT_OFF):
        house = House(doubt)
        for versions in ({}, house.own):
            assert house.comes(0.0, versions).verdict(0.0) is Verdict.SERVED


def test_what_comes_before_anything_is_loaded_is_looked_at_then() -> None:
    """Whoever reconnects to a server that starts again has said all before that knows what there is."""
    house = House(Doubt.BEHIND)
    for versions, expected in ((OTHER, Verdict.WAITS), (house.own, Verdict.SERVED)):
        newcomer = Newcomer(house.newcomers)
        request = Request(CLUSTER, node=Node("envoy-1", "ns/web"), initial_versions=versions)
        newcomer.reports(request, "envoy-1", None, 9.0)
        newcomer.comes(None, 9.5)
        assert newcomer.verdict(9.5) is Verdict.SERVED
        newcomer.comes(house.there_is, 10.0)
        assert newcomer.verdict(10.0) is expected


def test_what_is_on_its_way_is_waited_for() -> None:
    """A moment; and once it is there the Envoy is served."""
    house = House(Doubt.BEHIND)
    newcomer = house.comes(10.0, {**house.own, "b": "new"})
    assert newcomer.verdict(10.0) is Verdict.WAITS
    assert newcomer.wakes_at_s(10.0) < 11.0
    house.doubt = Doubt.NONE
    assert newcomer.verdict(11.0) is Verdict.SERVED
    assert newcomer.wakes_at_s(11.0) == float("inf")
    house.doubt = Doubt.BEHIND
    assert newcomer.verdict(12.0) is Verdict.SERVED


def test_those_that_wait_ask_together() -> None:
    """However many they are; and whoever comes without a doubt is not served by what was so before."""
    house = House(Doubt.BEHIND)
    waiting = [house.comes(10.0, OTHER) for _ in range(100)]
    for now_s in (10.0, 10.5, 11.0):
        assert {each.verdict(now_s) for each in waiting} == {Verdict.WAITS}
    assert house.asked == 3
    house.doubt = Doubt.NONE
    assert {each.verdict(11.5) for each in waiting} == {Verdict.SERVED}
    house.doubt = Doubt.BEHIND
    assert house.comes(11.5, OTHER).verdict(11.5) is Verdict.WAITS


def test_what_does_not_come_is_elsewhere() -> None:
    """As long as there is somebody else, and not for ever."""
    house = House(Doubt.BEHIND)
    newcomer = house.comes(10.0, OTHER)
    assert newcomer.verdict(10.0 + PATIENCE_S) is Verdict.SENT_ON
    again = house.comes(16.0, OTHER)
    assert (again.verdict(16.0), again.verdict(16.0 + PATIENCE_S)) == (Verdict.WAITS, Verdict.SENT_ON)
    last = house.comes(10.0 + GRACE_S, OTHER)
    assert last.verdict(10.0 + GRACE_S) is Verdict.WAITS
    assert last.verdict(10.0 + GRACE_S + PATIENCE_S) is Verdict.SERVED
    alone = House(Doubt.BEHIND, has_others=False).comes(10.0, OTHER)
    assert alone.verdict(10.0 + PATIENCE_S) is Verdict.SERVED


def test_who_is_cut_off_sends_on_at_once() -> None:
    """There is nothing to wait for; after the grace it serves."""
    house = House(Doubt.CUT_OFF)
    assert house.comes(10.0, OTHER).verdict(10.0) is Verdict.SENT_ON
    assert house.comes(20.0, OTHER).verdict(20.0) is Verdict.SENT_ON
    assert house.comes(10.0 + GRACE_S, OTHER).verdict(10.0 + GRACE_S) is Verdict.SERVED
    assert house.comes(100.0, OTHER).verdict(100.0) is Verdict.SERVED
    assert House(Doubt.CUT_OFF, has_others=False).comes(0.0, OTHER).verdict(0.0) is Verdict.SERVED


def test_where_all_are_behind_an_envoy_is_served_in_the_end() -> None:
    """However many there are, and however long it waits between two of them: once it has been at all."""
    houses = [House(Doubt.BEHIND) for _ in range(10)]
    visits, now_s, pause_s = 0, 0.0, 1.0
    verdict = Verdict.SENT_ON
    while verdict is Verdict.SENT_ON:
        newcomer = houses[visits % len(houses)].comes(now_s, OTHER)
        now_s += PATIENCE_S
        verdict = newcomer.verdict(now_s)
        visits += 1
        now_s, pause_s = now_s + pause_s, min(2 * pause_s, 30.0)
        assert visits <= len(houses) + 1
    assert verdict is Verdict.SERVED


def test_the_next_doubt_is_another_one() -> None:
    """Whoever came in the one before comes first in it; no Envoy need have come in between."""
    house = House(Doubt.CUT_OFF)
    for came_s in (10.0, 50.0):
        assert house.comes(came_s, OTHER).verdict(came_s) is Verdict.SENT_ON
        house.doubt = Doubt.NONE
        assert house.newcomers.look(came_s + 1.0) is Doubt.NONE
        house.doubt = Doubt.CUT_OFF
    assert house.comes(90.0, OTHER).verdict(90.0) is Verdict.SENT_ON
    assert house.comes(90.0 + GRACE_S, OTHER).verdict(90.0 + GRACE_S) is Verdict.SERVED


def test_who_stays_away_for_hours_was_served_elsewhere() -> None:
    """It has what others have by now, and is not taken back by what it was refused then."""
    house = House(Doubt.CUT_OFF)
    assert house.comes(10.0, OTHER).verdict(10.0) is Verdict.SENT_ON
    assert house.comes(8000.0, OTHER).verdict(8000.0) is Verdict.SENT_ON
    assert house.comes(8000.0 + GRACE_S, OTHER).verdict(8000.0 + GRACE_S) is Verdict.SERVED


def test_only_what_is_reported_first_counts() -> None:
    """An answer to a response says nothing of what it had before."""
    house = House(Doubt.CUT_OFF)
    newcomer = Newcomer(house.newcomers)
    newcomer.reports(Request(CLUSTER, initial_versions=OTHER, nonce="1"), "envoy-1", house.there_is, 0.0)
    newcomer.reports(Request(CLUSTER, initial_versions=OTHER), "envoy-1", None, 0.0)
    assert newcomer.verdict(0.0) is Verdict.SERVED


def test_a_candidate_on_its_way_is_waited_for_by_its_nodes() -> None:
    """Without a doubt about anything else, for as long as a generation would be, and then elsewhere."""
    house = House(Doubt.NONE)
    house.expected = frozenset({"envoy-1"})
    assert house.comes(10.0, house.own).verdict(10.0) is Verdict.SERVED
    newcomer = house.comes(10.0, OTHER)
    assert newcomer.verdict(10.0) is Verdict.WAITS
    assert newcomer.verdict(10.0 + PATIENCE_S) is Verdict.SENT_ON
    last = house.comes(10.0 + GRACE_S, OTHER)
    assert last.verdict(10.0 + GRACE_S) is Verdict.WAITS
    assert last.verdict(10.0 + GRACE_S + PATIENCE_S) is Verdict.SERVED
    house.expected = frozenset({"envoy-2"})
    assert house.comes(50.0, OTHER).verdict(50.0) is Verdict.SERVED
    alone = House(Doubt.NONE, has_others=False)
    alone.expected = frozenset({"envoy-1"})
    newcomer = alone.comes(10.0, OTHER)
    assert (newcomer.verdict(10.0), newcomer.verdict(10.0 + PATIENCE_S)) == (Verdict.WAITS, Verdict.SERVED)


def test_a_candidate_that_is_there_or_gone_is_waited_for_no_more() -> None:
    """Whoever waited is served what there is then."""
    house = House(Doubt.NONE)
    house.expected = frozenset({"envoy-1"})
    newcomer = house.comes(10.0, OTHER)
    assert newcomer.verdict(10.0) is Verdict.WAITS
    house.expected = frozenset()
    assert newcomer.verdict(10.5) is Verdict.SERVED


def test_the_next_candidate_is_another_one() -> None:
    """And it is another one than a generation that is not in force: whoever came in that doubt comes first in this."""
    house = House(Doubt.CUT_OFF)
    assert house.comes(1.0, OTHER).verdict(1.0) is Verdict.SENT_ON
    house.doubt = Doubt.NONE
    for came_s in (10.0, 40.0):
        house.expected = frozenset({"envoy-1", str(came_s)})
        for after_s in (0.0, 5.0):
            newcomer = house.comes(came_s + after_s, OTHER)
            assert newcomer.verdict(came_s + after_s + PATIENCE_S) is Verdict.SENT_ON
            assert house.newcomers.look(came_s + after_s) is Doubt.NONE
        last = house.comes(came_s + GRACE_S, OTHER)
        assert last.verdict(came_s + GRACE_S + PATIENCE_S) is Verdict.SERVED
