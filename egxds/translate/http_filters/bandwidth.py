"""bandwidthLimit → Envoy's filters for it, one for each direction, in one slot. Pure.

A filter counts all together that it stands at, and each route has a limit of its own (Envoy Gateway). So it stands at
single routes, also where the limit is that of a Gateway.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.extensions.common.matching.v3.extension_matcher_pb2 import ExtensionWithMatcherPerRoute
from envoy.extensions.filters.http.bandwidth_limit.v3.bandwidth_limit_pb2 import BandwidthLimit
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import UInt64Value

from egxds.model.api.backend_traffic import bodies
from egxds.model.api.backend_traffic.policy import BACKEND_TRAFFIC_POLICY
from egxds.model.resolve.features.route_traffic import BANDWIDTH_LIMIT
from egxds.translate.http_filters.policy_filter import PolicyFilter, own_name
from egxds.translate.http_filters.slot import empty_slot, filled_slot

_NAME = "envoy.filters.http.bandwidth_limit"


def _write(asked: bodies.BandwidthLimit) -> ExtensionWithMatcherPerRoute:
    return filled_slot(*_filters(asked))


def _filters(asked: bodies.BandwidthLimit) -> Iterator[tuple[str, Message]]:
    if asked.request is not None:
        yield _NAME, _limit("bandwidth_limit_request", BandwidthLimit.REQUEST, asked.request.limit)
    if asked.response is not None:
        message = _limit("bandwidth_limit_response", BandwidthLimit.RESPONSE, asked.response.limit)
        if asked.response.response_trailers is not None:
            message.enable_response_trailers = True
            message.response_trailer_prefix = asked.response.response_trailers.prefix
        yield _NAME, message


def _limit(name: str, direction: int, limit: bodies.Bandwidth) -> BandwidthLimit:
    return BandwidthLimit(stat_prefix=name, enable_mode=direction, limit_kbps=UInt64Value(value=limit.kib_per_s))


FILTER = PolicyFilter(
    name=own_name(_NAME, BACKEND_TRAFFIC_POLICY.id),
    kind=BACKEND_TRAFFIC_POLICY.id,
    feature=BANDWIDTH_LIMIT.field,
    idle=empty_slot(),
    write=_write,
    is_for_routes=True,
)
