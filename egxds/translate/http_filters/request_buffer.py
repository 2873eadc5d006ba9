"""requestBuffer → Envoy's filter that holds requests until they are there as a whole. Pure."""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import FilterConfig
from envoy.extensions.filters.http.buffer.v3.buffer_pb2 import Buffer, BufferPerRoute
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds.model.api.backend_traffic.bodies import RequestBuffer
from egxds.model.api.backend_traffic.policy import BACKEND_TRAFFIC_POLICY
from egxds.model.resolve.features.route_traffic import REQUEST_BUFFER
from egxds.translate.http_filters.policy_filter import PolicyFilter, own_name

_LEAST = UInt32Value(value=1)
"""Envoy takes no filter without a limit, also where it is disabled."""


def _write(asked: RequestBuffer) -> FilterConfig | BufferPerRoute:
    if asked.mode == "LimitOnly":
        return FilterConfig(disabled=True)
    return BufferPerRoute(buffer=Buffer(max_request_bytes=UInt32Value(value=asked.limit)))


FILTER = PolicyFilter(
    name=own_name("envoy.filters.http.buffer", BACKEND_TRAFFIC_POLICY.id),
    kind=BACKEND_TRAFFIC_POLICY.id,
    feature=REQUEST_BUFFER.field,
    idle=Buffer(max_request_bytes=_LEAST),
    write=_write,
)
