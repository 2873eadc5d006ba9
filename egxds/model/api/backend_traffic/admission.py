"""admissionControl of a BackendTrafficPolicy, as a user writes it: requests that are refused while others fail. Pure.

Source: Envoy Gateway v1.9, AdmissionControl.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, StrictInt, model_validator

from egxds.model.api.client_traffic.scalars import Count
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import Duration, duration_s
from egxds.model.api.validation import FieldError, refuse

GrpcStatus = Literal[
    "Ok",
    "Cancelled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
]

GRPC_STATUSES: tuple[str, ...] = get_args(GrpcStatus)
"""Words for gRPC's statuses, in the order of their numbers."""


@api_type
class HttpSuccess(ApiModel):
    """Statuses of HTTP that are no failures."""

    status_codes: tuple[Annotated[StrictInt, Field(ge=100, le=599)], ...] = ()


@api_type
class GrpcSuccess(ApiModel):
    """Statuses of gRPC that are no failures."""

    status_codes: tuple[GrpcStatus, ...] = ()


@api_type
class SuccessCriteria(ApiModel):
    """What is no failure."""

    http: HttpSuccess = HttpSuccess()
    grpc: GrpcSuccess = GrpcSuccess()


def admission_errors(asked: AdmissionControl) -> Iterator[FieldError]:
    """Check that the window is one: Envoy counts in whole seconds."""
    if asked.sampling_window is not None and duration_s(asked.sampling_window) < 1:
        yield FieldError(("samplingWindow",), "must be 1s or longer")


@api_type
class AdmissionControl(ApiModel):
    """When requests are refused because others fail, and how many.

    Attributes:
        sampling_window: in which successes are counted.
        min_success_rate: percent of successes from which on nothing is refused.
        rejection_aggression: how steeply more is refused as more fails; 1 is in proportion.
        min_request_rate: requests each second below which nothing is refused.
        max_rejection_percent: of requests that are refused at most.
    """

    sampling_window: Duration | None = None
    min_success_rate: Annotated[StrictInt, Field(ge=1, le=100)] | None = None
    rejection_aggression: Annotated[Count, Field(ge=1)] | None = None
    min_request_rate: Count | None = None
    max_rejection_percent: Annotated[StrictInt, Field(ge=0, le=100)] | None = None
    success_criteria: SuccessCriteria = SuccessCriteria()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(admission_errors(self))
        return self
