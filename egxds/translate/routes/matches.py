"""A match of a rule → Envoy's RouteMatch. Pure."""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import HeaderMatcher, QueryParameterMatcher, RouteMatch
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from egxds.model.api.http_route import HttpHeaderMatch, HttpPathMatch, HttpQueryParamMatch, HttpRouteMatch
from egxds.translate.routes.precedence import path_prefix

_METHOD = ":method"


def route_match(match: HttpRouteMatch) -> RouteMatch:
    """Write a match: path, method, headers and query parameters must all hold."""
    headers = [HeaderMatcher(name=_METHOD, string_match=StringMatcher(exact=match.method))] if match.method else []
    headers += [HeaderMatcher(name=item.name.lower(), string_match=_text(item)) for item in match.headers]
    parameters = [QueryParameterMatcher(name=item.name, string_match=_text(item)) for item in match.query_params]
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


def _text(match: HttpHeaderMatch | HttpQueryParamMatch) -> StringMatcher:
    if match.type == "Exact":
        return StringMatcher(exact=match.value)
    return StringMatcher(safe_regex=RegexMatcher(regex=match.value))
