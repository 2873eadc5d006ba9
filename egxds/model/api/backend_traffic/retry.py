"""retry of a BackendTrafficPolicy, as a user writes it: when a request is tried again, and how often. Pure.

Source: Envoy Gateway v1.9, Retry.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from egxds.model.api.client_traffic.scalars import Count
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import Duration

RetryTrigger = Literal[
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
]


@api_type
class RetryOn(ApiModel):
    """For what it is tried again.

    Attributes:
        http_status_codes: statuses that `retriable-status-codes` stands for.
    """

    triggers: tuple[RetryTrigger, ...] = ()
    http_status_codes: tuple[Annotated[StrictInt, Field(ge=100, le=599)], ...] = ()


@api_type
class BackOff(ApiModel):
    """Pauses between attempts; one of 0s is as good as none."""

    base_interval: Duration | None = None
    max_interval: Duration | None = None


@api_type
class PerRetry(ApiModel):
    """What goes for each attempt."""

    timeout: Duration | None = None
    back_off: BackOff = BackOff()


@api_type
class Retry(ApiModel):
    """How often, and when.

    Attributes:
        num_retries: further attempts; none where it is 0.
        num_attempts_per_priority: attempts before endpoints of another priority are tried; 0 for any number.
    """

    num_retries: Annotated[StrictInt, Field(ge=0, le=2_147_483_647)] = 2
    num_attempts_per_priority: Count = 0
    retry_on: RetryOn = RetryOn()
    per_retry: PerRetry = PerRetry()
