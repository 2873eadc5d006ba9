"""What is written for each field of a ClientTrafficPolicy: a row for each place where Envoy has it. Pure.

Of a connection manager every row is asked, also where no policy says anything: the settings, and defaults that are
Envoy Gateway's, are written by the same rows. Filters that are put first come in the order of Envoy Gateway (v1.9):
the answer to health checks before all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)

from egxds.translate.client_traffic import client_addresses, headers, http_versions, limits, paths
from egxds.translate.client_traffic.place import ManagerPlace

Asked = Mapping[str, Any]
"""Field of a policy → what it asks, of the fields that it has."""

_MANAGER: tuple[tuple[str, Callable[[HttpConnectionManager, Any, ManagerPlace], None]], ...] = (
    ("clientIPDetection", client_addresses.write_client_address),
    ("path", paths.write_path),
    ("headers", headers.write_headers),
    ("timeout", limits.write_timeouts),
    ("connection", limits.write_connection),
    ("http1", http_versions.write_http1),
    ("http2", http_versions.write_http2),
    ("scheme", http_versions.write_scheme),
    ("grpc", http_versions.write_grpc),
    ("healthCheck", http_versions.write_health_check),
)

_LISTENER: tuple[tuple[str, Callable[[Listener, Any], None]], ...] = (
    ("proxyProtocol", client_addresses.write_proxy_protocol),
    ("tcpKeepalive", limits.write_keepalive),
    ("connection", limits.write_accepting),
    ("timeout", limits.write_inspection),
)

LISTENER_FIELDS = frozenset(name for name, _ in _LISTENER)
"""Fields of which something is of a whole port."""


def write_manager(manager: HttpConnectionManager, asked: Asked, place: ManagerPlace) -> None:
    """Write how a connection manager takes requests; the router comes behind the filters that are there."""
    for name, write in _MANAGER:
        write(manager, asked.get(name), place)


def write_listener(listener: Listener, asked: Asked) -> None:
    """Write how a Listener takes connections."""
    for name, write in _LISTENER:
        if name in asked:
            write(listener, asked[name])


def filters_before(asked: Asked, statistics: str) -> Iterator[Filter]:
    """Yield the filters of connections that stand before what takes them."""
    if "connection" in asked:
        yield from limits.connection_limits(asked["connection"], statistics)
