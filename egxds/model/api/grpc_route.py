"""GRPCRoute, as a user writes it. Pure.

The rules are those of the GRPCRoute's CRD (Gateway API v1.6, validation rules of GRPCRouteSpec and below). What only
Envoy's own configuration would refuse costs the rule it stands in (`unservable`).
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

    def unservable(self) -> Iterator[FieldError]:
        """Say which of its patterns are none."""
        for name, value in (("service", self.service), ("method", self.method)):
            if value and self.type == "RegularExpression":
                yield from regex_errors(value, (name,))

    def covered(self) -> GrpcMethodMatch | None:
        """Return what holds wherever it would: of a name that cannot be read, any; None where that is all of it."""
        unreadable = {error.path[0] for error in self.unservable()}
        service, method = ("" if name in unreadable else getattr(self, name) for name in ("service", "method"))
        if not service and not method:
            return None
        return self.model_validate({"type": self.type, "service": service, "method": method})


def method_errors(match: GrpcMethodMatch) -> Iterator[FieldError]:
    """Check what a match asks of service and method."""
    if not match.service and not match.method:
        yield FieldError((), "give service, method, or both")
    for name, value, pattern in (("service", match.service, _SERVICE), ("method", match.method, _METHOD)):
        if value and match.type == "Exact" and not pattern.fullmatch(value):
            yield FieldError((name,), f"is not the name of a {name}; for a pattern write type RegularExpression")


@api_type
class GrpcRouteMatch(RouteMatch):
    """All conditions of it must hold; one without any takes every gRPC request."""

    is_narrowing = True

    method: GrpcMethodMatch | None = None

    def unservable(self) -> Iterator[FieldError]:
        """Say which of its patterns are none."""
        if self.method is not None:
            yield from (error.below(("method",)) for error in self.method.unservable())
        yield from RouteMatch.unservable(self)

    def covered(self) -> Self | None:
        """Return what takes all that it would take; None where its method alone was to, and cannot be read."""
        method = self.method.covered() if self.method is not None else None
        if self.method is not None and method is None and not self.headers:
            return None
        return self._asking_for(method)

    def suspected(self) -> Self:
        """Return what takes every request."""
        return self._asking_for(None)

    def _asking_for(self, method: GrpcMethodMatch | None) -> Self:
        """Return what asks for a method, and for what else can be read."""
        return self.model_validate({"method": method, "headers": tuple(header.covered() for header in self.headers)})


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
