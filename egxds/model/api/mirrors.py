"""The filter that sends a copy of each request to a further backend, as a user writes it. Pure.

The rules are those of the CRD (Gateway API v1.6, HTTPRequestMirrorFilter).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, StrictInt, model_validator

from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.references import BackendObjectReference
from egxds.model.api.validation import FieldError, refuse

_HUNDRED = 100


@api_type
class Fraction(ApiModel):
    """A part of all requests."""

    numerator: Annotated[StrictInt, Field(ge=0, le=2_147_483_647)]
    denominator: Annotated[StrictInt, Field(ge=1, le=2_147_483_647)] = _HUNDRED

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(fraction_errors(self))
        return self


def fraction_errors(fraction: Fraction) -> Iterator[FieldError]:
    """Check that a part is not more than the whole."""
    if fraction.numerator > fraction.denominator:
        yield FieldError(("numerator",), f"is more than the denominator, {fraction.denominator}")


@api_type
class RequestMirror(ApiModel):
    """Sends a copy of requests to a backend, whose answers nobody sees.

    Attributes:
        backend_ref: the backend.
        percent: of how many requests in a hundred.
        fraction: of which part of them; without either, of all.
    """

    backend_ref: BackendObjectReference
    percent: Annotated[StrictInt, Field(ge=0, le=_HUNDRED)] | None = None
    fraction: Fraction | None = None

    @property
    def part(self) -> tuple[int, int]:
        """Numerator and denominator of the part of the requests."""
        if self.fraction is not None:
            return self.fraction.numerator, self.fraction.denominator
        return _HUNDRED if self.percent is None else self.percent, _HUNDRED

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(mirror_errors(self))
        return self


def mirror_errors(mirror: RequestMirror) -> Iterator[FieldError]:
    """Check that a mirror says how much once."""
    if mirror.percent is not None and mirror.fraction is not None:
        yield FieldError(("percent",), "does not go with fraction; delete one of the two")
