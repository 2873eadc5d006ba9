"""Hostnames with wildcards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.model.resolve.hostnames import covers, intersection, patterns_of

INTERSECTIONS = [
    ("*", (), ("*",)),
    ("*", ("b.test", "a.test"), ("a.test", "b.test")),
    ("a.test", (), ("a.test",)),
    ("a.test", ("a.test", "b.test"), ("a.test",)),
    ("a.test", ("*.test",), ("a.test",)),
    ("a.test", ("b.test",), ()),
    ("*.a.test", ("b.a.test", "c.b.a.test", "a.test", "b.test"), ("b.a.test", "c.b.a.test")),
    ("*.a.test", ("*.test",), ("*.a.test",)),
    ("*.test", ("*.a.test",), ("*.a.test",)),
    ("*.test", ("*.test", "a.test"), ("*.test", "a.test")),
    ("*.a.test", ("*.b.test",), ()),
    ("*.a.test", ("xa.test",), ()),
    ("a.test", ("*.a.test",), ()),
]


@pytest.mark.parametrize(("listener", "route", "common"), INTERSECTIONS)
def test_a_route_is_reached_under_what_both_sides_name(
    listener: str, route: tuple[str, ...], common: tuple[str, ...]
) -> None:
    """Of each pair the narrower hostname remains (Gateway API, HTTPRouteSpec.hostnames)."""
    assert intersection(listener, route) == common


_LABEL = st.sampled_from(["a", "b", "test"])
_NAME = st.lists(_LABEL, min_size=1, max_size=3).map(".".join)
_HOSTNAME = st.one_of(_NAME, _NAME.map("*.{}".format), st.just("*"))
_PATTERNS = _HOSTNAME.filter(lambda hostname: hostname != "*")


@given(listener=_HOSTNAME, route=st.lists(_PATTERNS, max_size=4), asked=_NAME)
def test_the_intersection_is_exact(listener: str, route: list[str], asked: str) -> None:
    """A name is in the intersection if, and only if, the listener and the route both stand for it."""
    in_both = covers(listener, asked) and any(covers(pattern, asked) for pattern in route or ["*"])
    assert any(covers(pattern, asked) for pattern in intersection(listener, route)) is in_both


NAMES = ("*", "*.test", "*.a.test", "a.test", "b.a.test", "*.b.a.test", "test", "*.other", "x.other")


@pytest.mark.parametrize("hostname", NAMES)
def test_the_patterns_of_a_hostname_are_those_that_cover_it(hostname: str) -> None:
    """Looking up the patterns finds what comparing with every one finds."""
    assert [name for name in NAMES if covers(name, hostname)] == [
        name for name in NAMES if name in set(patterns_of(hostname))
    ]
