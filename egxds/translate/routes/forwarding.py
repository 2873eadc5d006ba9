"""What a rule does with a request that goes to its backends → Envoy's RouteAction. Pure."""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RouteAction
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds.model.api.http_filters import HttpUrlRewrite
from egxds.model.api.http_route import HttpRouteRule, HttpRouteTimeouts
from egxds.model.api.scalars import duration_s
from egxds.translate.backends.destinations import Share
from egxds.translate.routes.paths import rewrite_path

_UPGRADE = "websocket"
_LEAST_IDLE_S = 3600.0
"""Envoy would cut a stream that is silent for 5 minutes, whatever the route's own timeout."""


def write_forwarding(action: RouteAction, rule: HttpRouteRule, shares: tuple[Share, ...], matched_prefix: str) -> None:
    """Write where requests go, and what changes on the way.

    Args:
        action: gets it.
        rule: what the user says.
        shares: at least one cluster.
        matched_prefix: the prefix that the match asks for, as the user wrote it.
    """
    _share_out(action, shares)
    action.upgrade_configs.add(upgrade_type=_UPGRADE)
    _set_timeouts(action, rule.timeouts)
    for item in rule.filters:
        if item.url_rewrite is not None:
            _rewrite(action, item.url_rewrite, matched_prefix)


def _share_out(action: RouteAction, shares: tuple[Share, ...]) -> None:
    if len(shares) == 1:
        action.cluster = shares[0].cluster
        return
    for share in shares:
        action.weighted_clusters.clusters.add(name=share.cluster, weight=UInt32Value(value=share.weight))
    action.cluster_not_found_response_code = RouteAction.INTERNAL_SERVER_ERROR


def _rewrite(action: RouteAction, rewrite: HttpUrlRewrite, matched_prefix: str) -> None:
    if rewrite.hostname is not None:
        action.host_rewrite_literal = rewrite.hostname
        action.append_x_forwarded_host = True
    if rewrite.path is not None:
        rewrite_path(action, rewrite.path, matched_prefix)


def _set_timeouts(action: RouteAction, timeouts: HttpRouteTimeouts) -> None:
    """Write the timeout of a rule; one that gives none gets Envoy's own.

    A request is tried once, so the smaller of the two is what counts; 0 is no limit (HTTPRouteTimeouts).
    """
    given_s = [duration_s(text) for text in (timeouts.request, timeouts.backend_request) if text is not None]
    if not given_s:
        return
    timeout_s = min((value for value in given_s if value), default=0.0)
    action.timeout.CopyFrom(_duration(timeout_s))
    action.idle_timeout.CopyFrom(_duration(max(timeout_s, _LEAST_IDLE_S) if timeout_s else 0.0))


def _duration(value_s: float) -> Duration:
    message = Duration()
    message.FromMilliseconds(round(value_s * 1000))
    return message
