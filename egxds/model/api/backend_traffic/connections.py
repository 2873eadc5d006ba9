"""What a BackendTrafficPolicy says of connections to backends: connection, dns, proxyProtocol. Pure.

Source: Envoy Gateway v1.9, BackendConnection, DNS, ProxyProtocol.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictInt

from egxds.model.api.client_traffic.connections import BufferSize
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import LongerThanNothing

_QUANTITY = re.compile(r"[1-9]+[0-9]*([EPTGMK]i|[EPTGMk])?")


def _check_quantity(value: object) -> object:
    if isinstance(value, str) and not _QUANTITY.fullmatch(value):
        raise ValueError("is no size: write it like 4096, 64Ki or 1M")
    return value


_Size = Annotated[BufferSize, Field(ge=1), BeforeValidator(_check_quantity)]
_Percent = Annotated[StrictInt, Field(ge=100, le=300)]


@api_type
class Preconnect(ApiModel):
    """Connections that are made before they are needed, in per cent of those that are needed.

    Attributes:
        per_endpoint_percent: at each endpoint that is in use.
        predictive_percent: at all of them, by who would be asked next: Envoy takes no more than 300, whatever the API
            has, and knows who is next where the load balancer is RoundRobin or Random.
    """

    per_endpoint_percent: _Percent | None = None
    predictive_percent: _Percent | None = None


@api_type
class BackendConnection(ApiModel):
    """How connections are made.

    Attributes:
        buffer_limit: bytes of each that Envoy holds.
        socket_buffer_limit: bytes of each that the machine holds, each way.
    """

    buffer_limit: _Size | None = None
    socket_buffer_limit: Annotated[_Size, Field(le=2_147_483_647)] | None = None
    preconnect: Preconnect | None = None


@api_type
class Dns(ApiModel):
    """How names of endpoints are resolved.

    Attributes:
        dns_refresh_rate: how often, where answers do not say it, or are not to.
        respect_dns_ttl: whether they say it.
        lookup_family: addresses of which kind are asked for.
    """

    dns_refresh_rate: LongerThanNothing = "30s"
    respect_dns_ttl: StrictBool = True
    lookup_family: Literal["IPv4", "IPv6", "IPv4Preferred", "IPv6Preferred", "IPv4AndIPv6"] | None = None


@api_type
class BackendProxyProtocol(ApiModel):
    """Connections say whom they are for (PROXY protocol)."""

    version: Literal["V1", "V2"]
