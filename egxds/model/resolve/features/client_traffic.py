"""What else a ClientTrafficPolicy asks: a row for each field, taken as it is written. Pure.

What decides whom a client is taken for denies where it cannot be done; what is about how much, and how long, does not.
"""

from __future__ import annotations

from typing import Any

from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.client_tls import CLIENT_TLS
from egxds.model.resolve.features.feature import Feature, FeatureContext


def _as_written(asked: Any, _context: FeatureContext) -> object:
    return asked


def _later(_asked: Any, context: FeatureContext) -> Fault:
    message = "HTTP/3 is not served here yet: clients have HTTP/1.1 and HTTP/2, which they use as well; delete it"
    return Fault(Reason.INVALID, message, context.path)


CLIENT_TRAFFIC_FEATURES = (
    CLIENT_TLS,
    Feature("clientIPDetection", "client_ip_detection", _as_written),
    Feature("proxyProtocol", "asked_proxy_protocol", _as_written),
    Feature("headers", "headers", _as_written),
    Feature("path", "path", _as_written),
    Feature("connection", "connection", _as_written, is_deciding=False),
    Feature("grpc", "grpc", _as_written, is_deciding=False),
    Feature("healthCheck", "health_check", _as_written, is_deciding=False),
    Feature("http1", "http1", _as_written, is_deciding=False),
    Feature("http2", "http2", _as_written, is_deciding=False),
    Feature("http3", "http3", _later, is_deciding=False),
    Feature("scheme", "scheme", _as_written, is_deciding=False),
    Feature("tcpKeepalive", "tcp_keepalive", _as_written, is_deciding=False),
    Feature("timeout", "timeout", _as_written, is_deciding=False),
)
