"""GRPCRoute → Envoy routes: its matches, and how its requests are sent on. Pure.

A GRPCRoute takes gRPC requests and nothing else, so each of its matches asks for one (content-type `application/grpc`).
That lets an HTTPRoute and a GRPCRoute share a hostname on a listener: Gateway API v1.6 leaves that to implementations
(its page on GRPCRoute, "Cross Serving"; the text of `GRPCRouteSpec.hostnames` still asks for one of the two to be
refused, and was brought in line later), and Envoy Gateway serves both. Both serve here: requests that no rule of the
GRPCRoute takes, such as those of a browser, go to the HTTPRoute.

A stream may last as long as its client wants, who says so by `grpc-timeout`; Envoy's own limit of 15 s is not for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.route.v3.route_components_pb2 import RouteAction, RouteMatch
from google.protobuf.duration_pb2 import Duration

from egxds.model.api.grpc_route import GrpcMethodMatch, GrpcRouteMatch, GrpcRouteRule
from egxds.model.resolve.grpc_requests import path_pattern, rank
from egxds.model.resolve.requests import numbered
from egxds.translate.backend_traffic.timeouts import LONG_IDLE_S
from egxds.translate.routes.forwarding import set_timeouts
from egxds.translate.routes.matches import Match, header_matchers
from egxds.translate.routes.rules import RouteWriter
from egxds.translate.upgrades import forbid_websockets


def grpc_matches(matches: tuple[GrpcRouteMatch, ...], covered: tuple[GrpcRouteMatch | None, ...]) -> Iterator[Match]:
    """Write the matches of a rule, or what is closed in their place."""
    for index, match, served in numbered(matches, covered, GrpcRouteMatch()):
        yield Match(index, rank(match), _route_match(served))


def _route_match(match: GrpcRouteMatch) -> RouteMatch:
    message = RouteMatch(headers=header_matchers(match.headers), grpc=RouteMatch.GrpcRouteMatchOptions())
    if match.method is None:
        message.prefix = "/"
    else:
        _set_path(message, match.method)
    return message


def _set_path(message: RouteMatch, match: GrpcMethodMatch) -> None:
    """Write the path that requests for a service and method have."""
    is_exact = match.type == "Exact"
    if is_exact and match.service and match.method:
        message.path = f"/{match.service}/{match.method}"
    elif is_exact and match.service:
        message.prefix = f"/{match.service}/"
    else:
        message.safe_regex.regex = path_pattern(match)


def _forward(action: RouteAction, _rule: GrpcRouteRule) -> None:
    forbid_websockets(action)
    if not action.HasField("timeout"):
        idle_s = action.idle_timeout.ToMilliseconds() / 1000 if action.HasField("idle_timeout") else LONG_IDLE_S
        set_timeouts(action, 0.0, idle_s)
    action.max_stream_duration.grpc_timeout_header_max.CopyFrom(Duration())


GRPC = RouteWriter(grpc_matches, _forward, refused_status=503, not_found_code=RouteAction.SERVICE_UNAVAILABLE)
"""Its refused share answers UNAVAILABLE (GRPCRouteRule.backendRefs), which Envoy makes of 503."""
