"""The CORS filter of an HTTPRoute, as a user writes it. Pure.

The rules are those of the CRD (Gateway API v1.6, HTTPCORSFilter).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import HeaderName, Origin
from egxds.model.api.validation import FieldError, refuse

ANY = "*"
"""Every origin, method or header."""

CorsMethod = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"]


@api_type
class HttpCorsFilter(ApiModel):
    """Which pages of other origins a browser may show the answers to.

    Attributes:
        allow_origins: without any, none.
        allow_credentials: whether requests may come with cookies and the like.
        allow_methods: beside those that need no leave.
        allow_headers: of requests.
        expose_headers: of answers, that a page may read.
        max_age: seconds for which a browser may remember it.
    """

    is_narrowing = True

    allow_origins: tuple[Origin, ...] = Field(default=(), max_length=64)
    allow_credentials: StrictBool = False
    allow_methods: tuple[CorsMethod, ...] = Field(default=(), max_length=9)
    allow_headers: tuple[HeaderName, ...] = Field(default=(), max_length=64)
    expose_headers: tuple[HeaderName, ...] = Field(default=(), max_length=64)
    max_age: Annotated[StrictInt, Field(ge=1, le=2_147_483_647)] = 5

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(cors_errors(self))
        return self


def cors_errors(cors: HttpCorsFilter) -> Iterator[FieldError]:
    """Check that what stands for all stands alone."""
    lists = {
        "allowOrigins": cors.allow_origins,
        "allowMethods": cors.allow_methods,
        "allowHeaders": cors.allow_headers,
    }
    for name, entries in lists.items():
        if ANY in entries and len(entries) > 1:
            yield FieldError((name,), f"'{ANY}' stands for all, and so stands alone; delete it or the others")
