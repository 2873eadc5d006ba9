"""Matches that routes of several kinds have, as a user writes them. Pure.

The rules are those of the CRDs (Gateway API v1.6, HTTPHeaderMatch and GRPCHeaderMatch). What only Envoy refuses, such
as a regular expression that is none, an API server accepts: it costs the rule it stands in, and no more (`unservable`).
That rule is closed on what it covers, as far as that can be told (`covered`): with a pattern that nobody can read any
value is meant, for whoever wrote it wanted something of what is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field

from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import HeaderName
from egxds.model.api.validation import FieldError, Path
from egxds.re2_syntax import check_regex

ANY_VALUE = ".*"
"""Pattern of every value; a header or a parameter that is not there has none."""


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

    def unservable(self) -> Iterator[FieldError]:
        """Say what is wrong with its pattern."""
        if self.type == "RegularExpression":
            yield from regex_errors(self.value, ("value",))

    def covered(self) -> Self:
        """Return what holds wherever it would; itself where it can be served."""
        if not any(self.unservable()):
            return self
        return self.model_validate({"type": self.type, "name": self.name, "value": ANY_VALUE})


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

    def unservable(self) -> Iterator[FieldError]:
        """Say which of its patterns are none."""
        for at, header in enumerate(self.headers):
            yield from (error.below(("headers", at)) for error in header.unservable())

    def covered(self) -> Self | None:
        """Return what takes all that it would take; None where nothing is left that tells requests apart.

        Raises:
            NotImplementedError: its kind of route has no rules that can be closed.
        """
        raise NotImplementedError

    def suspected(self) -> Self:
        """Return what takes all that it may have been meant to take, where `covered` knows nothing.

        Raises:
            NotImplementedError: its kind of route has no rules that can be closed.
        """
        raise NotImplementedError
