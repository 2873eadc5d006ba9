"""From which store a node is served, and who hears of that."""

from __future__ import annotations

from functools import partial

from egxds.names import CLUSTER
from egxds.snapshot.snapshot import EMPTY
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from tests.revisions import by_type
from tests.unit.snapshot.resources import cluster, secret


class House:
    """Three nodes, of which some may be served a candidate.

    Attributes:
        stores: what there is.
        woken: nodes that may be served from another store since the last look.
    """

    def __init__(self) -> None:
        self.stores = Stores(SnapshotStore())
        self._heard: list[str] = []
        for node in "abc":
            self.stores.subscribe(node, partial(self._heard.append, node))

    def heard(self) -> list[str]:
        """Return who was woken since the last time."""
        heard = self._heard.copy()
        self._heard.clear()
        return heard


def test_only_the_nodes_of_a_candidate_get_it() -> None:
    """And only they hear of it, when it comes and when it goes."""
    house, candidate = House(), SnapshotStore()
    house.stores.serve(candidate, ["a", "b", "not here"])
    assert house.stores.candidate == (candidate, frozenset({"a", "b", "not here"}))
    assert house.heard() == ["a", "b"]
    assert [house.stores.of(node) is candidate for node in "abc"] == [True, True, False]
    house.stores.withdraw()
    assert house.heard() == ["a", "b"]
    assert house.stores.candidate is None
    assert all(house.stores.of(node) is house.stores.head for node in "abc")
    house.stores.withdraw()
    assert house.heard() == []


def test_another_candidate_takes_the_place_of_the_one_before() -> None:
    """Its states are others though they have the same numbers; of the same one only who comes or goes hears."""
    house, first, second = House(), SnapshotStore(), SnapshotStore()
    house.stores.serve(first, "ab")
    before = house.stores.choice("b")
    house.stores.serve(first, "bc")
    assert (house.heard(), house.stores.choice("b")) == (["a", "b", "a", "c"], before)
    house.stores.serve(second, "b")
    assert house.heard() == ["b", "c"]
    now, head = house.stores.choice("b"), house.stores.choice("c")
    assert len({before.turn, now.turn, head.turn}) == 3
    assert [each.is_canary for each in (before, now, head)] == [True, True, False]


def test_a_candidate_is_expected_until_it_is_served_or_gone() -> None:
    """It is the same one however often that is told."""
    stores = Stores(SnapshotStore())
    stores.expect(["a"])
    expected = stores.expected
    stores.expect(["a"])
    assert stores.expected is expected == {"a"}
    assert stores.of("a") is stores.head
    stores.serve(SnapshotStore(), ["a"])
    assert stores.expected == frozenset()
    stores.expect(["b"])
    stores.withdraw()
    assert stores.expected == frozenset()


def test_who_is_subscribed_no_more_hears_nothing() -> None:
    """Also where it never was."""
    house = House()
    stores = Stores(SnapshotStore())
    heard: list[str] = []
    one = partial(heard.append, "one")
    stores.subscribe("a", one)
    stores.unsubscribe("a", one)
    stores.unsubscribe("b", one)
    stores.serve(SnapshotStore(), ["a", "b"])
    assert heard == house.heard() == []


def test_what_the_candidate_has_not_was_taken_away() -> None:
    """A Gateway, a class, and what was taken away before; what it has it has."""
    head, candidate = SnapshotStore(), SnapshotStore()
    for gateway, class_name in (("ns/a", "edge"), ("ns/b", "inner"), ("ns/c", "past")):
        head.publish(gateway, class_name, by_type((cluster("x"),)))
    head.remove("ns/c")
    candidate.publish("ns/a", "edge", by_type((cluster("y"),)))
    for store in (head, candidate):
        store.mark_loaded()
    woken: list[str] = []
    candidate.subscribe("ns/b", partial(woken.append, "ns/b"))
    Stores(head).serve(candidate, ["n"])
    assert woken == ["ns/b"]
    for selector in ("ns/b", "inner", "ns/c", "past"):
        view = candidate.view(selector)
        assert view is not None
        assert (view.snapshot, view.is_fallback) == (EMPTY, False), selector
    for selector in ("ns/a", "edge", "other"):
        view = candidate.view(selector)
        assert view is not None
        assert list(view.snapshot.of(CLUSTER)) == ["y"]


def test_what_a_candidate_has_in_common_with_the_head_is_kept_once() -> None:
    """Also what was made anew of it; who changes over looks at what differs."""
    head = SnapshotStore()
    head.publish("ns/a", "edge", by_type((cluster("same"), cluster("other"), cluster("gone"), secret("s"))))
    head.publish("ns/b", "edge", by_type((cluster("b"),)))
    candidate = head.beside()
    assert (candidate.gateways(), candidate.view("ns/a"), candidate.snapshot("ns/a")) == ({}, None, EMPTY)
    candidate.publish("ns/a", "edge", by_type((cluster("same"), cluster("other", "2"), cluster("new"))))
    before, now = head.snapshot("ns/a"), candidate.snapshot("ns/a")
    assert (sorted(now.of(CLUSTER)), list(now.resources)) == (["new", "other", "same"], [CLUSTER])
    assert now.of(CLUSTER)["same"] is before.of(CLUSTER)["same"]
    assert now.of(CLUSTER).changed_since(before.of(CLUSTER)) == {"gone", "new", "other"}
    # It goes its own way from there, and so does the head.
    head.publish("ns/a", "edge", by_type((cluster("same", "2"),)))
    candidate.publish("ns/a", "edge", by_type((cluster("same"),)))
    assert list(candidate.snapshot("ns/a").of(CLUSTER).values()) == [before.of(CLUSTER)["same"]]
    Stores(head).serve(candidate, ["n"])
    candidate.mark_loaded()
    view = candidate.view("ns/b")
    assert view is not None
    assert view.snapshot is EMPTY
