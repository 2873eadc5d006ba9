"""GRPCRoute, as a user writes it. Pure.

The rules are those of the GRPCRoute's CRD (Gateway API v1.6, validation rules of GRPCRouteSpec and below), and what
Envoy's own configuration would refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from egxds.model.api.filters import RouteFilter, repeated_filters
from egxds.model.api.matches import RouteMatch, regex_errors
from egxds.model.api.object import GATEWAY_GROUP, ApiModel, Kind, api_type
from egxds.model.api.routes import FilteringBackendRef, RouteRule, RouteSpec, route_errors
from egxds.model.api.scalars import Hostname
from egxds.model.api.validation import FieldError, refuse

_SERVICE = re.compile(r"\.?[A-Za-z_][A-Za-z_0-9]*(\.[A-Za-z_][A-Za-z_0-9]*)*")
_METHOD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


@api_type
class GrpcMethodMatch(ApiModel):
    """The service, the method, or both, that a request must be for."""

    is_narrowing = True

    type: Literal["Exact", "RegularExpression"] = "Exact"
    service: str = Field(default="", max_length=1024)
    method: str = Field(default="", max_length=1024)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(method_errors(self))
        return self


def method_errors(match: GrpcMethodMatch) -> Iterator[FieldError]:
    """Check what a match asks of service and method."""
    if not match.service and not match.method:
        yield FieldError((), "give service, method, or both")
    for name, value, pattern in (("service", match.service, _SERVICE), ("method", match.method, _METHOD)):
        if value and match.type == "RegularExpression":
            yield from regex_errors(value, (name,))
        elif value and not pattern.fullmatch(value):
            yield FieldError((name,), f"is not the name of a {name}; for a pattern write type RegularExpression")


@api_type
class GrpcRouteMatch(RouteMatch):
    """All conditions of it must hold; one without any takes every gRPC request."""

    is_narrowing = True

    method: GrpcMethodMatch | None = None


@api_type
class GrpcRouteFilter(RouteFilter):
    """One filter of a rule of a GRPCRoute."""

    type: Literal["RequestHeaderModifier", "ResponseHeaderModifier", "ExtensionRef", "RequestMirror"]


@api_type
class GrpcBackendRef(FilteringBackendRef):
    """One backend of a rule of a GRPCRoute."""

    filters: tuple[GrpcRouteFilter, ...] = Field(default=(), max_length=16)


@api_type
class GrpcRouteRule(RouteRule):
    """One rule of a GRPCRoute."""

    unserved_fields = frozenset({"sessionPersistence"})

    matches: tuple[GrpcRouteMatch, ...] = Field(default=(), max_length=64)
    filters: tuple[GrpcRouteFilter, ...] = Field(default=(), max_length=16)
    backend_refs: tuple[GrpcBackendRef, ...] = Field(default=(), max_length=16)

    def filters_of(self, backend: int) -> tuple[RouteFilter, ...]:
        """Return what is done to the requests that go to one of its backends, counted from 0."""
        return self.backend_refs[backend].filters

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(repeated_filters(self.filters))
        return self


@api_type
class GrpcRouteSpec(RouteSpec):
    """spec of a GRPCRoute."""

    hostnames: tuple[Hostname, ...] = Field(default=(), max_length=16)
    rules: tuple[GrpcRouteRule, ...] = Field(default=(), max_length=16)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(route_errors(self, sum(len(rule.matches) for rule in self.rules)))
        return self


GRPC_ROUTE = Kind(GATEWAY_GROUP, "GRPCRoute", ("v1", "v1alpha2"), GrpcRouteSpec)
