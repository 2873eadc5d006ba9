"""clientIPDetection of a ClientTrafficPolicy, as a user writes it: which address counts as the client's. Pure.

Source: Envoy Gateway v1.9, ClientIPDetectionSettings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator

from egxds.model.api.client_traffic.scalars import Cidr, Count, like
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.validation import FieldError, refuse


def forwarded_for_errors(asked: XForwardedFor) -> Iterator[FieldError]:
    """Check that one of the two ways is given, and not both."""
    if (asked.num_trusted_hops is None) == (not asked.trusted_cidrs):
        yield FieldError((), "give one of numTrustedHops and trustedCIDRs")


@api_type
class XForwardedFor(ApiModel):
    """Which address of X-Forwarded-For it is.

    Attributes:
        num_trusted_hops: it is the address at this place from the right, of the header as it comes.
        trusted_cidrs: it is the first address from the right that is in none of these.
        disable_x_forwarded_for_append: whether the address that a connection comes from is not added to the header.
    """

    is_narrowing = True

    num_trusted_hops: Count | None = None
    trusted_cidrs: Annotated[tuple[Cidr, ...], Field(alias="trustedCIDRs")] = ()
    disable_x_forwarded_for_append: StrictBool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(forwarded_for_errors(self))
        return self


@api_type
class CustomHeader(ApiModel):
    """A header that holds it.

    Attributes:
        fail_closed: whether a request without it answers 403.
    """

    is_narrowing = True

    name: Annotated[
        str,
        Field(min_length=1, max_length=255),
        like(r"[A-Za-z0-9-]+", "is no name of a header: use letters, digits and '-'"),
    ]
    fail_closed: StrictBool = False


def detection_errors(asked: ClientIpDetection) -> Iterator[FieldError]:
    """Check that it is looked for in one place."""
    if asked.x_forwarded_for is not None and asked.custom_header is not None:
        yield FieldError(("customHeader",), "and xForwardedFor cannot both be given; delete one")


@api_type
class ClientIpDetection(ApiModel):
    """Where the address of a client is found; without anything, it is where the connection comes from."""

    is_narrowing = True

    x_forwarded_for: XForwardedFor | None = None
    custom_header: CustomHeader | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(detection_errors(self))
        return self
