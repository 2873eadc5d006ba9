"""Which Envoys have taken a change, and when that is told."""

from __future__ import annotations

import pytest

from egxds.inspect.events.deliveries import ASKED_WITHIN_S, FOLLOWED_S, MOST_FOLLOWED, Deliveries, Delivery
from egxds.sessions.events import Node, Refusal, Request, Response
from egxds.sessions.open_streams import Client, Clients
from egxds.snapshot.snapshot import EMPTY
from egxds.snapshot.store import SnapshotStore
from tests.revisions import by_type
from tests.wire.world import CDS, GATEWAY, RDS, State, World

PUBLISHED_S = 100.0


class House:
    """A store, one Envoy, and what is told of it."""

    def __init__(self) -> None:
        self.world = World()
        self.deliveries = Deliveries()
        self.client: Client = Clients().open("127.0.0.1:1", 0.0, None)
        self.client.gateways = (GATEWAY,)
        self.now_s = 0.0

    def serve(self, state: State, *, asked: tuple[str, ...] = ()) -> None:
        """Connect the Envoy to a first state, which it takes."""
        self.world.load(state)
        self.client.session.receive(Request(CDS, Node("one", GATEWAY)), self.now_s)
        if asked:
            self.client.session.receive(Request(RDS, subscribe=asked), self.now_s)
        for response in self.send():
            self.ack(response)
        self.now_s = PUBLISHED_S

    def publish(self, state: State) -> int:
        """Publish another state, and follow it."""
        before = self.world.store.snapshot(GATEWAY)
        self.world.set(state)
        now = self.world.store.snapshot(GATEWAY)
        keys = [
            (type_url, name) for type_url in (CDS, RDS) for name in now.of(type_url).changed_since(before.of(type_url))
        ]
        versions = {key: getattr(now.of(key[0]).get(key[1]), "version", "") for key in keys}
        generation = self.world.store.generation
        self.deliveries.follow(Delivery(GATEWAY, generation, self.now_s - 0.5, self.now_s, versions))
        return generation

    def send(self) -> list[Response]:
        """Send all that there is."""
        view = self.world.store.view(GATEWAY)
        self.client.session.offer(view.snapshot if view else None)
        responses = []
        while (response := self.client.session.next_response(self.now_s)) is not None:
            responses.append(response)
        return responses

    def ack(self, response: Response, refusal: Refusal | None = None) -> None:
        """Have the Envoy answer."""
        self.client.session.receive(Request(response.type_url, nonce=response.nonce, refusal=refusal), self.now_s)

    def told(self) -> list[tuple[int, str, float]]:
        """Return what is told now."""
        arrivals = self.deliveries.arrived(self.client, self.now_s)
        return [(one.generation, one.node, one.ms) for one in arrivals]


@pytest.fixture
def house() -> House:
    """An Envoy that is in sync."""
    house = House()
    house.serve({CDS: {"a": "1"}, RDS: {"r": "1"}}, asked=("r",))
    return house


def test_a_change_that_is_taken(house: House) -> None:
    """It is told once, with the time since it was noticed."""
    generation = house.publish({CDS: {"a": "1"}, RDS: {"r": "2"}})
    assert house.told() == []
    (response,) = house.send()
    assert house.told() == []
    house.now_s += 0.25
    house.ack(response)
    house.now_s += 5.0
    assert house.told() == [(generation, "one", 750.0)]
    assert house.told() == []


def test_all_of_it_has_to_be_taken(house: House) -> None:
    """A cluster without the route to it is not all."""
    generation = house.publish({CDS: {"a": "1", "b": "1"}, RDS: {"r": "2"}})
    first = house.send()
    house.ack(first[0])
    assert house.told() == []
    for response in [*first[1:], *house.send()]:
        house.ack(response)
    assert [told[0] for told in house.told()] == [generation]


def test_what_is_refused_is_not_taken(house: House) -> None:
    """However long it stands."""
    house.publish({CDS: {"a": "1"}, RDS: {"r": "2"}})
    (response,) = house.send()
    house.ack(response, Refusal(13, "no"))
    house.now_s += 10.0
    assert house.told() == []


def test_what_is_refused_is_not_taken_with_what_came_beside_it(house: House) -> None:
    """The cluster was taken, and nothing is out any more."""
    house.publish({CDS: {"a": "2"}, RDS: {"r": "2"}})
    for response in house.send():
        house.ack(response, Refusal(13, "no") if response.type_url == RDS else None)
    assert house.told() == []


def test_what_is_published_once_more_before_it_was_taken(house: House) -> None:
    """Whoever takes the newer version has what the older change was about."""
    first = house.publish({CDS: {"a": "1"}, RDS: {"r": "2"}})
    second = house.publish({CDS: {"a": "1"}, RDS: {"r": "3"}})
    for response in house.send():
        house.ack(response)
    assert [told[0] for told in house.told()] == [first, second]


def test_a_removal(house: House) -> None:
    """It has been taken when the Envoy has answered."""
    generation = house.publish({RDS: {"r": "1"}})
    (response,) = house.send()
    assert house.told() == []
    house.ack(response)
    assert [told[0] for told in house.told()] == [generation]


def test_what_an_envoy_does_not_ask_for(house: House) -> None:
    """It may ask in a moment; after that, it has what it asks for."""
    generation = house.publish({CDS: {"a": "2"}, RDS: {"r": "1", "other": "1"}})
    for response in house.send():
        house.ack(response)
    assert house.told() == []
    assert house.deliveries.is_due_again(house.now_s)
    house.now_s += ASKED_WITHIN_S
    assert [told[0] for told in house.told()] == [generation]


def test_an_envoy_of_another_gateway(house: House) -> None:
    """It has nothing to do with it."""
    house.publish({CDS: {"a": "2"}, RDS: {"r": "1"}})
    for response in house.send():
        house.ack(response)
    house.client.gateways = ("default/other",)
    assert house.told() == []


def test_what_is_followed_has_a_limit(house: House) -> None:
    """In number and in time."""
    for number in range(MOST_FOLLOWED + 5):
        house.publish({CDS: {"a": f"v{number}"}, RDS: {"r": "1"}})
    for response in house.send():
        house.ack(response)
    assert len(house.told()) == MOST_FOLLOWED
    house.deliveries.forget_old(house.now_s + FOLLOWED_S - 1)
    assert house.deliveries
    house.deliveries.forget_old(house.now_s + FOLLOWED_S)
    assert not house.deliveries


def test_nothing_is_published_for_a_gateway_that_is_not_there() -> None:
    """Its snapshot is empty, loaded or not; generations count what differs."""
    store = SnapshotStore()
    assert store.snapshot(GATEWAY) is EMPTY
    assert store.generation == 0
    store.publish(GATEWAY, "eg", by_type(()))
    store.publish(GATEWAY, "eg", by_type(()))
    assert store.generation == 1
    store.remove(GATEWAY)
    store.remove(GATEWAY)
    assert (store.generation, store.snapshot(GATEWAY)) == (2, EMPTY)


def test_who_is_served_a_candidate_takes_nothing_of_what_all_others_are_served() -> None:
    """Though it has the very same by then."""
    house = House()
    house.serve({CDS: {"a": "1"}})
    house.publish({CDS: {"a": "2"}})
    house.client.is_canary = True
    (response,) = house.send()
    house.ack(response)
    assert house.told() == []
    house.client.is_canary = False
    assert [generation for generation, _, _ in house.told()] == [house.world.store.generation]
