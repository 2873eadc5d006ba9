"""responseOverride of a BackendTrafficPolicy, as a user writes it: answers that others stand in for. Pure.

Source: Envoy Gateway v1.9, ResponseOverride.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from egxds.model.api.client_traffic.scalars import TextMatch
from egxds.model.api.filters import HttpHeader
from egxds.model.api.object import ApiModel, Port, api_type
from egxds.model.api.references import LocalObjectReference
from egxds.model.api.scalars import HeaderName, HeaderValue, PathText, PreciseHostname
from egxds.model.api.validation import FieldError, refuse

HttpStatus = Annotated[StrictInt, Field(ge=100, le=599)]


def range_errors(statuses: StatusRange) -> Iterator[FieldError]:
    """Check that it has a status."""
    if statuses.end <= statuses.start:
        yield FieldError(("end",), "must be greater than start")


@api_type
class StatusRange(ApiModel):
    """Statuses, both ends among them."""

    start: HttpStatus
    end: HttpStatus

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(range_errors(self))
        return self


def status_errors(status: StatusMatch) -> Iterator[FieldError]:
    """Check that there is what its type says, and nothing else."""
    named, other = ("value", "range") if status.type == "Value" else ("range", "value")
    if getattr(status, named) is None:
        yield FieldError((), f"of type {status.type} needs {named}")
    if getattr(status, other) is not None:
        yield FieldError((other,), f"is not for type {status.type}; delete it")


@api_type
class StatusMatch(ApiModel):
    """One status, or those of a range."""

    type: Literal["Value", "Range"] = "Value"
    value: HttpStatus | None = None
    range: StatusRange | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(status_errors(self))
        return self

    @property
    def bounds(self) -> tuple[int, int]:
        """The first and the last status that it is about."""
        if self.range is not None:
            return self.range.start, self.range.end
        return self.value or 0, self.value or 0


@api_type
class ResponseHeaderMatch(ApiModel):
    """A header that an answer must have."""

    name: HeaderName
    value: TextMatch


def match_errors(match: ResponseMatch) -> Iterator[FieldError]:
    """Check that it tells answers apart."""
    if not match.status_codes and not match.response_headers:
        yield FieldError((), "needs statusCodes or responseHeaders")


@api_type
class ResponseMatch(ApiModel):
    """Which answers: one of the statuses must be theirs, and all of the headers."""

    status_codes: tuple[StatusMatch, ...] = Field(default=(), max_length=50)
    response_headers: tuple[ResponseHeaderMatch, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(match_errors(self))
        return self


def body_errors(body: ResponseBody) -> Iterator[FieldError]:
    """Check that there is what its type says, and nothing else."""
    if body.type == "Inline":
        if body.inline is None:
            yield FieldError((), "of type Inline needs inline")
        if body.value_ref is not None:
            yield FieldError(("valueRef",), "is not for type Inline; delete it")
    elif body.value_ref is None:
        yield FieldError((), "of type ValueRef needs valueRef")
    elif (body.value_ref.group, body.value_ref.kind) != ("", "ConfigMap"):
        yield FieldError(("valueRef", "kind"), "must be ConfigMap, of the core group")
    elif body.inline is not None:
        yield FieldError(("inline",), "is not for type ValueRef; delete it")


@api_type
class ResponseBody(ApiModel):
    """A body, in which Envoy's command operators stand for what an answer is about."""

    type: Literal["Inline", "ValueRef"] = "Inline"
    inline: str | None = None
    value_ref: LocalObjectReference | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(body_errors(self))
        return self


@api_type
class ResponseHeaders(ApiModel):
    """Headers that the other answer gets."""

    unserved_fields = frozenset({"remove"})

    set: tuple[HttpHeader, ...] = Field(default=(), max_length=16)
    add: tuple[HttpHeader, ...] = Field(default=(), max_length=16)


@api_type
class OtherResponse(ApiModel):
    """What is answered instead; what it does not say stays as it was."""

    content_type: HeaderValue | None = None
    body: ResponseBody | None = None
    status_code: HttpStatus | None = None
    header: ResponseHeaders = ResponseHeaders()


@api_type
class RedirectPath(ApiModel):
    """A path as a whole."""

    type: Literal["ReplaceFullPath"]
    replace_full_path: PathText


@api_type
class OtherRedirect(ApiModel):
    """Where the answer is, that is given instead: Envoy asks for it and hands it on."""

    scheme: Literal["http", "https"] | None = None
    hostname: PreciseHostname | None = None
    path: RedirectPath | None = None
    port: Port | None = None
    status_code: Literal[301, 302] = 302


def override_errors(override: ResponseOverride) -> Iterator[FieldError]:
    """Check that there is one answer."""
    if (override.response is None) == (override.redirect is None):
        yield FieldError((), "needs one of response and redirect")


@api_type
class ResponseOverride(ApiModel):
    """Answers of backends and of Envoy itself, and what is answered instead."""

    match: ResponseMatch
    response: OtherResponse | None = None
    redirect: OtherRedirect | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(override_errors(self))
        return self
