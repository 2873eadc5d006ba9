"""What an explanation costs, and how long it is, whatever is asked of however many routes."""

from __future__ import annotations

import difflib

import pytest
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)

from egxds.inspect.explain.question import ask
from egxds.inspect.explain.requests import Routed, route_request
from egxds.snapshot.snapshot import EMPTY

_ROUTES = 1000
_LONG = 12_000
_MOST_COMPARED = 200
_MOST_CHARACTERS = 2000


def _asked(path: str, *headers: str, name: str = "") -> Routed:
    configuration = RouteConfiguration()
    virtual_host = configuration.virtual_hosts.add(name="all", domains=["*"])
    for number in range(_ROUTES):
        route = virtual_host.routes.add(name=f"route-{number}")
        route.match.path = f"/shop/{number}"
        if name:
            route.match.headers.add(name=name).string_match.exact = "other"
    return route_request(ask(f"http://a.test{path}", headers), HttpConnectionManager(), configuration, EMPTY)


@pytest.mark.parametrize("path", ["/shop/9999", "/" + "%2e/b" * (_LONG // 5), "/?" + "a&" * (_LONG // 2)])
def test_few_of_many_routes_are_compared_by_character(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a path told at its whole length by each of them."""
    compared: list[int] = []
    ratio = difflib.SequenceMatcher.ratio

    def counted(matcher: difflib.SequenceMatcher[str]) -> float:
        compared.append(len(vars(matcher)["a"]) + len(vars(matcher)["b"]))
        return ratio(matcher)

    monkeypatch.setattr(difflib.SequenceMatcher, "ratio", counted)
    routed = _asked(path)
    assert 0 < len(compared) <= _MOST_COMPARED
    assert max(compared) < _MOST_CHARACTERS
    assert all(len(step.text) < _MOST_CHARACTERS for step in routed.lost)


def test_the_nearest_of_many_routes_is_told_first() -> None:
    """Of those whose paths begin like the one that is asked for."""
    assert _asked("/shop/777x").lost[0].name == "route-777"


def test_a_long_header_is_not_told_again_for_each_route() -> None:
    """The nearest route says what it wants instead."""
    routed = _asked("/shop/7", "x-tenant: " + "a" * _LONG, name="x-tenant")
    assert routed.lost[0].name == "route-7"
    assert all(len(step.text) < _MOST_CHARACTERS for step in routed.lost)
