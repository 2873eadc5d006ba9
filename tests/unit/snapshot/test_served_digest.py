"""One word for all that is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.snapshot import served_digest
from egxds.snapshot.served_digest import ServedDigest
from egxds.snapshot.snapshot import EMPTY, VersionedResource
from egxds.snapshot.store import SnapshotStore
from tests.revisions import by_type
from tests.unit.snapshot.resources import cluster, secret

Content = Mapping[str, bytes]
CONTENTS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([b"x", b"y"]), max_size=6)
STEPS = st.lists(st.tuples(st.sampled_from(["ns/one", "ns/two"]), st.none() | CONTENTS), max_size=10)


class House:
    """Publishes, and knows the word of it."""

    def __init__(self) -> None:
        self._store = SnapshotStore()
        self._digest = ServedDigest()

    @property
    def word(self) -> str:
        return self._digest.hexdigest()

    def publish(self, gateway: str, content: Content | None) -> None:
        """Have a Gateway with secrets of these values; or none."""
        if content is None:
            self._store.remove(gateway)
        else:
            resources = [cluster("c"), *(secret(name, value) for name, value in content.items())]
            self._store.publish(gateway, "edge", by_type(resources))
        self._digest.published(gateway, self._store.snapshot(gateway))


def word_of(content: Mapping[str, Content]) -> str:
    """Return the word of what is published at once."""
    house = House()
    for gateway, each in content.items():
        house.publish(gateway, each)
    return house.word


@given(STEPS)
def test_the_way_there_makes_no_difference(steps: Sequence[tuple[str, Content | None]]) -> None:
    """Two replicas that serve the same have one word, whatever each has served before."""
    house, last = House(), dict[str, Content]()
    for gateway, content in steps:
        house.publish(gateway, content)
        last.pop(gateway, None)
        if content is not None:
            last[gateway] = content
    assert house.word == word_of(dict(sorted(last.items())))


def test_whatever_differs_has_another_word() -> None:
    """A value, a name, and the Gateway that it is of."""
    words = [
        word_of({}),
        word_of({"ns/one": {"a": b"x"}}),
        word_of({"ns/one": {"a": b"y"}}),
        word_of({"ns/one": {"b": b"x"}}),
        word_of({"ns/two": {"a": b"x"}}),
        word_of({"ns/one": {"a": b"x", "b": b"x"}}),
    ]
    assert len(set(words)) == len(words)


def test_a_change_costs_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a thousand resources two are hashed: as it was, and as it is."""
    house = House()
    content = {f"s{number}": b"x" for number in range(1000)}
    house.publish("ns/one", content)
    assert house.word
    hashed: list[object] = []
    original = served_digest._hash

    def noted(resource: VersionedResource | None) -> int:
        hashed.append(resource)
        return original(resource)

    monkeypatch.setattr(served_digest, "_hash", noted)
    house.publish("ns/one", {**content, "s5": b"y"})
    assert hashed == []
    assert house.word
    assert len(hashed) == 2
    assert house.word == word_of({"ns/one": {**content, "s5": b"y"}})
    assert ServedDigest().hexdigest() == word_of({})
    assert EMPTY is SnapshotStore().snapshot("ns/none")
