"""GRPCRoute: which requests its matches take, and which of two matches is tried first. Pure.

Precedence (GRPCRouteRule.matches): the most characters of the service, then of the method, then the most headers. A
gRPC request is a POST of `/<service>/<method>`, so these rank among the paths of HTTPRoutes: what names a service or a
method before them, what takes every gRPC request before what takes every request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from egxds.model.api.grpc_route import GrpcMethodMatch, GrpcRouteMatch, GrpcRouteRule
from egxds.model.api.named_entries import counted_headers
from egxds.model.resolve.match_order import PathRank, Rank
from egxds.model.resolve.requests import (
    NO_MATCHES,
    PathForm,
    RankedMatch,
    Requests,
    literal,
    numbered,
    said_values,
    wanted_headers,
)

_EVERYTHING = GrpcRouteMatch()
_ANY_NAME = "[^/]+"
_LONGEST_METHOD = 1024
"""Characters that a method may have: a longer service outranks any method."""


def grpc_requests(rule: GrpcRouteRule, covered: tuple[GrpcRouteMatch | None, ...]) -> Iterator[RankedMatch]:
    """Yield the matches of a rule, or what is closed in their place."""
    for index, match, served in numbered(rule.matches, covered, _EVERYTHING):
        yield RankedMatch(index, rank(match), _requests(served))


def grpc_match_text(rule: GrpcRouteRule, index: int) -> str:
    """Say what a match of a rule asks for."""
    match = rule.matches[index] if index != NO_MATCHES else _EVERYTHING
    parts = [*_said(match.method), *said_values("header", match.headers)]
    return ", ".join(parts) or "every gRPC request"


def rank(match: GrpcRouteMatch) -> Rank:
    """Return the precedence of a match."""
    headers = -len(counted_headers(match.headers))
    if match.method is None:
        return Rank(PathRank.PREFIX, 0, any_method=False, fewer_headers=headers)
    length = len(match.method.service) * (_LONGEST_METHOD + 1) + len(match.method.method)
    return Rank(PathRank.EXACT, -length, any_method=False, fewer_headers=headers)


def path_pattern(match: GrpcMethodMatch) -> str:
    """Return the regular expression that the paths of requests for a service and method fit."""
    is_exact = match.type == "Exact"
    return f"/{_pattern(match.service, is_exact)}/{_pattern(match.method, is_exact)}"


def _requests(match: GrpcRouteMatch) -> Requests:
    form, path = (PathForm.STARTS_WITH, "/") if match.method is None else _path(match.method)
    return Requests(form, path, headers=wanted_headers(match.headers), are_grpc=True)


def _path(match: GrpcMethodMatch) -> tuple[PathForm, str]:
    is_exact = match.type == "Exact"
    if is_exact and match.service and not match.method:
        return PathForm.STARTS_WITH, f"/{match.service}/"
    service, method = (name if is_exact else literal(name) for name in (match.service, match.method))
    if service and method:
        return PathForm.IS, f"/{service}/{method}"
    return PathForm.FITS, path_pattern(match)


def _pattern(name: str, is_exact: bool) -> str:
    if not name:
        return _ANY_NAME
    return re.escape(name) if is_exact else f"(?:{name})"


def _said(match: GrpcMethodMatch | None) -> Iterator[str]:
    if match is not None:
        names = (("service", match.service), ("method", match.method))
        yield " ".join((match.type, *(f"{word} {name}" for word, name in names if name)))
