"""What of a BackendTrafficPolicy stands at clusters: a row for each field. Pure.

What comes to the rows is `BackendTraffic.of_clusters`: a field that has something to say elsewhere, too, comes with its
part for clusters alone (`egxds.model.resolve.features.backend_traffic`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from egxds.translate.backend_traffic import (
    admission,
    circuit_breaker,
    connections,
    health_check,
    http_versions,
    load_balancer,
    timeouts,
)
from egxds.translate.backend_traffic.draft import ClusterDraft

_ROWS: tuple[tuple[str, Callable[[ClusterDraft, Any], None]], ...] = (
    ("admissionControl", admission.write_admission_control),
    ("circuitBreaker", circuit_breaker.write_circuit_breaker),
    ("connection", connections.write_connection),
    ("dns", connections.write_dns),
    ("healthCheck", health_check.write_health_check),
    ("http2", http_versions.write_http2),
    ("loadBalancer", load_balancer.write_load_balancer),
    ("useClientProtocol", http_versions.write_client_protocol),
    # Around what the rows before have written.
    ("proxyProtocol", connections.write_proxy_protocol),
    ("tcpKeepalive", connections.write_keepalive),
    ("timeout", timeouts.write_connection_timeouts),
)


def write_asked(draft: ClusterDraft, asked: Mapping[str, object]) -> None:
    """Write what policies ask of a cluster, over what it has without them."""
    for name, write in _ROWS:
        if name in asked:
            write(draft, asked[name])
