"""telemetry of a BackendTrafficPolicy, as a user writes it: what is traced and counted of the requests of a rule. Pure.

Source: Envoy Gateway v1.9, BackendTelemetry.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from egxds.model.api.envoy_proxy.tracing import Traced
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.stat_names import operator_errors
from egxds.model.api.validation import FieldError, refuse

ROUTE_NAME, ROUTE_NAMESPACE, ROUTE_KIND = "%ROUTE_NAME%", "%ROUTE_NAMESPACE%", "%ROUTE_KIND%"
"""What stands in the name for the route."""


def name_errors(metrics: RouteMetrics) -> Iterator[FieldError]:
    """Check that the name has no operators that nobody knows (Envoy Gateway's check)."""
    return operator_errors("routeStatName", metrics.name or "", (ROUTE_NAME, ROUTE_NAMESPACE, ROUTE_KIND))


@api_type
class RouteMetrics(ApiModel):
    """What is counted of a route.

    Attributes:
        name: under which, with operators; None for nothing.
    """

    name: Annotated[str | None, Field(alias="routeStatName")] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(name_errors(self))
        return self


@api_type
class BackendTelemetry(ApiModel):
    """What is traced in the place of what the EnvoyProxy says, and what is counted."""

    tracing: Traced | None = None
    metrics: RouteMetrics | None = None
