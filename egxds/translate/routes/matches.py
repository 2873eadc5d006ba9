"""What the matches of all kinds of routes have in common → Envoy's RouteMatch. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from envoy.config.route.v3.route_components_pb2 import HeaderMatcher, RouteMatch
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from egxds.model.api.matches import HeaderMatch, ValueMatch
from egxds.model.api.named_entries import counted_headers
from egxds.model.resolve.match_order import Rank


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


def header_matchers(matches: tuple[HeaderMatch, ...]) -> list[HeaderMatcher]:
    """Write the headers of a match: all must be as it says."""
    return [HeaderMatcher(name=item.name.lower(), string_match=text_matcher(item)) for item in counted_headers(matches)]


def text_matcher(match: ValueMatch) -> StringMatcher:
    """Write what a value must be."""
    if match.type == "Exact":
        return StringMatcher(exact=match.value)
    return StringMatcher(safe_regex=RegexMatcher(regex=match.value))
