"""faultInjection of a BackendTrafficPolicy, as a user writes it: requests that are held up, or fail. Pure.

Source: Envoy Gateway v1.9, FaultInjection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, StrictFloat, StrictInt, model_validator

from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import Duration
from egxds.model.api.validation import FieldError, refuse

Percentage = Annotated[StrictFloat | StrictInt, Field(ge=0, le=100)]
"""Of all requests, to a ten-thousandth."""


@api_type
class FaultDelay(ApiModel):
    """How long some are held up."""

    fixed_delay: Duration
    percentage: Percentage = 100


def abort_errors(abort: FaultAbort) -> Iterator[FieldError]:
    """Check that there is one status."""
    if (abort.http_status is None) == (abort.grpc_status is None):
        yield FieldError((), "needs one of httpStatus and grpcStatus")


@api_type
class FaultAbort(ApiModel):
    """How some fail."""

    http_status: Annotated[StrictInt, Field(ge=200, le=600)] | None = None
    grpc_status: Annotated[StrictInt, Field(ge=0, le=16)] | None = None
    percentage: Percentage = 100

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(abort_errors(self))
        return self


def fault_errors(faults: FaultInjection) -> Iterator[FieldError]:
    """Check that anything is to happen."""
    if faults.delay is None and faults.abort is None:
        yield FieldError((), "needs one of delay and abort")


@api_type
class FaultInjection(ApiModel):
    """What is to go wrong, to see how clients take it."""

    delay: FaultDelay | None = None
    abort: FaultAbort | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(fault_errors(self))
        return self
