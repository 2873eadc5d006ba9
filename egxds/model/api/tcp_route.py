"""TCPRoute, as a user writes it. Pure."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from egxds.model.api.object import GATEWAY_GROUP, Kind, api_type
from egxds.model.api.routes import route_errors
from egxds.model.api.stream_routes import StreamRouteSpec
from egxds.model.api.validation import refuse


@api_type
class TcpRouteSpec(StreamRouteSpec):
    """spec of a TCPRoute: everything that comes to the listener goes to the backends."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(route_errors(self, 0))
        return self


TCP_ROUTE = Kind(GATEWAY_GROUP, "TCPRoute", ("v1", "v1alpha2"), TcpRouteSpec)
