"""Which Envoys are let go."""

from __future__ import annotations

from dataclasses import dataclass

from egxds.wire.xds.parting import let_go


@dataclass
class Stream:
    """A stream of an Envoy."""

    node_id: str
    rests: bool = True
    is_gone: bool = False

    def is_at_rest(self, _now_s: float) -> bool:
        return self.rests

    def let_go(self) -> None:
        self.is_gone = True


def test_no_more_than_are_wanted() -> None:
    """By lot."""
    streams = [Stream(f"envoy-{number}") for number in range(10)]
    gone = let_go(streams, 3, lambda _: True, 0.0)
    assert sorted(gone) == sorted(each.node_id for each in streams if each.is_gone)
    assert len(gone) == 3
    assert let_go(streams[:2], 5, lambda _: True, 0.0)
    assert let_go([], 5, lambda _: True, 0.0) == ()


def test_nobody_in_the_middle_of_something() -> None:
    """One stream of an Envoy is enough for it to stay, with all of them."""
    streams = [Stream("a"), Stream("a", rests=False), Stream("b"), Stream("b"), Stream("c", rests=False), Stream("")]
    assert let_go(streams, 9, lambda _: True, 0.0) == ("b",)
    assert [each.node_id for each in streams if each.is_gone] == ["b", "b"]


def test_nobody_who_may_not_go() -> None:
    """It came back a moment ago."""
    streams = [Stream("a"), Stream("b")]
    assert let_go(streams, 9, lambda node: node == "b", 0.0) == ("b",)
