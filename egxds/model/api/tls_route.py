"""TLSRoute, as a user writes it. Pure."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from egxds.model.api.object import GATEWAY_GROUP, Kind, api_type
from egxds.model.api.routes import route_errors
from egxds.model.api.scalars import ServerName
from egxds.model.api.stream_routes import StreamRouteSpec
from egxds.model.api.validation import refuse


@api_type
class TlsRouteSpec(StreamRouteSpec):
    """spec of a TLSRoute.

    Attributes:
        hostnames: server names that a client asks for; the newest version of the API wants one at least, and in the
            first none meant all.
    """

    hostnames: tuple[ServerName, ...] = Field(default=(), max_length=1024)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(route_errors(self, 0))
        return self


TLS_ROUTE = Kind(GATEWAY_GROUP, "TLSRoute", ("v1", "v1alpha3", "v1alpha2"), TlsRouteSpec)
