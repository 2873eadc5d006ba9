"""A change costs what it changes: lines of Python that run in snapshot and sessions are as many at any size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from egxds.incremental.revision import Revision
from egxds.names import CLUSTER, ENDPOINT, LISTENER, ROUTE_CONFIGURATION, SECRET
from egxds.resources.resource import Resource
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.events import Node, Request, Response
from egxds.sessions.pacing import LONGEST_PAUSE_S
from egxds.snapshot.store import SnapshotStore
from tests.lines_of_rooms import lines_of_rooms
from tests.unit.snapshot.resources import cluster, listener

SIZES = (100, 1_000, 10_000)
GATEWAY, CLASS = "ns/a", "edge"
NAMED = (ENDPOINT, ROUTE_CONFIGURATION, SECRET)
ROOMS = ("snapshot", "sessions")

Types = dict[str, Revision[str, Resource]]


def _made(type_url: str, name: str, word: str = "") -> Resource:
    if type_url == CLUSTER:
        return cluster(name, word)
    return listener(name, word) if type_url == LISTENER else Resource(type_url, name, f"{name} {word}".encode())


class World:
    """A Gateway with many resources of each type, and an Envoy that has them all and acknowledges whatever comes."""

    def __init__(self, size: int, selector: str, gateways: int = 1) -> None:
        names = [f"n{number}" for number in range(size)]
        types = (CLUSTER, LISTENER, *NAMED)
        self.types: Types = {kind: Revision({name: _made(kind, name) for name in names}) for kind in types}
        self.store = SnapshotStore()
        for number in range(1, gateways):
            other = f"ns/{number}"
            self.store.publish(other, CLASS, {CLUSTER: Revision({other: cluster(other), "n5": cluster("n5")})})
        self.store.publish(GATEWAY, CLASS, self.types)
        self.store.mark_loaded()
        self._selector = selector
        self._session = DeltaSession()
        self._now_s = 0.0
        self._session.receive(Request(CLUSTER, Node("envoy", selector)), 0.0)
        self._session.receive(Request(LISTENER), 0.0)
        for type_url in NAMED:
            self._session.receive(Request(type_url, subscribe=tuple(names)), 0.0)
        self.serve()

    def set(self, type_url: str, name: str, word: str) -> None:
        """Change one resource."""
        self.types = {**self.types, type_url: self.types[type_url].edited({name: _made(type_url, name, word)})}

    def remove(self, *type_urls: str) -> None:
        """Remove one resource of each of these types."""
        self.types = self.types | {type_url: self.types[type_url].edited({}, ["n7"]) for type_url in type_urls}

    def serve(self) -> list[Response]:
        """Publish, and have the Envoy take what is new."""
        self.store.publish(GATEWAY, CLASS, self.types)
        view = self.store.view(self._selector)
        assert view is not None
        self._session.offer(view.snapshot)
        # Longer than clusters are paced.
        self._now_s += 2 * LONGEST_PAUSE_S
        responses = []
        while (response := self._session.next_response(self._now_s)) is not None:
            responses.append(response)
            self._session.receive(Request(response.type_url, nonce=response.nonce), self._now_s)
        return responses

    def lines(self, edit: Callable[[World], None]) -> tuple[Counter[str], list[tuple[int, int]]]:
        """Count the lines that run for an edit, room by room, and what is sent."""
        # The first edit finds what is set up once.
        self.set(ENDPOINT, "n5", "first")
        self.serve()
        edit(self)
        with lines_of_rooms() as counted:
            responses = self.serve()
        rooms = Counter({room: counted[room] for room in ROOMS})
        return rooms, [(len(response.resources), len(response.removed)) for response in responses]


EDITS: dict[str, tuple[Callable[[World], None], list[tuple[int, int]]]] = {
    "an endpoint": (lambda world: world.set(ENDPOINT, "n7", "new"), [(1, 0)]),
    "a route": (lambda world: world.set(ROUTE_CONFIGURATION, "n7", "new"), [(1, 0)]),
    "a certificate": (lambda world: world.set(SECRET, "n7", "new"), [(1, 0)]),
    "a cluster, and its endpoints behind it": (lambda world: world.set(CLUSTER, "n7", "new"), [(1, 0), (1, 0)]),
    "something new that nobody asked for": (lambda world: world.set(SECRET, "new", ""), []),
    "a removal": (lambda world: world.remove(CLUSTER, ENDPOINT), [(0, 1), (0, 1)]),
    "nothing": (lambda world: None, []),
}


@pytest.mark.parametrize("selector", [GATEWAY, CLASS])
@pytest.mark.parametrize(("edit", "sent"), EDITS.values(), ids=EDITS)
def test_a_change_costs_the_same_at_any_size(
    edit: Callable[[World], None], sent: list[tuple[int, int]], selector: str
) -> None:
    """From the published resources to the ACK; what C does over all of them is a copy of each changed mapping."""
    small, *others = (World(size, selector).lines(edit) for size in SIZES)
    assert small[1] == sent
    assert small[0]["sessions"] > 0
    assert others == [small, small]


@pytest.mark.parametrize(("edit", "sent"), EDITS.values(), ids=EDITS)
def test_a_change_costs_the_same_whatever_the_number_of_gateways(
    edit: Callable[[World], None], sent: list[tuple[int, int]]
) -> None:
    """Of a class that is served as a whole: the others' resources are not looked at."""
    few, many = (World(100, CLASS, gateways).lines(edit) for gateways in (3, 300))
    assert few[1] == sent
    assert many == few
