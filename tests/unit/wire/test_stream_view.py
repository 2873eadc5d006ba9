"""Streams between two stores: whatever comes, each ends up with what its store has, and is sent nothing for nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import hypothesis.strategies as st
from hypothesis import given, settings

from egxds.inspect.envoys import OfferedState
from egxds.inspect.status import StatusStore
from egxds.names import CLUSTER, ROUTE_CONFIGURATION
from egxds.resources.resource import Resource
from egxds.sessions.events import Node, Request
from egxds.sessions.open_streams import Clients
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics
from egxds.wire.xds.client_lines import ClientLines
from egxds.wire.xds.report import StreamReport
from egxds.wire.xds.stream_view import StreamView
from tests.revisions import by_type
from tests.unit.snapshot.resources import cluster

GATEWAY, SECOND = "ns/web", "ns/second"
NODES = ("canary", "other")
NAMES = ("a", "b", "c")

Words = dict[str, str]
"""Name → content."""


def _resources(words: Words) -> tuple[Resource, ...]:
    clusters = (cluster(name, word) for name, word in words.items())
    routes = (Resource(ROUTE_CONFIGURATION, name, word.encode()) for name, word in words.items())
    return (*clusters, *routes)


@dataclass
class Stream:
    """An Envoy of one Gateway, which wants all clusters, and routes by name.

    Attributes:
        node: its id.
        woken: how often it was, since it looked last.
        held: type URL and name → version of what it has.
        asked: names of routes that it wants.
        needless: what it was sent though it had that very version, and did not ask.
        gateway: what it selects.
    """

    world: World
    node: str
    woken: int = 0
    held: dict[tuple[str, str], str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    needless: list[str] = field(default_factory=list)
    gateway: str = GATEWAY

    def __post_init__(self) -> None:
        world = self.world
        self.client = world.clients.open(f"127.0.0.1:{self.node}", 0.0, None)
        report = StreamReport(self.client, ClientLines(), world.metrics, world.status)
        self.view = StreamView(world.stores, self.client, report, self._wake)
        self._just_asked: set[str] = set()
        node = Node(self.node, self.gateway, "envoy")
        self.client.session.receive(Request(CLUSTER, node=node), 0.0)
        report.opened(node)
        self.view.open(node)
        self.report = report

    def _wake(self) -> None:
        self.woken += 1

    def ask(self, name: str) -> None:
        """Want a route."""
        self.asked.add(name)
        self._just_asked.add(name)
        self.client.session.receive(Request(ROUTE_CONFIGURATION, subscribe=(name,)), 0.0)

    def read(self, most: int = 1000) -> None:
        """Take some responses, as the writer sends them: each of what there is then."""
        for _ in range(most):
            self.woken = 0
            self.view.renew()
            response = self.client.session.next_response(0.0)
            if response is None:
                if self.client.session.has_taken_all():
                    self.report.took_all()
                return
            for each in response.resources:
                place = (each.type_url, each.name)
                if self.held.get(place) == each.version and each.name not in self._just_asked:
                    self.needless.append(each.name)
                self.held[place] = each.version
            for name in response.removed:
                self.held.pop((response.type_url, name), None)
            if response.type_url == ROUTE_CONFIGURATION:
                self._just_asked.clear()
            self.client.session.receive(Request(response.type_url, nonce=response.nonce), 0.0)

    def is_to_hold(self) -> dict[tuple[str, str], str]:
        """Return what it asks for of what its store has."""
        view = self.world.stores.of(self.node).view(GATEWAY)
        if view is None:
            return {}
        of = {type_url: view.snapshot.of(type_url) for type_url in (CLUSTER, ROUTE_CONFIGURATION)}
        return {
            (type_url, name): one.version
            for type_url, resources in of.items()
            for name, one in resources.items()
            if type_url == CLUSTER or name in self.asked
        }


class World:
    """Two streams, a head, and perhaps a candidate."""

    def __init__(self) -> None:
        self.clients, self.status, self.metrics = Clients(), StatusStore(), Metrics()
        self.head = SnapshotStore()
        self.stores = Stores(self.head)
        self.candidate = SnapshotStore()
        self.publish("head", {})
        self.head.mark_loaded()
        self.streams = {node: Stream(self, node) for node in NODES}

    def publish(self, which: str, words: Words) -> None:
        """Have something else in a store."""
        store = self.head if which == "head" else self.candidate
        store.publish(GATEWAY, "edge", by_type(_resources(words)))

    def remove(self, which: str) -> None:
        """Take the Gateway away."""
        (self.head if which == "head" else self.candidate).remove(GATEWAY)

    def begin(self, words: Words | None, is_beside: bool = True) -> None:
        """Serve the next candidate, perhaps one that was begun beside the head; None for one without the Gateway."""
        self.candidate = self.head.beside() if is_beside else SnapshotStore()
        if words is not None:
            self.publish("candidate", words)
        self.candidate.mark_loaded()
        self._unbothered(lambda: self.stores.serve(self.candidate, ["canary"]))

    def withdraw(self) -> None:
        """Take the candidate back."""
        self._unbothered(self.stores.withdraw)

    def _unbothered(self, change: object) -> None:
        """Do something that is none of the other's business."""
        before = self.streams["other"].woken
        assert callable(change)
        change()
        assert self.streams["other"].woken == before

    def ask(self, node: str, name: str) -> None:
        """Have a stream want a route."""
        self.streams[node].ask(name)

    def read(self, node: str, most: int) -> None:
        """Have a stream take some responses."""
        self.streams[node].read(most)

    def connect(self, node: str) -> None:
        """Have it come anew, with nothing."""
        self.streams[node].view.close()
        self.clients.close(self.streams[node].client)
        self.streams[node] = Stream(self, node)


