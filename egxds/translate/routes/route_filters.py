"""HTTPRouteFilter → what Envoy's route says for it; its credential is the cluster's business. Pure.

What answers in the place of a backend is written with Envoy's format of bodies where it has a command operator, or is
longer than Envoy takes of another body; a percent sign that starts nothing stands for itself (`headers.format_string`).
"""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import Route, RouteAction
from envoy.type.matcher.v3.regex_pb2 import RegexMatchAndSubstitute, RegexMatcher
from google.protobuf.wrappers_pb2 import BoolValue

from egxds.model.api.http_route_filter import HostnameRewrite, UrlRewrite
from egxds.model.api.regex_rewrites import RegexSubstitution
from egxds.model.resolve.route_filters import FixedAnswer, RuleFilter
from egxds.translate.format_strings import format_string
from egxds.translate.routes.filter_context import FilterContext
from egxds.translate.routes.headers import change_response_headers, set_response_header

_PLAIN_BODY_BYTES = 4096
"""Envoy's limit for a body without a format (RouteConfiguration.max_direct_response_body_size_bytes)."""


def write_route_filter(route: Route, found: RuleFilter, context: FilterContext) -> None:
    """Write an HTTPRouteFilter into the Envoy route of a rule, whose action is written already.

    Args:
        route: gets it.
        found: what the object comes to; nothing of it is missing.
        context: of the rule.
    """
    if found.answer is not None and not route.HasField("direct_response"):
        _answer(route, found.answer)
    if found.rewrite is not None and route.HasField("route"):
        _rewrite(route.route, found.rewrite, context)


def _answer(route: Route, answer: FixedAnswer) -> None:
    route.direct_response.status = answer.status
    text = format_string(answer.body)
    if "%" in text or len(text.encode()) > _PLAIN_BODY_BYTES:
        route.direct_response.body_format.text_format_source.inline_string = text
    elif text:
        route.direct_response.body.inline_string = text
    if answer.content_type:
        set_response_header(route, "Content-Type", answer.content_type)
    change_response_headers(route, answer.headers)


def _rewrite(action: RouteAction, rewrite: UrlRewrite, context: FilterContext) -> None:
    if rewrite.path is not None and rewrite.path.replace_regex_match is not None:
        action.regex_rewrite.CopyFrom(_substitution(rewrite.path.replace_regex_match))
    if rewrite.hostname is not None:
        _rewrite_host(action, rewrite.hostname)
        action.append_x_forwarded_host = context.tells_host


def _rewrite_host(action: RouteAction, hostname: HostnameRewrite) -> None:
    if hostname.header is not None:
        action.host_rewrite_header = hostname.header
    elif hostname.path_regex is not None:
        action.host_rewrite_path_regex.CopyFrom(_substitution(hostname.path_regex))
    else:
        action.auto_host_rewrite.CopyFrom(BoolValue(value=True))


def _substitution(found: RegexSubstitution) -> RegexMatchAndSubstitute:
    return RegexMatchAndSubstitute(pattern=RegexMatcher(regex=found.pattern), substitution=found.substitution)
