"""Wire room: the HTTP/2 state of a connection as it begins: windows, streams, and what is kept of those that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from h2.connection import H2Connection
from h2.settings import SettingCodes

from egxds.wire.grpc.connection_settings import MAX_CONCURRENT_STREAMS
from egxds.wire.grpc.header_limits import limit_headers
from egxds.wire.grpc.incoming_frames import watch_frames

if TYPE_CHECKING:
    from grpclib.config import Configuration
    from h2.config import H2Configuration


class _ForgetfulConnection(H2Connection):
    """Remembers how the last streams ended, by which it tells a late frame from a wrong one.

    h2 by itself keeps 65,536 of them, which are 10 MB of a connection that opens streams all the time. Late is what
    was on its way; by then, not more can have ended than may be open.
    """

    MAX_CLOSED_STREAMS = MAX_CONCURRENT_STREAMS


def server_http2(config: Configuration, h2_config: H2Configuration) -> H2Connection:
    """Return the state of a new connection; its SETTINGS go out with the next bytes.

    Args:
        config: of gRPC; the sizes of windows.
        h2_config: of HTTP/2.
    """
    h2 = _ForgetfulConnection(h2_config)
    h2.initiate_connection()
    h2.increment_flow_control_window(config.http2_connection_window_size - h2.local_settings.initial_window_size)
    h2.update_settings(
        {
            SettingCodes.INITIAL_WINDOW_SIZE: config.http2_stream_window_size,
            SettingCodes.MAX_CONCURRENT_STREAMS: MAX_CONCURRENT_STREAMS,
        }
    )
    watch_frames(h2)
    limit_headers(h2)
    return h2
