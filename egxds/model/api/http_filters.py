"""Filters of an HTTPRoute, as a user writes them. Pure.

The rules are those of the CRD (Gateway API v1.6, validation rules of HTTPRouteFilter), and what Envoy's own
configuration would refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal, Protocol, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from egxds.model.api.object import ApiModel, Port
from egxds.model.api.references import LocalObjectReference
from egxds.model.api.scalars import HeaderName, HeaderValue, PathText, PreciseHostname
from egxds.model.api.validation import FieldError, refuse

_FIELD_OF_TYPE = {
    "RequestHeaderModifier": "requestHeaderModifier",
    "ResponseHeaderModifier": "responseHeaderModifier",
    "RequestRedirect": "requestRedirect",
    "URLRewrite": "urlRewrite",
    "ExtensionRef": "extensionRef",
}


_NOT_SERVED = ("CORS", "ExternalAuth", "RequestMirror")


_HOST_HEADER = "host"
"""Envoy refuses a whole RouteConfiguration that changes this header (router, header parser)."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_NamedT = TypeVar("_NamedT", bound=_Named)


def first_of_each_header(entries: tuple[_NamedT, ...]) -> tuple[_NamedT, ...]:
    """Keep the first entry for each header name; header names compare without case."""
    return _first_of_each(entries, str.lower)


def first_of_each_parameter(entries: tuple[_NamedT, ...]) -> tuple[_NamedT, ...]:
    """Keep the first entry for each query parameter name."""
    return _first_of_each(entries, str)


def _first_of_each(entries: tuple[_NamedT, ...], fold: Callable[[str], str]) -> tuple[_NamedT, ...]:
    first: dict[str, _NamedT] = {}
    for entry in entries:
        first.setdefault(fold(entry.name), entry)
    return tuple(first.values())


def check_is_served(type_: object) -> object:
    """Refuse the filters of Gateway API that are not served here; a filter must never be skipped.

    Raises:
        ValueError: it is one of them.
    """
    if type_ in _NOT_SERVED:
        raise ValueError(f"filters of type {type_} are not served here; delete the filter")
    return type_


def header_filter_errors(headers: HttpHeaderFilter) -> Iterator[FieldError]:
    """Check which headers a filter changes."""
    named = [(("set", index, "name"), header.name) for index, header in enumerate(headers.set)]
    named += [(("add", index, "name"), header.name) for index, header in enumerate(headers.add)]
    for path, name in named:
        if name.lower() == _HOST_HEADER:
            yield FieldError(path, "the Host header cannot be changed here; use a URLRewrite filter with hostname")
    for index, name in enumerate(headers.remove):
        if name.lower() == _HOST_HEADER:
            yield FieldError(("remove", index), "the Host header cannot be removed")


def path_modifier_errors(path: HttpPathModifier) -> Iterator[FieldError]:
    """Check that a path modifier has the field of its type and no other."""
    fields = {"ReplaceFullPath": path.replace_full_path, "ReplacePrefixMatch": path.replace_prefix_match}
    names = {"ReplaceFullPath": "replaceFullPath", "ReplacePrefixMatch": "replacePrefixMatch"}
    for type_, value in fields.items():
        if type_ == path.type and value is None:
            yield FieldError((), f"{names[type_]} is missing; type {path.type} needs it")
        if type_ != path.type and value is not None:
            yield FieldError((names[type_],), f"does not go with type {path.type}; delete it or change the type")


def filter_errors(entry: HttpRouteFilter) -> Iterator[FieldError]:
    """Check that a filter has the field of its type and no other."""
    fields = {
        "requestHeaderModifier": entry.request_header_modifier,
        "responseHeaderModifier": entry.response_header_modifier,
        "requestRedirect": entry.request_redirect,
        "urlRewrite": entry.url_rewrite,
        "extensionRef": entry.extension_ref,
    }
    wanted = _FIELD_OF_TYPE[entry.type]
    for name, value in fields.items():
        if name == wanted and value is None:
            yield FieldError((), f"{name} is missing; type {entry.type} needs it")
        if name != wanted and value is not None:
            yield FieldError((name,), f"does not go with type {entry.type}; delete it or change the type")


class HttpHeader(ApiModel):
    """A header to set or add."""

    name: HeaderName
    value: HeaderValue


Headers = Annotated[
    tuple[HttpHeader, ...],
    Field(max_length=16),
    AfterValidator(first_of_each_header),
]
"""Headers to set or add; of several for one name the first counts (Gateway API, HTTPHeader.name)."""


class HttpHeaderFilter(ApiModel):
    """Changes headers of a request or a response."""

    set: Headers = ()
    add: Headers = ()
    remove: tuple[HeaderName, ...] = Field(default=(), max_length=16)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(header_filter_errors(self))
        return self


class HttpPathModifier(ApiModel):
    """How a path is replaced."""

    type: Literal["ReplaceFullPath", "ReplacePrefixMatch"]
    replace_full_path: PathText | None = None
    replace_prefix_match: PathText | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(path_modifier_errors(self))
        return self


class HttpRequestRedirect(ApiModel):
    """Answers with a redirect."""

    scheme: Literal["http", "https"] | None = None
    hostname: PreciseHostname | None = None
    path: HttpPathModifier | None = None
    port: Port | None = None
    status_code: Literal[301, 302, 303, 307, 308] = 302


class HttpUrlRewrite(ApiModel):
    """Changes host and path on the way to the backend."""

    hostname: PreciseHostname | None = None
    path: HttpPathModifier | None = None


FilterType = Annotated[
    Literal["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "ExtensionRef"],
    BeforeValidator(check_is_served),
]
"""The type of a filter."""


class HttpRouteFilter(ApiModel):
    """One filter of a rule; exactly the field that belongs to its type is set."""

    unserved_fields = frozenset({"cors", "externalAuth", "requestMirror"})

    type: FilterType
    request_header_modifier: HttpHeaderFilter | None = None
    response_header_modifier: HttpHeaderFilter | None = None
    request_redirect: HttpRequestRedirect | None = None
    url_rewrite: HttpUrlRewrite | None = None
    extension_ref: LocalObjectReference | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(filter_errors(self))
        return self
