"""Where a rule sends its requests → Envoy's RouteAction. Pure."""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RouteAction
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds.translate.backends.destinations import Share

LONG_IDLE_S = 3600.0
"""Envoy would cut a stream that is silent for 5 minutes, whatever the route's own timeout."""


def share_out(action: RouteAction, shares: tuple[Share, ...], not_found_code: int) -> None:
    """Write which clusters take the traffic.

    Args:
        action: gets them.
        shares: at least one cluster.
        not_found_code: of `RouteAction.ClusterNotFoundResponseCode`: the answer to the share of refused backends,
            whose cluster does not exist.
    """
    if len(shares) == 1:
        action.cluster = shares[0].cluster
        return
    for share in shares:
        action.weighted_clusters.clusters.add(name=share.cluster, weight=UInt32Value(value=share.weight))
    action.cluster_not_found_response_code = not_found_code


def set_timeouts(action: RouteAction, timeout_s: float, idle_s: float) -> None:
    """Write how long a request may take, and a stream be silent; 0 is no limit."""
    action.timeout.CopyFrom(_duration(timeout_s))
    action.idle_timeout.CopyFrom(_duration(idle_s))


def _duration(value_s: float) -> Duration:
    message = Duration()
    message.FromMilliseconds(round(value_s * 1000))
    return message
