"""timeout: how long connections and requests may take. Pure.

A request may be silent for as long as it may take, and for an hour at least (Envoy Gateway).
"""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import Route

from egxds.model.api.backend_traffic.timeouts import BackendTimeout
from egxds.model.api.scalars import duration_s
from egxds.translate.backend_traffic.draft import ClusterDraft
from egxds.translate.client_traffic.place import lasting

LONG_IDLE_S = 3600.0
"""Envoy would cut a stream that is silent for 5 minutes, whatever the route's own timeout."""


def write_connection_timeouts(draft: ClusterDraft, asked: BackendTimeout) -> None:
    """Write how long it takes at most until a connection is there, and how long it stays."""
    if asked.tcp.connect_timeout is not None:
        draft.cluster.connect_timeout.CopyFrom(lasting(asked.tcp.connect_timeout))
    options = draft.http.common_http_protocol_options
    if asked.http.connection_idle_timeout is not None:
        options.idle_timeout.CopyFrom(lasting(asked.http.connection_idle_timeout))
    if asked.http.max_connection_duration is not None:
        options.max_connection_duration.CopyFrom(lasting(asked.http.max_connection_duration))


def write_request_timeouts(route: Route, asked: BackendTimeout) -> None:
    """Write how long requests may take that go to a backend."""
    action = route.route
    if asked.http.request_timeout is not None:
        whole_s = duration_s(asked.http.request_timeout)
        action.timeout.CopyFrom(lasting(asked.http.request_timeout))
        action.idle_timeout.FromMilliseconds(round(silence_s(whole_s) * 1000))
    if asked.http.max_stream_duration is not None:
        action.max_stream_duration.max_stream_duration.CopyFrom(lasting(asked.http.max_stream_duration))
    if asked.http.stream_idle_timeout is not None:
        action.idle_timeout.CopyFrom(lasting(asked.http.stream_idle_timeout))


def silence_s(whole_s: float) -> float:
    """Return for how many seconds a request may be silent that may take some; 0 for any number, and so is `whole_s`."""
    return max(whole_s, LONG_IDLE_S) if whole_s else 0.0
