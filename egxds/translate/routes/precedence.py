"""Which of several routes that match a request takes it. Pure.

Envoy takes the first route that matches, so routes are put in the order of Gateway API's precedence
(HTTPRouteRule.matches): exact path, longest prefix, method, most headers, most query parameters; then the oldest
route, its name, and the order of its rules. Where regular expressions stand is for implementations to say: they stand
between the two, longest first, as Envoy Gateway has it.

The second half of that order is not in the rank. Routes come in it, oldest HTTPRoute first, and sorting by rank keeps
it where ranks are equal: so the rank depends on the match alone, and is made once for a route, whatever stands beside
it.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds.model.api.http_route import HttpRouteMatch
from egxds.resources.resource import Route

Rank = tuple[int, int, bool, int, int]
"""Sorts before what it takes precedence over."""


@dataclass(frozen=True, slots=True)
class RankedRoute:
    """A route and its place among the others of its virtual host."""

    rank: Rank
    route: Route


RankedRoutes = tuple[RankedRoute, ...]
"""The routes of one HTTPRoute under one hostname, in the order of its rules and matches."""

_PATH_ORDER = {"Exact": 0, "RegularExpression": 1, "PathPrefix": 2}


def rank(match: HttpRouteMatch) -> Rank:
    """Return the precedence of a match; equal ranks keep the order of routes and rules."""
    length = len(path_prefix(match.path.value)) if match.path.type == "PathPrefix" else len(match.path.value)
    return (
        _PATH_ORDER[match.path.type],
        -length,
        match.method is None,
        -len(match.headers),
        -len(match.query_params),
    )


def path_prefix(value: str) -> str:
    """Return a prefix without its trailing slash, which means nothing; empty for the prefix of every path."""
    return value.rstrip("/")
