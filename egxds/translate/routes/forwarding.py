"""Where a rule sends its requests → Envoy's RouteAction. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.route.v3.route_components_pb2 import RouteAction
from envoy.type.v3.percent_pb2 import FractionalPercent
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds.translate.backends.destinations import Copy, Share

_HUNDRED = 100
_MILLION = 1_000_000


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


def copy_requests(action: RouteAction, copies: Iterable[Copy]) -> None:
    """Write which clusters get copies of the requests, which name the host as the requests do."""
    for copy in copies:
        policy = action.request_mirror_policies.add(cluster=copy.cluster, disable_shadow_host_suffix_append=True)
        policy.runtime_fraction.default_value.CopyFrom(part_of(*copy.part))


def part_of(numerator: int, denominator: int) -> FractionalPercent:
    """Write a part of all requests, to a millionth."""
    if denominator == _HUNDRED:
        return FractionalPercent(numerator=numerator, denominator=FractionalPercent.HUNDRED)
    millionths = round(numerator * _MILLION / denominator)
    return FractionalPercent(numerator=millionths, denominator=FractionalPercent.MILLION)


def set_timeouts(action: RouteAction, timeout_s: float, idle_s: float) -> None:
    """Write how long a request may take, and a stream be silent; 0 is no limit."""
    action.timeout.CopyFrom(_duration(timeout_s))
    action.idle_timeout.CopyFrom(_duration(idle_s))


def _duration(value_s: float) -> Duration:
    message = Duration()
    message.FromMilliseconds(round(value_s * 1000))
    return message
