"""connection, tcpKeepalive and timeout: how many, how much, how long. Pure.

Some of it is of a Listener, and so of all listeners of a port; there it is what the first of them says.
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.core.v3.socket_option_pb2 import SocketOption
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.connection_limit.v3.connection_limit_pb2 import ConnectionLimit
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from google.protobuf.wrappers_pb2 import UInt32Value, UInt64Value

from egxds.model.api.client_traffic.connections import ClientConnection, ClientTimeout, TcpKeepalive
from egxds.model.api.scalars import duration_s
from egxds.resources.encoding import pack
from egxds.translate.client_traffic.place import ManagerPlace, lasting

_SOL_SOCKET, _SO_KEEPALIVE = 1, 9
_IPPROTO_TCP, _TCP_KEEPIDLE, _TCP_KEEPINTVL, _TCP_KEEPCNT = 6, 4, 5, 6


def write_keepalive(listener: Listener, asked: TcpKeepalive) -> None:
    """Have connections probed over which nothing comes; the numbers are Linux's."""
    idle = int(duration_s(asked.idle_time)) if asked.idle_time is not None else None
    interval = int(duration_s(asked.interval)) if asked.interval is not None else None
    found = ((_TCP_KEEPCNT, asked.probes), (_TCP_KEEPIDLE, idle), (_TCP_KEEPINTVL, interval))
    listener.socket_options.append(_option(_SOL_SOCKET, _SO_KEEPALIVE, 1))
    listener.socket_options.extend(_option(_IPPROTO_TCP, name, value) for name, value in found if value is not None)


def _option(level: int, name: int, value: int) -> SocketOption:
    return SocketOption(level=level, name=name, int_value=value, state=SocketOption.STATE_PREBIND)


def write_accepting(listener: Listener, asked: ClientConnection) -> None:
    """Write how connections are accepted, and how much of each is held."""
    if asked.buffer_limit is not None:
        listener.per_connection_buffer_limit_bytes.CopyFrom(UInt32Value(value=asked.buffer_limit))
    if asked.max_accept_per_socket_event:
        value = UInt32Value(value=asked.max_accept_per_socket_event)
        listener.max_connections_to_accept_per_socket_event.CopyFrom(value)
    elif asked.max_accept_per_socket_event is not None:
        listener.ClearField("max_connections_to_accept_per_socket_event")


def write_inspection(listener: Listener, asked: ClientTimeout) -> None:
    """Write for how long Envoy waits for what a connection begins with."""
    if asked.tcp.connection_inspection_timeout is not None:
        listener.listener_filters_timeout.CopyFrom(lasting(asked.tcp.connection_inspection_timeout))


def write_handshake(chain: FilterChain, asked: ClientTimeout) -> None:
    """Write for how long Envoy waits until TLS is there."""
    if asked.tcp.tls_handshake_timeout is not None:
        chain.transport_socket_connect_timeout.CopyFrom(lasting(asked.tcp.tls_handshake_timeout))


def connection_limits(asked: ClientConnection, statistics: str) -> Iterator[Filter]:
    """Yield the filter that closes connections beyond a number; it stands before what takes the others."""
    limit = asked.connection_limit
    if limit is not None and limit.value is not None:
        config = ConnectionLimit(stat_prefix=statistics, max_connections=UInt64Value(value=limit.value))
        if limit.close_delay is not None:
            config.delay.CopyFrom(lasting(limit.close_delay))
        yield Filter(name="envoy.filters.network.connection_limit", typed_config=pack(config))


def write_connection(manager: HttpConnectionManager, asked: ClientConnection | None, _place: ManagerPlace) -> None:
    """Write how much may come over one connection."""
    limit = asked.connection_limit if asked is not None else None
    if limit is None:
        return
    options = manager.common_http_protocol_options
    if limit.max_connection_duration is not None:
        options.max_connection_duration.CopyFrom(lasting(limit.max_connection_duration))
        manager.http1_safe_max_connection_duration = True
    if limit.max_stream_duration is not None:
        options.max_stream_duration.CopyFrom(lasting(limit.max_stream_duration))
    if limit.max_requests_per_connection is not None:
        options.max_requests_per_connection.CopyFrom(UInt32Value(value=limit.max_requests_per_connection))


def write_timeouts(manager: HttpConnectionManager, asked: ClientTimeout | None, _place: ManagerPlace) -> None:
    """Write for how long requests may come."""
    http = asked.http if asked is not None else None
    if http is None:
        return
    if http.request_received_timeout is not None:
        manager.request_timeout.CopyFrom(lasting(http.request_received_timeout))
    if http.request_headers_received_timeout is not None:
        manager.request_headers_timeout.CopyFrom(lasting(http.request_headers_received_timeout))
    if http.idle_timeout is not None:
        manager.common_http_protocol_options.idle_timeout.CopyFrom(lasting(http.idle_timeout))
    if http.stream_idle_timeout is not None:
        manager.stream_idle_timeout.CopyFrom(lasting(http.stream_idle_timeout))


def limit_stream(proxy: TcpProxy, timeout: ClientTimeout | None, connection: ClientConnection | None) -> None:
    """Write for how long connections last that are passed on as a whole."""
    if timeout is not None and timeout.tcp.idle_timeout is not None:
        proxy.idle_timeout.CopyFrom(lasting(timeout.tcp.idle_timeout))
    limit = connection.connection_limit if connection is not None else None
    if limit is not None and limit.max_connection_duration is not None:
        proxy.max_downstream_connection_duration.CopyFrom(lasting(limit.max_connection_duration))
