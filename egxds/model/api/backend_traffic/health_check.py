"""What a BackendTrafficPolicy says of how endpoints are found to be down, and up again (healthCheck). Pure.

Source: Envoy Gateway v1.9, HealthCheck.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from egxds.model.api.client_traffic.scalars import Count
from egxds.model.api.object import ApiModel, Port, api_type
from egxds.model.api.scalars import Base64Bytes, Hostname, LongerThanNothing
from egxds.model.api.validation import FieldError, refuse

_Threshold = Annotated[Count, Field(ge=1)]
_Percent = Annotated[StrictInt, Field(ge=0, le=100)]
_Status = Annotated[StrictInt, Field(ge=100, le=599)]


def payload_errors(payload: Payload) -> Iterator[FieldError]:
    """Check that the payload is there, in the form that is said."""
    for kind, name, value in (("Text", "text", payload.text), ("Binary", "binary", payload.binary)):
        if (payload.type == kind) != (value is not None):
            yield FieldError((name,), f"must be given where type is {kind}, and nowhere else")


@api_type
class Payload(ApiModel):
    """Bytes that are sent, or that are to come."""

    type: Literal["Text", "Binary"]
    text: Annotated[str, Field(min_length=1)] | None = None
    binary: Annotated[Base64Bytes, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(payload_errors(self))
        return self

    @property
    def content(self) -> bytes:
        """The bytes."""
        return (self.text or "").encode() if self.binary is None else self.binary


@api_type
class HttpChecker(ApiModel):
    """A request, and the answers by which an endpoint is up.

    Attributes:
        hostname: whom the request names; without it the host of the route.
        retriable_statuses: those that are counted, and do not have an endpoint down at once.
    """

    hostname: Hostname | None = None
    path: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\x00-\x20\x7f]*$")]
    method: Literal["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"] = "GET"
    expected_statuses: tuple[_Status, ...] = ()
    retriable_statuses: tuple[_Status, ...] = ()
    expected_response: Payload | None = None
    request_body: Payload | None = None


@api_type
class TcpChecker(ApiModel):
    """Bytes that are sent, and those that are to come; without any, the connection is enough."""

    send: Payload | None = None
    receive: Payload | None = None


@api_type
class GrpcChecker(ApiModel):
    """The service of the protocol for health checks that is asked about; without it, all of the server."""

    service: str = ""


@api_type
class CheckOverrides(ApiModel):
    """What is otherwise for checks than for requests."""

    port: Port | None = None


def active_errors(asked: ActiveCheck) -> Iterator[FieldError]:
    """Check that the checker is there of the type that is said, and no other."""
    for kind, name, value in (("HTTP", "http", asked.http), ("TCP", "tcp", asked.tcp), ("GRPC", "grpc", asked.grpc)):
        if asked.type == kind and value is None and kind != "GRPC":
            yield FieldError((name,), f"must be given where type is {kind}")
        elif asked.type != kind and value is not None:
            yield FieldError((name,), f"is for type {kind}")


@api_type
class ActiveCheck(ApiModel):
    """Endpoints are asked whether they are up."""

    timeout: LongerThanNothing = "1s"
    interval: LongerThanNothing = "3s"
    initial_jitter: LongerThanNothing | None = None
    unhealthy_threshold: _Threshold = 3
    healthy_threshold: _Threshold = 1
    type: Literal["HTTP", "TCP", "GRPC"]
    http: HttpChecker | None = None
    tcp: TcpChecker | None = None
    grpc: GrpcChecker | None = None
    overrides: CheckOverrides = CheckOverrides()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(active_errors(self))
        return self


@api_type
class PassiveCheck(ApiModel):
    """Endpoints whose answers are errors, or that cannot be connected to, are left out for a while.

    Attributes:
        split_external_local_origin_errors: whether what Envoy finds by itself is counted apart from answers.
        consecutive_local_origin_failures: of those; counted only where they are apart.
        consecutive_gateway_errors: of answers 502, 503 and 504; 0 counts none.
        max_ejection_percent: how many are left out at most at a time.
    """

    split_external_local_origin_errors: StrictBool = False
    interval: LongerThanNothing = "3s"
    consecutive_local_origin_failures: Count | None = None
    consecutive_gateway_errors: Count = 0
    consecutive5xx_errors: Annotated[Count, Field(alias="consecutive5XxErrors")] = 5
    base_ejection_time: LongerThanNothing = "30s"
    max_ejection_percent: _Percent = 10
    failure_percentage_threshold: _Percent | None = None
    always_eject_one_endpoint: StrictBool = False


@api_type
class BackendHealthCheck(ApiModel):
    """How endpoints are found to be down.

    Attributes:
        panic_threshold: below which part of them, in per cent, those that are down are asked as well.
    """

    active: ActiveCheck | None = None
    passive: PassiveCheck | None = None
    panic_threshold: _Percent | None = None
