"""What a BackendTrafficPolicy says of how much backends are asked at a time (circuitBreaker). Pure.

Source: Envoy Gateway v1.9, CircuitBreaker.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, StrictInt, model_validator

from egxds.model.api.client_traffic.scalars import Count
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.validation import FieldError, refuse

_DEFAULT = 1024


@api_type
class EndpointCircuitBreaker(ApiModel):
    """The same of each endpoint by itself."""

    max_connections: Count = _DEFAULT


def share_errors(share: Share) -> Iterator[FieldError]:
    """Check that a part is no more than the whole."""
    if share.numerator > share.denominator:
        yield FieldError(("numerator",), "must not be more than denominator")


@api_type
class Share(ApiModel):
    """A part of a whole (Fraction)."""

    numerator: Annotated[StrictInt, Field(ge=0)]
    denominator: Annotated[StrictInt, Field(ge=1)] = 100

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(share_errors(self))
        return self


@api_type
class RetryBudget(ApiModel):
    """How many retries there may be at a time, by how many requests there are; it counts before `maxParallelRetries`.

    Attributes:
        min_retry_concurrency: how many there may be however few requests there are.
    """

    percent: Share
    min_retry_concurrency: Count | None = None


@api_type
class CircuitBreaker(ApiModel):
    """Of one backend of a rule, how much there may be at a time; what is beyond it is answered 503."""

    max_connections: Count = _DEFAULT
    max_pending_requests: Count = _DEFAULT
    max_parallel_requests: Count = _DEFAULT
    max_parallel_retries: Count = _DEFAULT
    max_requests_per_connection: Count | None = None
    per_endpoint: EndpointCircuitBreaker | None = None
    retry_budget: RetryBudget | None = None
