"""Which of two matches is tried first. Pure.

Of the matches that a request fits, the first by Gateway API's precedence takes it (HTTPRouteRule.matches,
GRPCRouteRule.matches): exact path, longest prefix, method, most headers, most query parameters. Where regular
expressions stand is for implementations to say: they stand between the two, longest first, as Envoy Gateway has it.

What a route is for of which no rule can be served comes last: it answers for what nobody else takes.

Every kind of route says its matches in these terms, so that routes of several kinds under one hostname have one order.
"""

from __future__ import annotations

import enum
from typing import NamedTuple


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
        fewer_cookies: minus the cookies that an HTTPRouteFilter asks for beside it.
    """

    path: PathRank
    shortness: int
    any_method: bool
    fewer_headers: int
    fewer_parameters: int = 0
    fewer_cookies: int = 0


def path_prefix(value: str) -> str:
    """Return a prefix without its trailing slash, which means nothing; empty for the prefix of every path."""
    return value.rstrip("/")
