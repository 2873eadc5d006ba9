"""What the matches of all kinds of routes have in common → Envoy's RouteMatch. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from envoy.config.route.v3.route_components_pb2 import HeaderMatcher, RouteMatch
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from egxds.model.api.matches import HeaderMatch, ValueMatch
from egxds.model.api.named_entries import counted_headers
from egxds.translate.routes.precedence import Rank

_NO_MATCHES = -1
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Match:
    """One match of a rule, written.

    Attributes:
        index: its position in the rule, -1 where the rule has none and takes everything.
        rank: its precedence.
        message: for Envoy.
        prefix: the path prefix that it asks for, as the user wrote it: filters may replace it.
    """

    index: int
    rank: Rank
    message: RouteMatch
    prefix: str = "/"


def numbered(matches: tuple[_T, ...], covered: tuple[_T | None, ...], everything: _T) -> Iterator[tuple[int, _T, _T]]:
    """Yield the matches of a rule with their numbers; for a rule without any, the one that takes everything.

    Args:
        matches: of the rule.
        covered: for each what is written in its place, None for nothing; empty where they are written as they are.
        everything: what takes every request.

    Returns:
        Number, the match that says which requests it takes before others, and the one that is written.
    """
    if not matches:
        yield _NO_MATCHES, everything, everything
    for index, (match, written) in enumerate(zip(matches, covered or matches, strict=True)):
        if written is not None:
            yield index, match, written


def header_matchers(matches: tuple[HeaderMatch, ...]) -> list[HeaderMatcher]:
    """Write the headers of a match: all must be as it says."""
    return [HeaderMatcher(name=item.name.lower(), string_match=text_matcher(item)) for item in counted_headers(matches)]


def text_matcher(match: ValueMatch) -> StringMatcher:
    """Write what a value must be."""
    if match.type == "Exact":
        return StringMatcher(exact=match.value)
    return StringMatcher(safe_regex=RegexMatcher(regex=match.value))
