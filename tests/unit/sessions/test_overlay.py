"""What rests on a shared mapping is what it would be in a dict or a set of its own, and costs next to nothing."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from egxds.incremental.revision import Revision
from egxds.names import CLUSTER, ENDPOINT, LISTENER
from egxds.sessions import in_order, overlay
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.events import Node, Request
from egxds.sessions.in_order import InOrder, InOrderByType
from egxds.sessions.overlay import Names, Versions
from egxds.sessions.used_unacked import UsedUnackedByNode
from egxds.snapshot.snapshot import NOTHING, Snapshot, VersionedResource, VersionedResources

NAMES = st.sampled_from("abcdefgh")
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.dictionaries(NAMES, st.sampled_from(("1", "2", "")))),
        st.tuples(st.just("drop"), st.sets(NAMES)),
        st.tuples(st.just("rest on"), st.dictionaries(NAMES, st.sampled_from("12"))),
        st.tuples(st.just("rest on what is there"), st.none()),
        st.tuples(st.just("rest on another"), st.dictionaries(NAMES, st.sampled_from("12"))),
        st.tuples(st.just("take all"), st.none()),
        st.tuples(st.just("take"), st.sets(NAMES)),
    ),
    max_size=20,
)


@pytest.fixture(autouse=True)
def _few_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Share from few names on."""
    for module in (overlay, in_order):
        monkeypatch.setattr(module, "SHARED_FROM", 2)


def _made(versions: dict[str, str]) -> dict[str, VersionedResource]:
    return {name: VersionedResource(CLUSTER, name, version, b"", b"") for name, version in versions.items()}


def _next(before: VersionedResources, versions: dict[str, str]) -> VersionedResources:
    made = _made(versions)
    return before.renewed({name: _same(before.get(name), one) for name, one in made.items()})


def _same(before: VersionedResource | None, now: VersionedResource) -> VersionedResource:
    return before if before == now else now


class Pair:
    """What is looked at, and plain collections beside it."""

    def __init__(self) -> None:
        self.in_order = InOrder()
        self.versions, self.plain = Versions(self.in_order), dict[str, str]()
        self.names, self.plain_names = Names(), set[str]()
        self.mapping = NOTHING

    def step(self, what: str, argument: object) -> None:
        """Do the same to both."""
        if isinstance(argument, dict) and what == "put":
            self._put(argument)
        elif isinstance(argument, set) and what == "drop":
            self._drop(argument)
        elif isinstance(argument, set):
            self._take(tuple(self.mapping[name] for name in argument if name in self.mapping))
        elif what == "take all":
            self._take(self.in_order.all_of(self.mapping))
        else:
            self._rest(what, argument if isinstance(argument, dict) else self.plain)

    def _put(self, versions: dict[str, str]) -> None:
        for name, version in versions.items():
            self.versions.put(name, version)
        self.plain |= versions
        self.names.add(versions)
        self.plain_names |= versions.keys()

    def _drop(self, names: set[str]) -> None:
        for name in names:
            self.versions.drop((name,))
            self.plain.pop(name, None)
        self.names.discard(names)
        self.plain_names -= names

    def _take(self, resources: tuple[VersionedResource, ...]) -> None:
        self.versions.put_all(resources)
        self.plain |= {one.name: one.version for one in resources}

    def _rest(self, what: str, versions: dict[str, str]) -> None:
        self.mapping = _next(NOTHING if what == "rest on another" else self.mapping, versions)
        self.versions.rest_on(self.mapping)
        self.names.rest_on(self.mapping)

    def check(self) -> None:
        """They say the same."""
        assert self.versions.all() == self.plain
        assert set(self.names) == self.plain_names
        assert len(self.names) == len(self.plain_names)
        for name in "abcdefgh":
            assert self.versions.get(name) == self.plain.get(name)
            assert (name in self.versions) == (name in self.plain)
            assert (name in self.names) == (name in self.plain_names)
        assert self.names.among(set("abcd")) == self.plain_names & set("abcd")
        there = {name: one.version for name, one in self.mapping.items()}
        differing = {name for name in {*there, *self.plain} if there.get(name) != self.plain.get(name)}
        assert set(self.versions.differing_from(self.mapping)) == differing


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_STEPS)
def test_sharing_does_not_show(steps: list[tuple[str, object]]) -> None:
    """Whatever is put in and taken out, and whatever it rests on."""
    pair = Pair()
    for what, argument in steps:
        pair.step(what, argument)
        pair.check()


MANY = 2_000
LIMIT_BYTES = 50_000


def _in_sync(
    snapshot: Snapshot, in_order: InOrderByType, *, reports: bool, asks: tuple[str, ...], in_doubt: bool
) -> DeltaSession:
    """Make a session of a client that has everything; its names and versions are strings of its own."""
    held = {
        kind: {"".join(name): one.version[:] for name, one in snapshot.of(kind).items()} for kind in (CLUSTER, ENDPOINT)
    }
    used_unacked = UsedUnackedByNode()
    if in_doubt:
        earlier = [replace(one, version="earlier") for one in snapshot.of(CLUSTER).values()]
        used_unacked.of("n", CLUSTER).sent(earlier, ())
    session = DeltaSession(in_order=in_order, used_unacked=used_unacked)
    session.offer(snapshot)
    session.receive(Request(CLUSTER, Node("n", "c"), initial_versions=held[CLUSTER] if reports else {}), 0.0)
    names = tuple(name + "" for name in held[ENDPOINT])
    session.receive(Request(ENDPOINT, subscribe=names, initial_versions=held[ENDPOINT] if reports else {}), 0.0)
    for type_url in asks:
        session.receive(Request(type_url), 0.0)
    while (response := session.next_response(0.0)) is not None:
        session.receive(Request(response.type_url, nonce=response.nonce), 0.0)
    return session


@pytest.mark.parametrize("in_doubt", [False, True], ids=["", "of a node that others have too"])
@pytest.mark.parametrize("asks", [(LISTENER,), ()], ids=["", "no routes ever"])
@pytest.mark.parametrize("reports", [False, True], ids=["first connection", "reconnect"])
def test_client_in_sync_costs_next_to_nothing(reports: bool, asks: tuple[str, ...], in_doubt: bool) -> None:
    """However many resources it follows: it has what the snapshot has, and that is there once."""
    versions = {f"a cluster by the number {number}": str(number) for number in range(MANY)}
    made = {kind: _made(versions) for kind in (CLUSTER, ENDPOINT)}
    made[CLUSTER] = {name: replace(one, children=((ENDPOINT, name),)) for name, one in made[CLUSTER].items()}
    snapshot, in_order = Snapshot({kind: Revision(of_kind) for kind, of_kind in made.items()}), InOrderByType()

    def in_sync() -> DeltaSession:
        return _in_sync(snapshot, in_order, reports=reports, asks=asks, in_doubt=in_doubt)

    in_sync()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        sessions = [in_sync() for _ in range(3)]
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert (after - before) / len(sessions) < LIMIT_BYTES
    for session in sessions:
        clusters, endpoints = session.status()[:2]
        assert (len(clusters.resources), len(endpoints.resources), endpoints.subscribed) == (MANY, MANY, MANY)
