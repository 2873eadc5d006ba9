"""Which edits are behind what is published, and for how long that is remembered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from egxds.app.untaken_edits import MOST_STEPS, UntakenEdits
from egxds.hooks.policy.outcome import Outcome
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from egxds.sessions.events import Node, Refusal, Request
from egxds.sessions.open_streams import Client, Clients
from egxds.snapshot.snapshot import EMPTY
from tests.lines_of_rooms import lines_with_empty_caches
from tests.unit.model.texts import of, route
from tests.unit.model.worlds import KINDS
from tests.wire.world import CDS, GATEWAY, State, World

A, B = (HTTP_ROUTE.key("default", name) for name in "ab")
PLACE = (CDS, "x")


class Following:
    """Objects that are edited, and resources that are said to come of them.

    Attributes:
        edits: what is under test.
        clients: the open streams, one of which takes what it is sent.
    """

    def __init__(self) -> None:
        self.edits = UntakenEdits()
        self.client: Client = Clients().open("127.0.0.1:1", 0.0, None)
        self.client.session.receive(Request(CDS, Node("one", GATEWAY)), 0.0)
        self.clients = (self.client,)
        self._world = World()
        self._store = ObjectStore(KINDS)
        self._texts = {name: route(name) for name in "ab"}
        self.state: GatewayState = self._store.update(of(*self._texts.values()))
        self._world.load({CDS: {"x": "1", "y": "1"}})
        self.answer()

    def edit(self, name: str, host: str) -> None:
        """Edit an object."""
        before = self.state
        self._texts[name] = route(name, f"hostnames: [{host}.test]")
        self.state = self._store.update(of(*self._texts.values()))
        self.edits.edited([GATEWAY], before, self.state)

    def publish(self, state: State, outcome: Outcome = Outcome.ACCEPTED) -> None:
        """Publish resources."""
        before = self._world.store.snapshot(GATEWAY)
        self._world.set(state)
        self.edits.published(GATEWAY, before, self._world.store.snapshot(GATEWAY), outcome)

    def answer(self, refusal: Refusal | None = None) -> None:
        """Have the Envoy take all that there is, or refuse it."""
        view = self._world.store.view(GATEWAY)
        self.client.session.offer(view.snapshot if view is not None else None)
        while (response := self.client.session.next_response(0.0)) is not None:
            self.client.session.receive(Request(response.type_url, nonce=response.nonce, refusal=refusal), 0.0)

    def behind(self) -> dict[str, tuple[str, ...]]:
        """Return which objects are behind the resource, with their hostnames of before."""
        found = self.edits.behind(PLACE, self.clients)
        return {key.name: getattr(item.item.content, "hostnames", ()) if item else ("",) for key, item in found.items()}


@pytest.fixture
def following() -> Following:
    """Two objects and two resources that were taken."""
    return Following()


def test_an_edit_is_behind_what_was_published_for_it_until_that_is_taken(following: Following) -> None:
    """With what was in force before the first of several."""
    following.edit("a", "one")
    following.publish({CDS: {"x": "2", "y": "1"}})
    following.edit("a", "two")
    following.publish({CDS: {"x": "3", "y": "1"}})
    assert following.behind() == {"a": ()}
    assert following.edits.is_open([A], following.clients)
    following.answer(Refusal(13, "no"))
    assert following.behind() == {"a": ()}
    assert not following.edits.is_open([A], following.clients)
    following.publish({CDS: {"x": "4", "y": "1"}})
    following.answer()
    assert following.behind() == {}
    following.edits.forget_taken(following.clients)
    assert not following.edits


def test_what_was_taken_is_not_behind_what_comes_later(following: Following) -> None:
    """Nobody has to have looked in between."""
    following.edit("a", "one")
    following.publish({CDS: {"x": "2", "y": "1"}})
    following.answer()
    following.edit("b", "one")
    following.publish({CDS: {"x": "3", "y": "1"}})
    assert following.behind() == {"b": ()}


def test_another_resource_is_another_matter(following: Following) -> None:
    """An edit that changes nothing of it is not behind it."""
    following.edit("a", "one")
    following.publish({CDS: {"x": "1", "y": "2"}})
    assert following.behind() == {}


def test_what_hooks_hold_is_published_later(following: Following) -> None:
    """And what they let through without a difference is no edit of anything."""
    following.edit("a", "one")
    following.publish({CDS: {"x": "1", "y": "1"}}, Outcome.HELD)
    assert following.edits.is_unpublished(A, [GATEWAY])
    assert not following.edits.is_unpublished(A, ["default/other"])
    following.publish({CDS: {"x": "2", "y": "1"}})
    assert following.behind() == {"a": ()}
    following.edit("b", "one")
    following.publish({CDS: {"x": "2", "y": "1"}})
    assert not following.edits.is_unpublished(B, [GATEWAY])
    assert following.behind() == {"a": ()}


def test_a_resource_or_a_gateway_that_is_gone_is_forgotten(following: Following) -> None:
    """Nobody will ever take it."""
    following.edit("a", "one")
    following.publish({CDS: {"x": "2", "y": "1"}})
    following.publish({CDS: {"y": "1"}})
    following.edits.forget_taken(following.clients)
    assert not following.edits
    following.edit("a", "two")
    following.edits.published(GATEWAY, EMPTY, EMPTY, None)
    assert not following.edits.is_unpublished(A, [GATEWAY])


def test_only_so_much_is_remembered(following: Following) -> None:
    """Without an Envoy that takes anything."""
    for number in range(MOST_STEPS + 10):
        following.edit("a", f"host{number}")
        following.publish({CDS: {"x": f"{number + 2}", "y": "1"}})
    assert len(following.edits._steps) == MOST_STEPS
    assert following.behind() == {"a": ("host9.test",)}


def test_to_take_note_of_an_edit_costs_the_edit() -> None:
    """Among any number of resources."""
    costs = []
    for count in (10, 1000):
        following = Following()
        others = {f"other{number}": "1" for number in range(count)}
        following.publish({CDS: {"x": "1", "y": "1", **others}})
        following.edit("a", "one")
        before = following._world.store.snapshot(GATEWAY)
        resources = before.of(CDS)
        now = before.replaced({CDS: resources.edited({"x": replace(resources["x"], version="other")})})
        with lines_with_empty_caches() as counted:
            following.edits.published(GATEWAY, before, now, Outcome.ACCEPTED)
        costs.append(counted["app"])
    assert costs[0] == costs[1] > 0
