"""How HTTP/2 is spoken, as policies say it for clients and for backends. Pure."""

from __future__ import annotations

from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from egxds.model.api.client_traffic.requests import Http2, Http2Keepalive
from egxds.translate.client_traffic.place import lasting

_CONNECTION_WINDOW_BYTES = 1048576
_STREAM_WINDOW_BYTES = 65536


def write_http2_options(options: Http2ProtocolOptions, asked: Http2) -> None:
    """Write how HTTP/2 is spoken; what a policy does not say is Envoy Gateway's default, or Envoy's own."""
    stream = asked.initial_stream_window_size or _STREAM_WINDOW_BYTES
    connection = asked.initial_connection_window_size or _CONNECTION_WINDOW_BYTES
    options.initial_stream_window_size.CopyFrom(UInt32Value(value=stream))
    options.initial_connection_window_size.CopyFrom(UInt32Value(value=connection))
    if asked.max_concurrent_streams is not None:
        options.max_concurrent_streams.CopyFrom(UInt32Value(value=asked.max_concurrent_streams))
    if asked.on_invalid_message == "TerminateStream":
        options.override_stream_error_on_invalid_http_message.CopyFrom(BoolValue(value=True))
    if asked.connection_keepalive is not None:
        _write_keepalive(options, asked.connection_keepalive)


def _write_keepalive(options: Http2ProtocolOptions, asked: Http2Keepalive) -> None:
    keepalive = options.connection_keepalive
    for name, text in (
        ("interval", asked.interval),
        ("timeout", asked.timeout),
        ("connection_idle_interval", asked.idle_interval),
    ):
        if text is not None:
            getattr(keepalive, name).CopyFrom(lasting(text))
    if asked.interval_jitter is not None:
        keepalive.interval_jitter.value = asked.interval_jitter
