"""Which of several routes that match a request takes it. Pure.

Envoy takes the first route that matches, so the routes of a virtual host are put in the order of Gateway API's
precedence (HTTPRouteRule.matches, GRPCRouteRule.matches): exact path, longest prefix, method, most headers, most query
parameters; then the oldest route, its name, and the order of its rules. Where regular expressions stand is for
implementations to say: they stand between the two, longest first, as Envoy Gateway has it. The hostname comes before
all of this, and is settled already: Envoy takes the virtual host of the most specific domain.

What a route is for of which no rule can be served comes last: it answers for what nobody else takes.

Every kind of route says its matches in these terms, so that routes of several kinds under one hostname have one order.

All of it stands in the `Place` of a route, a tuple of plain values: the interpreter compares two of them without a step
of ours, so that a route finds its place among ten thousand by a search, and no other one is looked at. No two routes of
a virtual host have the same place.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from egxds.model.resolve.precedence import Precedence
from egxds.resources.route_configuration import Route


class PathRank(enum.IntEnum):
    """How a path is matched; what sorts first takes precedence."""

    EXACT = 0
    REGULAR_EXPRESSION = 1
    PREFIX = 2
    REST = 3


class Rank(NamedTuple):
    """The precedence of a match: what sorts before takes it; equal ranks keep the order of routes and rules.

    Attributes:
        path: how its path is matched.
        shortness: minus the characters of its path.
        any_method: whether it takes every method.
        fewer_headers: minus its headers.
        fewer_parameters: minus its query parameters.
    """

    path: PathRank
    shortness: int
    any_method: bool
    fewer_headers: int
    fewer_parameters: int = 0


class Place(NamedTuple):
    """Where a route stands among those of its virtual host: what sorts before is tried first.

    Attributes:
        rank: of its match.
        precedence: of the route object.
        position: among the matches of all rules of the route object, 0 for the first.
    """

    rank: Rank
    precedence: Precedence
    position: int


class PlacedRoute(NamedTuple):
    """A route and its place among the others of its virtual host."""

    place: Place
    route: Route


PlacedRoutes = tuple[PlacedRoute, ...]
"""The Envoy routes of one route object under one hostname, in the order of its rules and matches."""


def path_prefix(value: str) -> str:
    """Return a prefix without its trailing slash, which means nothing; empty for the prefix of every path."""
    return value.rstrip("/")
