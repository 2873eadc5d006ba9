"""Filters that only an HTTPRoute takes, as a user writes them. Pure.

The rules are those of the CRD (Gateway API v1.6, validation rules of HTTPRouteFilter).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from egxds.model.api.cors import HttpCorsFilter
from egxds.model.api.filters import RouteFilter, Unserved
from egxds.model.api.object import ApiModel, Port, api_type
from egxds.model.api.scalars import PathText, PreciseHostname, is_header_value
from egxds.model.api.validation import FieldError, refuse


@api_type
class HttpPathModifier(ApiModel):
    """How a path is replaced."""

    type: Literal["ReplaceFullPath", "ReplacePrefixMatch"]
    replace_full_path: PathText | None = None
    replace_prefix_match: PathText | None = None

    def unservable(self) -> Iterator[FieldError]:
        """Say that no path is like that."""
        for name, value in (
            ("replaceFullPath", self.replace_full_path),
            ("replacePrefixMatch", self.replace_prefix_match),
        ):
            if value is not None and not is_header_value(value):
                yield FieldError((name,), "holds a control character, which no path may")

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(path_modifier_errors(self))
        return self


def path_modifier_errors(path: HttpPathModifier) -> Iterator[FieldError]:
    """Check that a path modifier has the field of its type and no other."""
    fields = {"ReplaceFullPath": path.replace_full_path, "ReplacePrefixMatch": path.replace_prefix_match}
    names = {"ReplaceFullPath": "replaceFullPath", "ReplacePrefixMatch": "replacePrefixMatch"}
    for type_, value in fields.items():
        if type_ == path.type and value is None:
            yield FieldError((), f"{names[type_]} is missing; type {path.type} needs it")
        if type_ != path.type and value is not None:
            yield FieldError((names[type_],), f"does not go with type {path.type}; delete it or change the type")


@api_type
class HttpRequestRedirect(ApiModel):
    """Answers with a redirect."""

    scheme: Literal["http", "https"] | None = None
    hostname: PreciseHostname | None = None
    path: HttpPathModifier | None = None
    port: Port | None = None
    status_code: Literal[301, 302, 303, 307, 308] = 302

    def unservable(self) -> Iterator[FieldError]:
        """Say that no path is like the one it leads to."""
        return _path_faults(self.path)


@api_type
class HttpUrlRewrite(ApiModel):
    """Changes host and path on the way to the backend."""

    hostname: PreciseHostname | None = None
    path: HttpPathModifier | None = None

    def unservable(self) -> Iterator[FieldError]:
        """Say that no path is like the one it makes."""
        return _path_faults(self.path)


def _path_faults(path: HttpPathModifier | None) -> Iterator[FieldError]:
    return (error.below(("path",)) for error in path.unservable()) if path is not None else iter(())


FilterType = Literal[
    "RequestHeaderModifier",
    "ResponseHeaderModifier",
    "RequestRedirect",
    "URLRewrite",
    "ExtensionRef",
    "RequestMirror",
    "CORS",
    "ExternalAuth",
]
"""The type of a filter."""


@api_type
class HttpRouteFilter(RouteFilter):
    """One filter of a rule of an HTTPRoute."""

    field_of_type: ClassVar[dict[str, str]] = {
        **RouteFilter.field_of_type,
        "RequestRedirect": "request_redirect",
        "URLRewrite": "url_rewrite",
        "CORS": "cors",
        "ExternalAuth": "external_auth",
    }
    unserved_types: ClassVar[frozenset[str]] = frozenset({"ExternalAuth"})

    type: FilterType
    request_redirect: HttpRequestRedirect | None = None
    url_rewrite: HttpUrlRewrite | None = None
    cors: HttpCorsFilter | None = None
    external_auth: Unserved | None = None
