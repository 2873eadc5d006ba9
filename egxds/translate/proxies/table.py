"""What is written for each feature of EnvoyProxies: a row for each place where Envoy has it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)

from egxds.model.resolve.proxies.access_log import ACCESS_LOG, Log
from egxds.model.resolve.proxies.tracing import TRACING
from egxds.translate.proxies.access_log import listener_logs, route_logs
from egxds.translate.proxies.tracing import write_tracing

ProxyAsked = Mapping[str, Any]
"""Feature → what it comes to, of those that are asked for."""

_Row = tuple[str, Callable[[Any, Any], None]]


def _log_routes(forwarding: Any, logs: Iterable[Log]) -> None:
    forwarding.access_log.extend(route_logs(logs))


def _log_listener(listener: Listener, logs: Iterable[Log]) -> None:
    listener.access_log.extend(listener_logs(logs))


_FORWARDING: tuple[_Row, ...] = ((ACCESS_LOG.name, _log_routes),)
_MANAGER: tuple[_Row, ...] = (*_FORWARDING, (TRACING.name, write_tracing))
_LISTENER: tuple[_Row, ...] = ((ACCESS_LOG.name, _log_listener),)


def write_proxied_manager(manager: HttpConnectionManager, asked: ProxyAsked) -> None:
    """Write what is asked of a connection manager."""
    _write(_MANAGER, manager, asked)


def write_forwarding(forwarding: Any, asked: ProxyAsked) -> None:
    """Write what is asked of what forwards connections, or datagrams, as a whole: a tcp_proxy, or a udp_proxy."""
    _write(_FORWARDING, forwarding, asked)


def write_proxied_listener(listener: Listener, asked: ProxyAsked) -> None:
    """Write what is asked of a Listener for connections."""
    _write(_LISTENER, listener, asked)


def _write(rows: tuple[_Row, ...], message: object, asked: ProxyAsked) -> None:
    for name, write in rows:
        if name in asked:
            write(message, asked[name])
