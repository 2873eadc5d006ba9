"""HTTPRoute: which requests its matches take, and which of two matches is tried first. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from egxds.model.api.http_route import HttpPathMatch, HttpRouteMatch, HttpRouteRule
from egxds.model.api.named_entries import counted_headers, counted_parameters
from egxds.model.resolve.match_order import PathRank, Rank, path_prefix
from egxds.model.resolve.requests import (
    NO_MATCHES,
    PathForm,
    RankedMatch,
    Requests,
    literal,
    literal_start,
    numbered,
    said_values,
    wanted_headers,
    wanted_parameters,
)

_EVERYTHING = HttpRouteMatch()
_PATH_RANKS = {
    "Exact": PathRank.EXACT,
    "RegularExpression": PathRank.REGULAR_EXPRESSION,
    "PathPrefix": PathRank.PREFIX,
}


def http_requests(rule: HttpRouteRule, covered: tuple[HttpRouteMatch | None, ...]) -> Iterator[RankedMatch]:
    """Yield the matches of a rule, or what is closed in their place."""
    for index, match, served in numbered(rule.matches, covered, _EVERYTHING):
        yield RankedMatch(index, rank(match), _requests(served))


def http_match_text(rule: HttpRouteRule, index: int) -> str:
    """Say what a match of a rule asks for."""
    match = rule.matches[index] if index != NO_MATCHES else _EVERYTHING
    method = (f"method {match.method}",) if match.method is not None else ()
    values = (*said_values("header", match.headers), *said_values("query parameter", match.query_params))
    return ", ".join((f"{match.path.type} {match.path.value}", *method, *values))


def rank(match: HttpRouteMatch) -> Rank:
    """Return the precedence of a match."""
    length = len(path_prefix(match.path.value)) if match.path.type == "PathPrefix" else len(match.path.value)
    headers, parameters = len(counted_headers(match.headers)), len(counted_parameters(match.query_params))
    return Rank(_PATH_RANKS[match.path.type], -length, match.method is None, -headers, -parameters)


def _requests(match: HttpRouteMatch) -> Requests:
    form, path = _path(match.path)
    return Requests(form, path, match.method, wanted_headers(match.headers), wanted_parameters(match.query_params))


def _path(path: HttpPathMatch) -> tuple[PathForm, str]:
    if path.type == "Exact":
        return PathForm.IS, path.value
    if path.type == "PathPrefix":
        prefix = path_prefix(path.value)
        return (PathForm.IS_OR_IS_BELOW, prefix) if prefix else (PathForm.STARTS_WITH, "/")
    only, start = literal(path.value), literal_start(path.value)
    if only is not None:
        return PathForm.IS, only
    return (PathForm.STARTS_WITH, start) if start is not None else (PathForm.FITS, path.value)
