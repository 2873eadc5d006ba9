"""HTTPRoute → Envoy routes: its matches, and how its requests are sent on. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.route.v3.route_components_pb2 import HeaderMatcher, QueryParameterMatcher, RouteAction, RouteMatch
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from egxds.model.api.http_route import HttpPathMatch, HttpRouteMatch, HttpRouteRule, HttpRouteTimeouts
from egxds.model.api.named_entries import counted_parameters
from egxds.model.api.scalars import duration_s
from egxds.model.resolve.http_requests import rank
from egxds.model.resolve.match_order import path_prefix
from egxds.model.resolve.requests import numbered
from egxds.translate.backend_traffic.timeouts import silence_s
from egxds.translate.routes.forwarding import set_timeouts
from egxds.translate.routes.matches import Match, header_matchers, text_matcher
from egxds.translate.routes.retries import write_retries
from egxds.translate.routes.rules import RouteWriter
from egxds.translate.upgrades import allow_websockets

_METHOD = ":method"


def http_matches(matches: tuple[HttpRouteMatch, ...], covered: tuple[HttpRouteMatch | None, ...]) -> Iterator[Match]:
    """Write the matches of a rule, or what is closed in their place."""
    for index, match, written in numbered(matches, covered, HttpRouteMatch()):
        yield Match(index, rank(match), route_match(written), match.path.value)


def route_match(match: HttpRouteMatch) -> RouteMatch:
    """Write a match: path, method, headers and query parameters must all hold."""
    headers = [HeaderMatcher(name=_METHOD, string_match=StringMatcher(exact=match.method))] if match.method else []
    headers += header_matchers(match.headers)
    parameters = [
        QueryParameterMatcher(name=item.name, string_match=text_matcher(item))
        for item in counted_parameters(match.query_params)
    ]
    message = RouteMatch(headers=headers, query_parameters=parameters)
    _set_path(message, match.path)
    return message


def _set_path(message: RouteMatch, path: HttpPathMatch) -> None:
    """Write a path; a prefix ends at a path element, which Envoy's plain prefix does not."""
    if path.type == "Exact":
        message.path = path.value
    elif path.type == "RegularExpression":
        message.safe_regex.regex = path.value
    elif prefix := path_prefix(path.value):
        message.path_separated_prefix = prefix
    else:
        message.prefix = "/"


def forward(action: RouteAction, rule: HttpRouteRule) -> None:
    """Write what is particular to HTTP requests that go to a backend."""
    if not action.upgrade_configs:
        allow_websockets(action)
    if rule.retry is None:
        _set_timeouts(action, rule.timeouts)
    else:
        _set_whole_timeout(action, rule.timeouts)
        write_retries(action, rule.retry, _seconds(rule.timeouts.backend_request) or 0.0)


def _set_timeouts(action: RouteAction, timeouts: HttpRouteTimeouts) -> None:
    """Write the timeout of a rule whose requests are tried once; one that gives none gets Envoy's own.

    The smaller of the two is what counts; 0 is no limit (HTTPRouteTimeouts).
    """
    given_s = [value for value in map(_seconds, (timeouts.request, timeouts.backend_request)) if value is not None]
    if given_s:
        _limit(action, min((value for value in given_s if value), default=0.0))


def _set_whole_timeout(action: RouteAction, timeouts: HttpRouteTimeouts) -> None:
    """Write the time of all attempts together; where only that of one is given, their number is the limit."""
    whole_s = _seconds(timeouts.request)
    if whole_s is not None or timeouts.backend_request is not None:
        _limit(action, whole_s or 0.0)


def _limit(action: RouteAction, timeout_s: float) -> None:
    set_timeouts(action, timeout_s, silence_s(timeout_s))


def _seconds(text: str | None) -> float | None:
    return duration_s(text) if text is not None else None


HTTP = RouteWriter(http_matches, forward, refused_status=500, not_found_code=RouteAction.INTERNAL_SERVER_ERROR)
