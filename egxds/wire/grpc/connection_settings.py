"""Wire room: what every connection of the xDS port begins with: windows, streams, and probes.

That a client is gone is found out by three means, since each is blind where another sees: a probe of a connection on
which nothing is sent, every 30 s (rule 111); a limit for written bytes that nobody acknowledges, as a probe waits
behind them in the same buffer; and, in `egxds.wire.xds.ads`, a limit for a response that the client's flow control
lets nobody write.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from grpclib.config import Configuration

if TYPE_CHECKING:
    from asyncio import BaseTransport

KEEPALIVE_TIME_S = 30.0
KEEPALIVE_TIMEOUT_S = 15.0
MAX_CONCURRENT_STREAMS = 2_000
"""Streams on one connection: a proxy in front may carry many Envoys on one; h2 alone allows 100."""

CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024
STREAM_WINDOW_BYTES = 128 * 1024
"""What a client may send of a stream that is not read: large messages wait for a slot (`egxds.grpc.receive_budget`)."""

WRITE_BUFFER_BYTES = 64 * 1024
"""What a transport takes before it asks to wait; asyncio's own takes half a MiB with TLS."""

_UNANSWERED_MS = 45_000
"""How long written bytes may go unacknowledged: a connection with a full buffer is not closed by a probe alone."""


def configuration(
    keepalive_time_s: float = KEEPALIVE_TIME_S, keepalive_timeout_s: float = KEEPALIVE_TIMEOUT_S
) -> Configuration:
    """Return the settings of every connection.

    An Envoy whose host is gone says nothing, and its ADS stream may be idle for days. grpclib by itself looks
    after two hours, and only twice until data flows again.

    Args:
        keepalive_time_s: time between two probes of a connection.
        keepalive_timeout_s: how long the answer to a probe may take.
    """
    return Configuration(
        _keepalive_time=keepalive_time_s,
        _keepalive_timeout=keepalive_timeout_s,
        # The private names are grpclib's own: there are no others. Without the next two lines it stops after two
        # probes.
        _keepalive_permit_without_calls=True,
        _http2_max_pings_without_data=0,
        _http2_min_sent_ping_interval_without_data=keepalive_time_s / 2,
        http2_connection_window_size=CONNECTION_WINDOW_BYTES,
        http2_stream_window_size=STREAM_WINDOW_BYTES,
    )


def limit_unanswered(transport: BaseTransport) -> None:
    """Have a connection closed on which written bytes are not acknowledged."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNANSWERED_MS)