_WORDS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from("12"))
_WHICH = st.sampled_from(("head", "candidate"))
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), _WHICH, _WORDS),
        st.tuples(st.just("remove"), _WHICH),
        st.tuples(st.just("begin"), st.one_of(st.none(), _WORDS), st.booleans()),
        st.tuples(st.just("withdraw")),
        st.tuples(st.just("ask"), st.sampled_from(NODES), st.sampled_from(NAMES)),
        st.tuples(st.just("read"), st.sampled_from(NODES), st.integers(1, 3)),
        st.tuples(st.just("connect"), st.sampled_from(NODES)),
    ),
    max_size=14,
)


@settings(max_examples=400, deadline=None)
@given(_STEPS)
def test_after_quiet_a_client_has_what_its_store_has(steps: list[tuple[object, ...]]) -> None:
    """Any order of candidates, publishes, questions and reads."""
    world = World()
    for name, *arguments in steps:
        getattr(world, str(name))(*arguments)
    for stream in world.streams.values():
        stream.read()
        assert stream.held == stream.is_to_hold()
        assert stream.needless == []
        assert stream.client.is_canary == (world.stores.of(stream.node) is not world.head)
        _is_in_sync(world, stream)


def _is_in_sync(world: World, stream: Stream) -> None:
    """It has taken the newest of its own store, and by that nothing of another one."""
    choice = world.stores.choice(stream.node)
    view = choice.store.view(GATEWAY)
    assert view is not None
    number, book = stream.client.stream, world.status.envoys
    assert book.has_taken(number, OfferedState(view.generation, choice.turn))
    assert not book.has_taken(number, OfferedState(view.generation, choice.turn + 1))


def test_it_is_woken_once_for_all_that_changes_before_it_looks() -> None:
    """And not at all for what is over by then, which it never hears of."""
    world = World()
    canary = world.streams["canary"]
    canary.read()
    world.begin({"a": "1"})
    world.publish("candidate", {"a": "2"})
    world.withdraw()
    assert canary.woken == 1
    canary.read()
    assert canary.held == {}
    world.publish("candidate", {"a": "3"})
    assert canary.woken == 0


def test_a_stream_that_has_ended_is_subscribed_to_nothing() -> None:
    """Neither to the store that it came from, nor to the one that it went to; nor one that said nothing."""
    world = World()
    world.begin({"a": "1"})
    for stream in world.streams.values():
        stream.read()
        stream.view.close()
    silent = StreamView(world.stores, world.streams["canary"].client, world.streams["canary"].report, lambda: None)
    silent.renew()
    silent.close()
    assert (silent.there_is(), world.head._subscribers, world.candidate._subscribers) == (None, {}, {})
    assert world.stores._subscribers == {}


def test_what_is_published_for_a_candidate_wakes_who_came_over_to_it() -> None:
    """And what is published for the head does, once it is back."""
    world = World()
    canary = world.streams["canary"]
    world.begin({"a": "1"})
    canary.read()
    world.publish("head", {"a": "2"})
    assert canary.woken == 0
    world.publish("candidate", {"a": "3"})
    assert canary.woken == 1
    canary.read()
    assert canary.held == canary.is_to_hold()


def test_what_only_a_candidate_had_goes_with_it_be_there_another_one_at_once() -> None:
    """Its Gateway is in no other, and the stream had no time to look at what was in between."""
    world = World()
    for gateway in (GATEWAY, "ns/third"):
        world.head.publish(gateway, "edge", by_type(_resources({"a": "1"})))
    canary = Stream(world, "canary", gateway=SECOND)
    world.candidate = world.head.beside()
    for gateway in (GATEWAY, "ns/third", SECOND):
        world.candidate.publish(gateway, "edge", by_type(_resources({"b": "1"})))
    world.candidate.mark_loaded()
    world.stores.serve(world.candidate, ["canary"])
    canary.read()
    assert [name for _, name in canary.held] == ["b"]
    following = world.head.beside()
    for gateway in (GATEWAY, "ns/third"):
        following.publish(gateway, "edge", by_type(_resources({"a": "2"})))
    following.mark_loaded()
    world.stores.withdraw()
    world.stores.serve(following, ["canary"])
    canary.read()
    assert canary.held == {}
    assert following.view(SECOND) is None
