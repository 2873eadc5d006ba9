"""Matches that routes of several kinds have, as a user writes them. Pure.

The rules are those of the CRDs (Gateway API v1.6, HTTPHeaderMatch and GRPCHeaderMatch), and what Envoy's own
configuration would refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import HeaderName
from egxds.model.api.validation import FieldError, Path, refuse
from egxds.re2_syntax import check_regex


def regex_errors(value: str, path: Path) -> Iterator[FieldError]:
    """Check a regular expression that stands at a path."""
    if not value:
        yield FieldError(path, "is empty; write .* to match everything")
        return
    try:
        check_regex(value)
    except ValueError as err:
        yield FieldError(path, str(err))


@api_type
class ValueMatch(ApiModel):
    """A name, and the value that it must have."""

    is_narrowing = True

    type: Literal["Exact", "RegularExpression"] = "Exact"
    name: HeaderName
    value: str = Field(min_length=1, max_length=4096)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type == "RegularExpression":
            refuse(regex_errors(self.value, ("value",)))
        return self


@api_type
class HeaderMatch(ValueMatch):
    """One header of a match."""


@api_type
class RouteMatch(ApiModel):
    """What a request must be like; all of it must hold. Which of its headers count, `named_entries` says."""

    headers: tuple[HeaderMatch, ...] = Field(default=(), max_length=16)

    @property
    def parameters(self) -> tuple[ValueMatch, ...]:
        """The query parameters that it asks for; none where its kind of route has none."""
        return ()
