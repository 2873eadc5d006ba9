"""What a BackendTrafficPolicy says of how long things may take (timeout). Pure.

Source: Envoy Gateway v1.9, Timeout.
"""

from __future__ import annotations

from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import Duration, LongerThanNothing


@api_type
class BackendTcpTimeout(ApiModel):
    """Limits for connections, whatever they carry.

    Attributes:
        connect_timeout: until one is there, its TLS included.
    """

    connect_timeout: LongerThanNothing | None = None


@api_type
class BackendHttpTimeout(ApiModel):
    """Limits for HTTP; a limit of 0s is none.

    Attributes:
        connection_idle_timeout: of connections without requests.
        max_connection_duration: of connections, however many requests they have.
        request_timeout: until an answer is there as a whole.
        max_stream_duration: of a request and its answer together, as streams have it.
        stream_idle_timeout: of a request over which nothing comes or goes.
    """

    connection_idle_timeout: Duration | None = None
    max_connection_duration: Duration | None = None
    request_timeout: Duration | None = None
    max_stream_duration: Duration | None = None
    stream_idle_timeout: Duration | None = None


@api_type
class BackendTimeout(ApiModel):
    """How long backends may take."""

    tcp: BackendTcpTimeout = BackendTcpTimeout()
    http: BackendHttpTimeout = BackendHttpTimeout()

    @property
    def of_connections(self) -> BackendTimeout | None:
        """What of it is about connections; None where nothing is."""
        idle, whole = self.http.connection_idle_timeout, self.http.max_connection_duration
        http = BackendHttpTimeout.model_validate({"connectionIdleTimeout": idle, "maxConnectionDuration": whole})
        return _said(BackendTimeout(tcp=self.tcp, http=http))

    @property
    def of_requests(self) -> BackendTimeout | None:
        """What of it is about requests; None where nothing is."""
        request, stream, idle = self.http.request_timeout, self.http.max_stream_duration, self.http.stream_idle_timeout
        http = BackendHttpTimeout.model_validate(
            {"requestTimeout": request, "maxStreamDuration": stream, "streamIdleTimeout": idle}
        )
        return _said(BackendTimeout(http=http))


def _said(asked: BackendTimeout) -> BackendTimeout | None:
    return asked if asked != BackendTimeout() else None
