"""What a BackendTrafficPolicy asks: a row for each field, taken as it is written. Pure.

Some of it stands at clusters and some at routes: see `egxds.translate.backend_traffic`. None of it decides on access:
what cannot be done is an error, and what the policy is for goes without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from egxds.model.api.backend_traffic.load_balancer import LoadBalancer
from egxds.model.api.backend_traffic.timeouts import BackendTimeout
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import Feature, FeatureContext
from egxds.model.resolve.features.rate_limit import RATE_LIMIT
from egxds.model.resolve.features.response_override import RESPONSE_OVERRIDE
from egxds.model.resolve.features.retry import RETRY
from egxds.model.resolve.features.route_traffic import (
    BANDWIDTH_LIMIT,
    COMPRESSION,
    COMPRESSOR,
    FAULT_INJECTION,
    REQUEST_BUFFER,
)
from egxds.model.resolve.features.upgrades import HTTP_UPGRADE


def _as_written(asked: Any, _context: FeatureContext) -> object:
    return asked


def _reports_later(_asked: Any, context: FeatureContext) -> Fault:
    message = "is not served here yet: endpoints are believed what they say in their answers; delete it"
    path = (*context.path, "backendUtilization", "outOfBand")
    return Fault(Reason.INVALID, f"backendUtilization.outOfBand {message}", path)


CLUSTER_FEATURES = (
    Feature("admissionControl", "admission_control", _as_written, is_deciding=False),
    Feature("circuitBreaker", "circuit_breaker", _as_written, is_deciding=False),
    Feature("connection", "connection", _as_written, is_deciding=False),
    Feature("dns", "dns", _as_written, is_deciding=False),
    Feature("healthCheck", "health_check", _as_written, is_deciding=False),
    Feature("http2", "http2", _as_written, is_deciding=False),
    Feature("loadBalancer", "load_balancer", _as_written, is_deciding=False),
    Feature("loadBalancer", "reports", _reports_later, is_deciding=False),
    Feature("proxyProtocol", "proxy_protocol", _as_written, is_deciding=False),
    Feature("tcpKeepalive", "tcp_keepalive", _as_written, is_deciding=False),
    Feature("timeout", "timeout", _as_written, is_deciding=False),
    Feature("useClientProtocol", "use_client_protocol", _as_written, is_deciding=False),
)
"""Those of which something stands at clusters."""

ROUTE_FEATURES = (
    BANDWIDTH_LIMIT,
    COMPRESSION,
    COMPRESSOR,
    FAULT_INJECTION,
    HTTP_UPGRADE,
    RATE_LIMIT,
    REQUEST_BUFFER,
    RESPONSE_OVERRIDE,
    RETRY,
    Feature("telemetry", "telemetry", _as_written, is_deciding=False),
)
"""The others."""

BACKEND_TRAFFIC_FEATURES = (*CLUSTER_FEATURES, *ROUTE_FEATURES)


def _itself(asked: Any) -> object:
    return asked


def _of_connections(asked: BackendTimeout) -> object:
    return asked.of_connections


def _of_requests(asked: BackendTimeout) -> object:
    return asked.of_requests


def _if_it_parts(asked: LoadBalancer) -> object:
    return asked if asked.zones is not None else None


def _if_it_parts_or_reports(asked: LoadBalancer) -> object:
    return asked if asked.hides_reports else _if_it_parts(asked)


def _if_it_parts_or_hashes(asked: LoadBalancer) -> object:
    return asked if asked.consistent_hash is not None else _if_it_parts(asked)


_AT_CLUSTERS: Mapping[str, Callable[[Any], object]] = {
    **{feature.field: _itself for feature in CLUSTER_FEATURES},
    "timeout": _of_connections,
}
_AT_ROUTES: Mapping[str, Callable[[Any], object]] = {
    # A rule of several backends has a cluster for each where zones matter.
    "loadBalancer": _if_it_parts_or_reports,
    "timeout": _of_requests,
    HTTP_UPGRADE.field: _itself,
    REQUEST_BUFFER.field: _itself,
    "telemetry": _itself,
    BANDWIDTH_LIMIT.field: _itself,
}
"""Fields of which something stands at every single route, since Envoy has it nowhere above."""

_AT_STREAMS: Mapping[str, Callable[[Any], object]] = {
    "loadBalancer": _if_it_parts_or_hashes,
    "telemetry": _itself,
}
"""Fields of which something stands where connections and datagrams are passed on as a whole."""


def cluster_part(settings: Mapping[str, object]) -> Mapping[str, object]:
    """Return what stands at clusters of what is asked: other clusters are written where that is another."""
    return _part(settings, _AT_CLUSTERS)


def route_part(settings: Mapping[str, object]) -> Mapping[str, object]:
    """Return what stands at single routes of what is asked: other routes are written where that is another."""
    return _part(settings, _AT_ROUTES)


def stream_part(settings: Mapping[str, object]) -> Mapping[str, object]:
    """Return what stands where connections and datagrams are passed on as a whole."""
    return _part(settings, _AT_STREAMS)


def _part(settings: Mapping[str, object], parts: Mapping[str, Callable[[Any], object]]) -> Mapping[str, object]:
    if not settings:
        return settings
    found = {name: part(settings[name]) for name, part in parts.items() if name in settings}
    return {name: asked for name, asked in found.items() if asked is not None}
