"""What a ClientTrafficPolicy says of connections: how long they live, how many there are, what they begin with. Pure.

Source: Envoy Gateway v1.9, TCPKeepalive, ClientConnection, ClientTimeout, ProxyProtocolSettings.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, StrictInt

from egxds.model.api.client_traffic.scalars import Count
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import Duration
from egxds.settings.quantities import ByteSize

BufferSize = Annotated[ByteSize, Field(ge=0, le=4_294_967_295)]


@api_type
class TcpKeepalive(ApiModel):
    """Probes on connections over which nothing comes; without any value those of the machine."""

    probes: Count | None = None
    idle_time: Duration | None = None
    interval: Duration | None = None


@api_type
class ConnectionLimit(ApiModel):
    """How many connections there may be, and how much one may do.

    Attributes:
        value: how many at a time; None for any number.
        close_delay: for which one beyond that is held before it is closed.
    """

    value: Annotated[StrictInt, Field(ge=1)] | None = None
    close_delay: Duration | None = None
    max_connection_duration: Duration | None = None
    max_requests_per_connection: Count | None = None
    max_stream_duration: Duration | None = None


@api_type
class ClientConnection(ApiModel):
    """How connections are taken.

    Attributes:
        buffer_limit: bytes of each that are held.
        max_accept_per_socket_event: connections that are accepted at a time; 0 for all that wait.
    """

    connection_limit: ConnectionLimit | None = None
    buffer_limit: BufferSize | None = None
    max_accept_per_socket_event: Count | None = None


@api_type
class TcpClientTimeout(ApiModel):
    """Limits for connections, whatever they carry.

    Attributes:
        idle_timeout: of those that are passed on as a whole.
        tls_handshake_timeout: until TLS is there.
        connection_inspection_timeout: until what a connection begins with has been seen.
    """

    idle_timeout: Duration | None = None
    tls_handshake_timeout: Duration | None = None
    connection_inspection_timeout: Duration | None = None


@api_type
class HttpClientTimeout(ApiModel):
    """Limits for requests; a limit of 0s is none."""

    request_received_timeout: Duration | None = None
    request_headers_received_timeout: Duration | None = None
    idle_timeout: Duration | None = None
    stream_idle_timeout: Duration | None = None


@api_type
class ClientTimeout(ApiModel):
    """How long clients may take."""

    tcp: TcpClientTimeout = TcpClientTimeout()
    http: HttpClientTimeout = HttpClientTimeout()


@api_type
class ProxyProtocol(ApiModel):
    """Whether connections say themselves whom they come from (PROXY protocol, versions 1 and 2).

    Attributes:
        optional: whether one may also not say it.
    """

    is_narrowing = True

    optional: StrictBool = False
