"""What a ClientTrafficPolicy says of HTTP: its versions, paths, and the answer to health checks. Pure.

Source: Envoy Gateway v1.9, PathSettings, HTTP1Settings, HTTP2Settings, HTTP3Settings, GRPCSettings,
HealthCheckSettings.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from egxds.model.api.client_traffic.scalars import Count, TextMatch, like
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import LongerThanNothing
from egxds.settings.client_traffic import EscapedSlashesAction
from egxds.settings.quantities import ByteSize

Scheme = Literal["Preserve", "MatchBackend"]
"""Which scheme backends are told: that of the client's request, or that of the connection to them."""


@api_type
class ClientPath(ApiModel):
    """What becomes of a path before it is matched; what is not said is as the settings have it."""

    is_narrowing = True

    escaped_slashes_action: EscapedSlashesAction | None = None
    disable_merge_slashes: StrictBool | None = None


@api_type
class Http10(ApiModel):
    """HTTP/1.0 is taken.

    Attributes:
        use_default_host: whether a request without a Host is one for the hostname of the listener.
    """

    use_default_host: StrictBool = False


@api_type
class Http1(ApiModel):
    """HTTP/1."""

    enable_trailers: StrictBool = False
    preserve_header_case: StrictBool = False
    http10: Annotated[Http10 | None, Field(alias="http10")] = None
    disable_safe_max_connection_duration: StrictBool = False
    ignored_upgrade_types: tuple[TextMatch, ...] = ()

    @property
    def uses_default_host(self) -> bool:
        """Whether the hostname of the listener is needed."""
        return self.http10 is not None and self.http10.use_default_host


@api_type
class Http2Keepalive(ApiModel):
    """PING frames on connections: one each interval, with an answer in time.

    Attributes:
        idle_interval: after which a connection without requests is asked before it gets one.
        interval_jitter: by which part of it, in per cent, an interval may be longer.
    """

    interval: LongerThanNothing | None = None
    timeout: LongerThanNothing | None = None
    idle_interval: LongerThanNothing | None = None
    interval_jitter: Annotated[StrictInt, Field(ge=0, le=100)] | None = None


@api_type
class Http2(ApiModel):
    """HTTP/2; sizes in bytes."""

    initial_stream_window_size: Annotated[ByteSize, Field(ge=65535, le=2_147_483_647)] | None = None
    initial_connection_window_size: Annotated[ByteSize, Field(ge=65535, le=2_147_483_647)] | None = None
    max_concurrent_streams: Annotated[Count, Field(ge=1, le=2_147_483_647)] | None = None
    on_invalid_message: Literal["TerminateConnection", "TerminateStream"] = "TerminateConnection"
    connection_keepalive: Http2Keepalive | None = None


@api_type
class Http3(ApiModel):
    """HTTP/3."""


@api_type
class Grpc(ApiModel):
    """gRPC of browsers.

    Attributes:
        enable_web: whether it is understood (gRPC-Web).
    """

    enable_web: StrictBool = False


@api_type
class HealthCheck(ApiModel):
    """A path that answers 200 while Envoy takes requests."""

    path: Annotated[
        str, Field(min_length=1, max_length=1024), like(r"/[^\x00-\x20\x7f]*", "is no path: write it like /ready")
    ]
