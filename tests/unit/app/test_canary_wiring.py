"""What the judge of a candidate is told of the Envoys that are connected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from egxds.app.canary_facts import CanaryParts
from egxds.app.canary_wiring import CanaryRooms
from egxds.app.candidate import Candidate
from egxds.app.candidates import NoCandidates
from egxds.fleet.envoys import Stand
from egxds.inspect.envoys import OfferedState
from egxds.inspect.status import StatusStore
from egxds.names import CLUSTER, LISTENER
from egxds.sessions.events import Node, Request
from egxds.sessions.open_streams import Client, Clients
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from tests.revisions import by_type
from tests.unit.snapshot.resources import cluster

GATEWAY = "ns/web"
NOTHING: Mapping[str, str] = {}


class _NoCandidate:
    """Of a candidate nothing but what the judge asks for."""

    def __getattr__(self, _name: str) -> Any:
        return lambda *_arguments: None


class House:
    """Some Envoys, and a candidate for them.

    Attributes:
        clients: their streams.
        stores: what there is for them.
    """

    def __init__(self) -> None:
        self.clients, self.status = Clients(), StatusStore()
        self.stores = Stores(_store("1"))
        self.nodes: set[str] = set()

    def connect(self, node_id: str, node_cluster: str, has: Mapping[str, str] = NOTHING) -> Client:
        """Have a canary node that has taken all that there is for it.

        Args:
            node_id: who.
            node_cluster: what it selects.
            has: resources that it comes with, with their versions.
        """
        self.nodes.add(node_id)
        client = self.clients.open("127.0.0.1:1", 0.0, None)
        who = Node(node_id, node_cluster, "envoy")
        client.session.receive(Request(CLUSTER, node=who, initial_versions=has), 0.0)
        client.session.receive(Request(LISTENER), 0.0)
        self.status.envoys.opened(client.stream, node_id)
        self.stores.serve(_store("2"), self.nodes)
        for each in self.clients.all():
            node = each.session.node
            choice = self.stores.choice(node.id if node is not None else "")
            view = choice.store.view(node.cluster if node is not None else "")
            if view is not None:
                self.status.envoys.offered(each.stream, OfferedState(view.generation, choice.turn), 0.0)
                self.status.envoys.took_all(each.stream)
        return client

    @property
    def parts(self) -> CanaryParts:
        """What the judge asks."""
        candidate = cast("Candidate", _NoCandidate())
        return CanaryRooms(
            candidate, NoCandidates(), self.status, self.stores, lambda: self.clients, lambda: "one"
        ).parts()

    def uptakes(self) -> dict[str, Stand]:
        """Return how canary nodes stand."""
        return {row.id: row.stand for row in self.parts.uptakes(self.nodes)}

    @property
    def resumed(self) -> int:
        """How many came with what they had."""
        return self.parts.resumed(self.nodes)


def _store(word: str) -> SnapshotStore:
    store = SnapshotStore()
    for gateway in (GATEWAY, "ns/second"):
        store.publish(gateway, "edge", by_type((cluster("a", word),)))
    store.mark_loaded()
    return store


@pytest.mark.parametrize("node_cluster", ["ns/wbe", "nothing"])
def test_a_canary_that_selects_nothing_has_tried_nothing(node_cluster: str) -> None:
    """A candidate that nobody else is served is not promoted since that one takes all of nothing."""
    house = House()
    house.connect("typing-error", node_cluster)
    assert house.uptakes() == {}
    house.connect("edge-1", GATEWAY)
    assert house.uptakes() == {"edge-1": Stand.IN_SYNC}


def test_a_canary_that_is_emptied_has_taken_that() -> None:
    """The candidate has its Gateway no more: that is something to be tried."""
    house = House()
    house.connect("edge-1", GATEWAY)
    candidate = house.stores.candidate
    assert candidate is not None
    candidate[0].remove(GATEWAY)
    assert set(house.uptakes()) == {"edge-1"}


def test_who_comes_with_what_it_had_was_not_started_again() -> None:
    """Whoever has two streams has two processes, of which one was."""
    house = House()
    house.connect("started", GATEWAY)
    assert house.resumed == 0
    house.connect("reconnected", GATEWAY, {"a": "1"})
    assert house.resumed == 1
    house.connect("typing-error", "ns/wbe", {"a": "1"})
    assert house.resumed == 1
    second = house.connect("reconnected", GATEWAY)
    assert house.resumed == 0
    house.clients.close(second)
    assert house.resumed == 1
    assert set(house.uptakes()) == {"started", "reconnected"}
