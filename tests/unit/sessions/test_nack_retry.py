"""What is sent once more after a NACK."""

from __future__ import annotations

import pytest

from egxds.names import CLUSTER
from egxds.sessions.events import Response
from egxds.sessions.nack_retry import retries
from egxds.snapshot.snapshot import VersionedResource

CASES = {
    "one alone": ("a", "", "anything", ()),
    "one of many, nobody named": ("a b c", "", "malformed IP address: zz", (("a",), ("b",), ("c",))),
    "a name in other text blames nobody": ("a b", "", "Only unique values: a: b", (("a",), ("b",))),
    "one named": ("a b c", "", "Error adding/updating cluster(s) b: no such filter", (("a", "c"),)),
    "two clusters named": ("a b c", "", "Error adding/updating cluster(s) a: x, c: y", (("b",),)),
    "two listeners named": ("a b c", "", "Error adding/updating listener(s) a: x\nc: y\n", (("b",),)),
    "all named": ("a b", "", "Error adding/updating cluster(s) a: x, b: y", ()),
    "part of a name is no name": ("a ba", "", "Error adding/updating cluster(s) ba: x", (("a",),)),
    "a stranger named": ("a b", "", "Error adding/updating cluster(s) z: x", (("a",), ("b",))),
    "removals beside one": ("a", "x y", "malformed", (("x", "y"),)),
    "removals beside many": ("a b", "x", "malformed", (("a",), ("b",), ("x",))),
    "removals beside a named one": ("a b", "x", "Error adding/updating cluster(s) a: x", (("b", "x"),)),
    "removals alone": ("", "x", "malformed", ()),
    "nothing": ("", "", "malformed", ()),
}


@pytest.mark.parametrize(("updated", "removed", "message", "expected"), CASES.values(), ids=CASES.keys())
def test_retries(updated: str, removed: str, message: str, expected: tuple[tuple[str, ...], ...]) -> None:
    """Each resource alone, unless the text says who is bad."""
    resources = tuple(VersionedResource(CLUSTER, name, "h1", b"", b"") for name in updated.split())
    assert retries(Response(CLUSTER, "1", resources, tuple(removed.split())), message) == expected


def test_each_round_of_retries_is_smaller() -> None:
    """So they come to an end, whatever the client says."""
    names = tuple("abcdef")
    waiting, rounds = [names], 0
    while waiting:
        rounds += 1
        group = waiting.pop()
        resources = tuple(VersionedResource(CLUSTER, name, "h1", b"", b"") for name in group)
        waiting += retries(Response(CLUSTER, "1", resources), f"Error adding/updating cluster(s) {group[0]}: x")
    assert rounds == len(names)
