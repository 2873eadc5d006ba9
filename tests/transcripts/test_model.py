"""A random server and a fake Envoy, held against what delta xDS promises whatever they do."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Set as AbstractSet
from random import Random
from types import MappingProxyType

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from egxds.names import CLUSTER, ENDPOINT, LISTENER, ROUTE_CONFIGURATION, SECRET
from egxds.resources.resource import Key
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.events import Request, Response
from egxds.sessions.in_flight import ACK_TIMEOUT_S
from egxds.sessions.used_unacked import UsedUnackedByNode
from egxds.snapshot.snapshot import Snapshot
from tests.transcripts.fake_envoy import IN_ORDER_OF_USE, NAMED_TYPES, WILDCARD_TYPES, FakeEnvoy, is_bad
from tests.transcripts.random_world import CLUSTERS, LISTENERS, ROUTES, World

ROUNDS = 300
SETTLED_S = 40.0
"""What was refused is tried again within less; where nothing new was sent for so long, nothing is to come."""
SMALL = 750
"""Bytes of a response that has room for two resources."""
RANDOM = st.integers(0, 9999).map(Random)
FEW = st.integers(1, 4)


class DeltaModel(RuleBasedStateMachine):
    """Snapshots come, requests and responses travel in their own time, streams break."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.snapshot: Snapshot | None = None
        self.envoy = FakeEnvoy()
        self.history: list[Snapshot] = []
        self.published: list[Snapshot] = []
        self.used_unacked = UsedUnackedByNode()
        self.max_response_bytes: int | None = None
        self.now_s = 0.0
        self.last_news_s = 0.0
        self.has_timed_out = False
        self._open()

    def make_session(self) -> DeltaSession:
        """Make a session for a new stream."""
        return DeltaSession(used_unacked=self.used_unacked, max_response_bytes=self.max_response_bytes)

    def _open(self) -> None:
        self.session = self.make_session()
        self.has_lost_ack = False
        self.session.offer(self.snapshot)
        self.history = self.history[-1:]
        self.inbox: deque[Response] = deque()
        self.asked: dict[str, set[str]] = {type_url: set() for type_url in IN_ORDER_OF_USE}
        self.unanswered: set[Key] = set()
        self.reported: set[Key] = set()
        self.sent: set[Key] = set()
        self.versions: dict[Key, str] = {}
        self.nonces: set[str] = set()
        self.envoy.connect()
        self._deliver(len(self.envoy.outbox))

    # What the world does.

    @initialize(random=RANDOM)
    def start(self, random: Random) -> None:
        """Some streams open before anything is loaded; some clients take small responses only."""
        self.max_response_bytes = random.choice((None, SMALL))
        self._open()
        if random.random() < 0.7:
            self.publish(random)

    @rule(random=RANDOM)
    def publish(self, random: Random) -> None:
        """Everything may change; or what was there before is back, the very same objects."""
        snapshot = self.world.snapshot(random)
        self._publish(random.choice(self.published) if self.published and random.random() < 0.1 else snapshot)

    @precondition(lambda self: self.snapshot is not None)
    @rule(random=RANDOM)
    def publish_one_type(self, random: Random) -> None:
        """Endpoints or secrets change, and nothing else."""
        assert self.snapshot is not None
        type_url = random.choice((ENDPOINT, SECRET))
        types = {**self.snapshot.resources, type_url: self.world.snapshot(random).of(type_url)}
        self._publish(Snapshot(MappingProxyType(types)))

    @rule(count=FEW)
    def write(self, count: int) -> None:
        """The server writes what it has to say, or a part of it."""
        for _ in range(count):
            response = self.session.next_response(self.now_s)
            if response is None:
                # The wire looks once, and then sleeps.
                assert self.session.next_response(self.now_s) is None
                return
            self._check(response)
            self.inbox.append(response)

    @rule(count=FEW, random=RANDOM)
    def read(self, count: int, random: Random) -> None:
        """The client reads some of it."""
        for _ in range(min(count, len(self.inbox))):
            response = self.inbox.popleft()
            self._check_references(response)
            self.envoy.read(response, random)

    @rule(count=FEW)
    def deliver(self, count: int) -> None:
        """Some requests arrive."""
        self._deliver(min(count, len(self.envoy.outbox)))

    @precondition(lambda self: any(_is_pure_ack(request) for request in self.envoy.outbox))
    @rule()
    def lose_ack(self) -> None:
        """An ACK is never sent."""
        lost = next(request for request in self.envoy.outbox if _is_pure_ack(request))
        self.envoy.outbox.remove(lost)
        self.has_timed_out = self.has_lost_ack = True

    @rule()
    def wait(self) -> None:
        """Time goes by, more than an ACK is waited for."""
        self.now_s += ACK_TIMEOUT_S
        self.has_timed_out = True

    @rule(random=RANDOM)
    def make_impossible(self, random: Random) -> None:
        """The client's machine does not allow something: another program has the port, a file is missing."""
        names = {CLUSTER: CLUSTERS, ENDPOINT: CLUSTERS, LISTENER: LISTENERS, ROUTE_CONFIGURATION: ROUTES}
        type_url = random.choice(list(names))
        self.envoy.impossible.add((type_url, random.choice(names[type_url])))

    @rule()
    def make_possible(self) -> None:
        """The machine allows everything again."""
        self.envoy.impossible.clear()

    @rule()
    def try_again(self) -> None:
        """Somebody who knows of it says so."""
        self.session.try_again(self.now_s)

    @rule()
    def drain(self) -> None:
        """Old Listeners are gone."""
        self.envoy.finish_draining()

    @precondition(lambda self: any(self.envoy.subscribed.values()))
    @rule(random=RANDOM)
    def take_again(self, random: Random) -> None:
        """The client drops a name and takes it again in one request."""
        names = sorted((type_url, name) for type_url in NAMED_TYPES for name in self.envoy.subscribed[type_url])
        self.envoy.take_again(*random.choice(names))

    @rule()
    def reconnect(self) -> None:
        """The stream breaks; the client opens another."""
        self._open()

    @precondition(lambda self: any(_is_partly_bad(response) for response in self.inbox))
    @rule(random=RANDOM)
    def break_behind_a_refusal(self, random: Random) -> None:
        """The client uses what is good of a response, refuses it, and is cut off; meanwhile everything changes."""
        self.read(len(self.inbox), random)
        self._open()
        self.publish(random)

    @rule()
    def restart(self) -> None:
        """Another process takes the client's place under the same node id, and holds nothing."""
        self.envoy = FakeEnvoy()
        self._open()

    @precondition(lambda self: self.snapshot is not None)
    @rule(random=RANDOM)
    def settle(self, random: Random) -> None:
        """Left alone on a machine that allows everything, both come to rest, and agree."""
        self.envoy.impossible.clear()
        self.last_news_s = self.now_s
        for _ in range(ROUNDS):
            self.envoy.finish_draining()
            self._deliver(len(self.envoy.outbox))
            self.write(len(IN_ORDER_OF_USE))
            self.read(len(self.inbox), random)
            if not self.inbox and not self.envoy.outbox and not (self._wake() and self._is_anything_new()):
                self._check_warm()
                if not self.envoy.give_up_waiting():
                    break
        else:
            raise AssertionError("the session does not come to rest")
        self._check_agreement()
        self.has_timed_out = False

    def teardown(self) -> None:
        """Every run ends at rest."""
        if self.snapshot is not None:
            self.settle(Random(0))

    # How it is done.

    def _publish(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.history.append(snapshot)
        self.published = [*self.published[-2:], snapshot]
        self.session.offer(snapshot)

    def _deliver(self, count: int) -> None:
        for _ in range(count):
            request = self.envoy.outbox.popleft()
            self._note(request)
            self.session.receive(request, self.now_s)

    def _note(self, request: Request) -> None:
        type_url = request.type_url
        is_resent = type_url in (ENDPOINT, SECRET)
        self.reported |= {(type_url, name) for name in request.initial_versions}
        self.asked[type_url] |= set(request.subscribe)
        for name in request.subscribe:
            if is_resent or name not in request.initial_versions:
                self.unanswered.add((type_url, name))
        self.asked[type_url] -= set(request.unsubscribe)
        self.unanswered -= {(type_url, name) for name in request.unsubscribe}

    def _wake(self) -> bool:
        """Let time go by where that makes something due."""
        response = self.session.next_response(self.now_s)
        if response is not None:
            self._check(response)
            self.inbox.append(response)
            return True
        wakes_at = self.session.wakes_at()
        if wakes_at is None:
            return False
        assert wakes_at > self.now_s
        self.now_s = wakes_at
        return True

    def _is_anything_new(self) -> bool:
        return self.now_s < self.last_news_s + SETTLED_S

    # What must hold.

    def _check(self, response: Response) -> None:
        """What may be in a response."""
        type_url = response.type_url
        names = [resource.name for resource in response.resources]
        assert names or response.removed or not response.heartbeats
        assert sum(resource.size_bytes for resource in response.resources) <= (self.max_response_bytes or math.inf)
        assert names == sorted(set(names))
        assert list(response.removed) == sorted(set(response.removed) - set(names))
        assert response.nonce
        assert response.nonce not in self.nonces
        self.nonces.add(response.nonce)
        self._check_origin(response)
        if response.removed or any(
            self.versions.get((type_url, one.name)) != one.version for one in response.resources
        ):
            self.last_news_s = self.now_s
        self.versions |= {(type_url, one.name): one.version for one in response.resources}
        for resource in response.resources:
            assert type_url in WILDCARD_TYPES or resource.name in self.asked[type_url]
        for name in response.removed:
            is_wanted = type_url in WILDCARD_TYPES or name in self.asked[type_url]
            assert is_wanted or (type_url, name) in self.reported
            assert type_url != ROUTE_CONFIGURATION or (type_url, name) in self.reported | self.sent
        self.sent |= {(type_url, name) for name in names}
        self.unanswered -= {(type_url, name) for name in (*names, *response.removed)}

    def _check_origin(self, response: Response) -> None:
        """It is from one snapshot, none older than one that was used."""
        while not _is_from(response, self.history[0], self.asked[response.type_url]):
            self.history.pop(0)
            assert self.history, "no snapshot has this"

    def _check_references(self, response: Response) -> None:
        """No cluster goes while the client sends traffic to it, but for want of routes that never come, or are gone."""
        if response.type_url != CLUSTER or self.has_timed_out:
            return
        in_use = self.envoy.routes_in_use.items()
        routes = {name for listener, used in in_use if self._has_its_routes(listener) for name in used}
        held = self.envoy.held[ROUTE_CONFIGURATION]
        used_clusters = {name for route in routes if route in held for name in self.world.routed[held[route]]}
        assert not used_clusters.intersection(response.removed)

    def _check_agreement(self) -> None:
        """The client holds what it asks for, has been answered, and waits for nothing."""
        assert self.snapshot is not None
        for type_url in WILDCARD_TYPES:
            extra = self.envoy.held[type_url].keys() - self.snapshot.of(type_url).keys()
            # The server cannot tell a refusal that was followed by a lost ACK from one that still holds.
            is_kept = type_url == CLUSTER and (self.has_lost_ack or self._is_any_bad(LISTENER, ROUTE_CONFIGURATION))
            assert is_kept or not extra
            self._check_held(type_url, self.snapshot.of(type_url).keys())
        for type_url in NAMED_TYPES:
            self._check_held(type_url, self.envoy.subscribed[type_url] & self.snapshot.of(type_url).keys())
        there = {(type_url, name) for type_url, mapping in self.snapshot.resources.items() for name in mapping}
        assert not {key for key in self.unanswered if key in there or key[0] != ROUTE_CONFIGURATION}
        for type_url in IN_ORDER_OF_USE:
            if any(status.type_url == type_url for status in self.session.status()):
                self.session.receive(Request(type_url), self.now_s)
        response = self.session.next_response(self.now_s)
        assert response is None or self._is_in_vain(response)
        self.inbox.extend([response] if response is not None else [])

    def _has_its_routes(self, listener: str) -> bool:
        assert self.snapshot is not None
        children = self.envoy.held[LISTENER][listener].children
        wanted = {name for kind, name in children if kind == ROUTE_CONFIGURATION}
        return wanted <= self.snapshot.of(ROUTE_CONFIGURATION).keys()

    def _is_any_bad(self, *type_urls: str) -> bool:
        assert self.snapshot is not None
        return any(is_bad(item) for type_url in type_urls for item in self.snapshot.of(type_url).values())

    def _check_warm(self) -> None:
        """No parent waits for a child that there is."""
        assert self.snapshot is not None
        for type_url, name in self.envoy.cold:
            child = self.snapshot.of(type_url).get(name)
            assert child is None or is_bad(child), f"{name} was not sent after what refers to it"

    def _check_held(self, type_url: str, names: AbstractSet[str]) -> None:
        assert self.snapshot is not None
        mapping, held = self.snapshot.of(type_url), self.envoy.held[type_url]
        in_the_way = self._held_by_bad_ones() if type_url == LISTENER else set()
        expected = {name: mapping[name].version for name in names - in_the_way if not is_bad(mapping[name])}
        assert {name: held[name].version for name in expected if name in held} == expected

    def _held_by_bad_ones(self) -> set[str]:
        """Return the Listeners whose address another has, which cannot leave it for a bad version, or like this."""
        assert self.snapshot is not None
        mapping, held = self.snapshot.of(LISTENER), self.envoy.held[LISTENER]
        stuck = {name for name, listener in mapping.items() if is_bad(listener)}
        for _ in LISTENERS:
            sockets = frozenset[object]().union(*(held[name].sockets for name in stuck if name in held))
            stuck |= {name for name, listener in mapping.items() if listener.sockets & sockets}
        return stuck

    def _is_in_vain(self, response: Response) -> bool:
        """Say whether a response tries again what cannot be taken as things are."""
        in_the_way = self._held_by_bad_ones() if response.type_url == LISTENER else set()
        is_hopeless = all(is_bad(one) or one.name in in_the_way for one in response.resources)
        return response.is_retry and not response.removed and is_hopeless


def _is_partly_bad(response: Response) -> bool:
    bad = [is_bad(resource) for resource in response.resources]
    return response.type_url in WILDCARD_TYPES and any(bad) and not all(bad)


def _is_from(response: Response, snapshot: Snapshot, asked: AbstractSet[str]) -> bool:
    mapping = snapshot.of(response.type_url)
    is_there = all(mapping.get(resource.name) == resource for resource in response.resources)
    return is_there and not any(name in mapping and name in asked for name in response.removed)


def _is_pure_ack(request: Request) -> bool:
    return bool(request.nonce) and request.refusal is None


DeltaModel.TestCase.settings = settings(max_examples=100, stateful_step_count=30, derandomize=True)
TestDeltaModel = DeltaModel.TestCase
