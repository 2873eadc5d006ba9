"""Snapshots of one Gateway share what is equal."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from egxds.incremental.revision import Revision
from egxds.names import CLUSTER, ENDPOINT, LISTENER, SECRET
from egxds.resources.resource import Resource
from egxds.snapshot.gateway import SnapshotBuilder
from egxds.snapshot.snapshot import Snapshot, VersionedResource
from tests.revisions import by_type
from tests.unit.snapshot.resources import cluster, listener, secret


def test_resources_are_sorted_and_know_their_children() -> None:
    """Whatever the order in which they come."""
    snapshot = SnapshotBuilder().build(by_type([cluster("b"), listener("l"), cluster("a")]))
    assert list(snapshot.resources) == [CLUSTER, LISTENER]
    assert list(snapshot.of(CLUSTER)) == ["a", "b"]
    assert snapshot.of(CLUSTER)["a"].children == ((ENDPOINT, "a"),)


def test_equal_resources_make_the_same_snapshot() -> None:
    """Nothing is encoded twice, and the snapshot is the same object."""
    builder = SnapshotBuilder()
    first = builder.build(by_type([cluster("a"), listener("l")]))
    assert builder.build(by_type([listener("l"), cluster("a")])) is first
    assert builder.encodings == 2


def test_only_what_changed_is_encoded() -> None:
    """Other resources stay the same objects, other types the same mappings."""
    builder = SnapshotBuilder()
    first = builder.build(by_type([cluster("a"), cluster("b"), listener("l")]))
    second = builder.build(by_type([cluster("a"), cluster("b", "changed"), listener("l")]))
    assert builder.encodings == 4
    assert second.of(LISTENER) is first.of(LISTENER)
    assert second.of(CLUSTER)["a"] is first.of(CLUSTER)["a"]
    assert second.of(CLUSTER)["b"].version != first.of(CLUSTER)["b"].version


def test_other_sources_cost_no_encoding() -> None:
    """A resource that is made from another object, and says the same, keeps its version and its bytes."""
    builder = SnapshotBuilder()
    before = builder.build(by_type([secret("s", b"x", source="one")])).of(SECRET)["s"]
    after = builder.build(by_type([secret("s", b"x", source="other")])).of(SECRET)["s"]
    assert (builder.encodings, after.head is before.head, after.version) == (1, True, before.version)
    assert after.sources[0].name == "other"


def test_type_that_vanishes_is_gone() -> None:
    """A snapshot has no empty types."""
    builder = SnapshotBuilder()
    builder.build(by_type([cluster("a"), secret("s")]))
    snapshot = builder.build(by_type([secret("s")]))
    assert list(snapshot.resources) == [SECRET]
    assert dict(snapshot.of(CLUSTER)) == {}


_BODIES = st.dictionaries(st.sampled_from("abcde"), st.binary(max_size=2))


@given(st.lists(_BODIES, max_size=6))
def test_history_does_not_show(history: list[dict[str, bytes]]) -> None:
    """A snapshot equals the one that a new builder would make, be it of revisions that follow each other or not."""
    following, unrelated = SnapshotBuilder(), SnapshotBuilder()
    given = Revision[str, Resource]()
    for bodies in history:
        resources = {name: secret(name, body) for name, body in bodies.items()}
        given = given.renewed(resources)
        expected = _held(SnapshotBuilder().build({SECRET: given}))
        assert _held(following.build({SECRET: given})) == expected
        assert _held(unrelated.build({SECRET: Revision(resources)})) == expected


def _held(snapshot: Snapshot) -> dict[str, dict[str, VersionedResource]]:
    return {type_url: dict(resources) for type_url, resources in snapshot.resources.items()}
