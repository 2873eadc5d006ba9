"""Publishers, candidates, replicas, Envoys and an etcd that fails, in any order: what is served, and what is told.

Whoever serves something serves a whole generation, by the bytes and versions that it comes to for somebody who has
seen no other; no replica goes back without somebody's word, also where etcd does; an Envoy that goes to another
replica is told nothing that it has; a candidate is served to its nodes, whole, and to nobody else, and who has it is
told nothing when all have it; after quiet all are at the head. Planted faults show that the story notices.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egxds.app.etcd_source import PublishedTrees
from egxds.app.publisher import Publisher
from egxds.files.documents.document import FileTree
from egxds.files.reading.content import Scope
from egxds.published import fetching, following
from egxds.published.generation import Difference, Generation
from egxds.published.head import Head
from egxds.sessions.delta_session import DeltaSession
from egxds.snapshot import gateway as snapshot_gateway
from egxds.snapshot.snapshot import VersionedResource, version_resource
from egxds.snapshot.stores import Stores
from tests.unit.app.fleet_story import CANARY, ENVOYS, LIMIT_S, REPLICAS, Step, Story, site

_SOON_S = 1.0
SITES = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(("echo", "own"))).map(site)
WHICH = st.integers(0, REPLICAS - 1)
STEPS = st.one_of(
    st.tuples(st.just("publish"), SITES),
    st.tuples(st.just("publish"), SITES),
    st.tuples(st.just("put"), SITES),
    st.tuples(st.sampled_from(("promote", "take back")), st.none()),
    st.tuples(st.sampled_from(("roll back", "sweep", "compact", "fail before", "fail after")), st.none()),
    st.tuples(st.sampled_from(("back up", "restore")), st.none()),
    st.tuples(st.sampled_from(("cut off", "let through", "break watches", "restart")), WHICH),
    st.tuples(st.just("move"), st.tuples(st.integers(0, ENVOYS - 1), WHICH)),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_any_order(steps: list[Step]) -> None:
    """Whatever happens before."""
    anyio.run(Story().tell, steps)


EDITED: Sequence[Step] = (
    ("publish", site({"a": "echo", "b": "echo"})),
    ("publish", site({"a": "own"})),
    ("move", (0, 1)),
    ("cut off", 0),
    ("publish", site({"a": "own", "c": "own"})),
    ("move", (0, 2)),
    ("let through", 0),
    ("restart", 0),
)


FIRST_FOR_ONE: Sequence[Step] = (
    ("publish", site({"a": "echo", "b": "echo"})),
    ("put", site({"a": "own"})),
    ("move", (0, 1)),
    ("promote", None),
    ("put", site({"a": "own", "c": "own"})),
    ("take back", None),
    ("put", site({"d": "own"})),
    ("cut off", 1),
    ("publish", site({"a": "own", "e": "own"})),
    ("let through", 1),
)


WENT_BACK: Sequence[Step] = (("back up", None), ("publish", site({"a": "echo"})), ("restore", None))


def told(steps: Sequence[Step] = EDITED, limit_s: float = LIMIT_S) -> None:
    """Tell a story that notices planted faults."""
    anyio.run(Story().tell, steps, limit_s)


def noticed(said: str, steps: Sequence[Step] = EDITED) -> None:
    """Tell it where something is wrong, and see what is said of that."""
    with pytest.raises(ExceptionGroup) as caught:
        told(steps)
    assert caught.group_contains(AssertionError, match=said)


@pytest.mark.parametrize("steps", [EDITED, FIRST_FOR_ONE, WENT_BACK], ids=["edited", "first for one", "went back"])
def test_the_story_is_told(steps: Sequence[Step]) -> None:
    """Without a fault nothing is noticed."""
    told(steps)


def test_it_is_noticed_where_a_store_that_went_back_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anybody's word."""
    monkeypatch.setattr(Head, "why_not_after", lambda *_: "")
    noticed("it went back", WENT_BACK)


def test_it_is_noticed_where_replicas_have_versions_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """An Envoy that comes is told what it has."""
    number = itertools.count()

    def counted(*args: object) -> VersionedResource:
        found = version_resource(*args)  # type: ignore[arg-type]
        return VersionedResource(
            found.type_url, found.name, f"{next(number)}", found.body, found.head, found.children, found.sources
        )

    monkeypatch.setattr(snapshot_gateway, "version_resource", counted)
    noticed("something else than its generation")


def test_it_is_noticed_where_versions_of_before_are_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, by the fault of a stream."""
    receive = DeltaSession.receive

    def deaf(session: DeltaSession, request: object, now_s: float) -> object:
        object.__setattr__(request, "initial_versions", {})
        return receive(session, request, now_s)  # type: ignore[arg-type]

    monkeypatch.setattr(DeltaSession, "receive", deaf)
    noticed("told what it has")


def test_it_is_noticed_where_a_file_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is served is a mix of two generations."""
    read = PublishedTrees.read

    def short(trees: PublishedTrees, scope: Scope) -> FileTree:
        tree = read(trees, scope)
        seen = tree.touched - {min(tree.touched)} if tree.touched else tree.touched
        return FileTree(tree.files, touched=seen, origin=tree.origin)

    monkeypatch.setattr(PublishedTrees, "read", short)
    noticed("something else than its generation")


def test_it_is_noticed_where_files_that_are_gone_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else has them."""

    def kept(before: Generation, names: frozenset[str], found: Mapping[str, object]) -> Difference:
        return Difference(names, found, found, frozenset())  # type: ignore[arg-type]

    monkeypatch.setattr(fetching, "difference", kept)
    monkeypatch.setattr(fetching, "_check_whole", lambda *_: None)
    noticed("something else than its generation")


def test_it_is_noticed_where_nobody_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has missed a change stays behind."""
    monkeypatch.setattr(following, "_changes", lambda _: False)
    with pytest.raises(ExceptionGroup) as caught:
        told(limit_s=_SOON_S)
    assert caught.group_contains(TimeoutError)


def test_it_is_noticed_where_a_candidate_is_served_before_it_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its node would be told to drop the rest."""
    monkeypatch.setattr(Publisher, "is_whole", property(lambda _: True))
    noticed("half of a candidate", FIRST_FOR_ONE)


def test_it_is_noticed_where_everybody_is_served_the_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only its nodes."""
    choice = Stores.choice
    monkeypatch.setattr(Stores, "choice", lambda stores, _: choice(stores, CANARY))
    noticed("something else|somebody else", FIRST_FOR_ONE)


def test_it_is_noticed_where_a_node_stays_with_what_was_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else has it."""
    monkeypatch.setattr(Stores, "withdraw", lambda _: None)
    with pytest.raises(ExceptionGroup) as caught:
        told(FIRST_FOR_ONE, _SOON_S)
    assert caught.group_contains(TimeoutError)
