"""Matches, and which of them goes first."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.model.api.http_route import HttpRouteMatch
from egxds.model.resolve.http_requests import rank
from tests.unit.translate.builders import at, backend, gateway, listener, match, route, rule, serve
from tests.unit.translate.reading import only_route, translate

HEADER = {"name": "Version", "value": "one"}
REGEX = {"name": "Version", "value": "v.*", "type": "RegularExpression"}
PARAMETER = {"name": "animal", "value": "whale"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (match("/"), {"prefix": "/"}),
        (match("/foo"), {"path_separated_prefix": "/foo"}),
        (match("/foo/"), {"path_separated_prefix": "/foo"}),
        (match("/foo", "Exact"), {"path": "/foo"}),
        (match("/foo/", "Exact"), {"path": "/foo/"}),
        (match("/v[0-9]+", "RegularExpression"), {"safe_regex": {"regex": "/v[0-9]+"}}),
        (
            match(method="GET"),
            {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "GET"}}]},
        ),
        (
            match(headers=[HEADER]),
            {"prefix": "/", "headers": [{"name": "version", "string_match": {"exact": "one"}}]},
        ),
        (
            match(headers=[REGEX]),
            {"prefix": "/", "headers": [{"name": "version", "string_match": {"safe_regex": {"regex": "v.*"}}}]},
        ),
        (
            match(headers=[HEADER, {"name": "VERSION", "value": "two"}]),
            {"prefix": "/", "headers": [{"name": "version", "string_match": {"exact": "one"}}]},
        ),
        (
            match(queryParams=[PARAMETER, {"name": "animal", "value": "dolphin"}]),
            {"prefix": "/", "query_parameters": [{"name": "animal", "string_match": {"exact": "whale"}}]},
        ),
    ],
)
def test_match_is_written_as(written: dict[str, Any], expected: dict[str, Any]) -> None:
    """Paths end at an element, header names have no case, and the first of equal names counts."""
    assert only_route(serve(rule(backend("10.0.0.1"), matches=[written])))["match"] == expected


IN_ORDER = [
    match("/a", "Exact", method="GET"),
    match("/a", "Exact"),
    match("/a/very/long/expression", "RegularExpression"),
    match("/a", "RegularExpression", method="GET"),
    match("/a/much/longer/prefix"),
    match("/a/b", method="GET", headers=[HEADER]),
    match("/a/b", method="GET", queryParams=[PARAMETER]),
    match("/a/b", method="GET"),
    match("/a/b", headers=[HEADER, {"name": "other", "value": "x"}]),
    match("/a/b", headers=[HEADER], queryParams=[PARAMETER]),
    match("/a/b", headers=[HEADER]),
    match("/a/b", queryParams=[PARAMETER, {"name": "size", "value": "big"}]),
    match("/a/b", queryParams=[PARAMETER]),
    match("/a/b"),
    match("/a"),
    match("/"),
]


def test_more_specific_match_goes_first() -> None:
    """Precedence: exact path, expression, longest prefix, method, headers, query parameters."""
    ranks = [rank(HttpRouteMatch.model_validate(each)) for each in IN_ORDER]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_trailing_slash_gives_no_precedence() -> None:
    """A prefix with a trailing slash is the same prefix."""
    with_slash, without = (HttpRouteMatch.model_validate(match(path)) for path in ("/foo/", "/foo"))
    assert rank(with_slash) == rank(without)


def test_equal_matches_keep_the_order_of_routes_and_rules() -> None:
    """The oldest route goes first, then its first rule, then the rule's first match."""
    to = backend("10.0.0.1")
    old = route(
        "old",
        rule(to, matches=[match("/x"), match("/y")]),
        rule(to, matches=[match("/z")]),
        created="2026-01-01T00:00:00Z",
    )
    new = route("a-new", rule(to, matches=[match("/w")]), rule(to, matches=[match("/longest")]))
    (table,) = translate(gateway(listener("http", at(old), at(new)))).route_configurations.values()
    assert [each.name for each in table.virtual_hosts[0].routes] == [
        "httproute/default/a-new/rule/1/match/0/*",
        "httproute/default/old/rule/0/match/0/*",
        "httproute/default/old/rule/0/match/1/*",
        "httproute/default/old/rule/1/match/0/*",
        "httproute/default/a-new/rule/0/match/0/*",
    ]


def test_rule_without_matches_matches_everything() -> None:
    """An empty list of matches is one for every path, and its route says so by the number -1."""
    found = only_route(serve(rule(backend("10.0.0.1"), matches=[]), hostnames=("a.example.com",)))
    assert found["match"] == {"prefix": "/"}
    assert found["name"] == "httproute/default/app/rule/0/match/-1/a_example_com"
