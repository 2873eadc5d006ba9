"""requestBuffer: what of it stands at routes. Pure.

What holds requests back is a filter. An upgrade that it held would never be led on, since such a request has no end.
"""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import Route

from egxds.model.api.backend_traffic.bodies import RequestBuffer
from egxds.translate.upgrades import forbid_websockets


def write_buffer_limit(route: Route, asked: RequestBuffer) -> None:
    """Write how much of a request may be held, and that none is held that has no end."""
    route.request_body_buffer_limit.value = asked.limit
    if asked.mode == "BufferAndLimit":
        forbid_websockets(route.route)
