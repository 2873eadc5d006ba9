"""Filters that routes of several kinds take, and what all filters have in common, as a user writes them. Pure.

A filter is a union: its type names the one field that is set. The rules are those of the CRDs (Gateway API v1.6,
validation rules of HTTPRouteFilter and GRPCRouteFilter). What only Envoy's own configuration would refuse costs the
rule or the backend that has the filter (`unservable`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from egxds.model.api.mirrors import RequestMirror
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.references import LocalObjectReference
from egxds.model.api.scalars import HeaderName, HeaderValue, is_header_name
from egxds.model.api.validation import FieldError, Path, refuse

_HOST_HEADER = "host"
"""Envoy refuses a whole RouteConfiguration that changes this header (router, header parser)."""
_OF_LENGTH = ("content-length", "transfer-encoding")
"""Headers that say where a message ends. Envoy sends them on as they were set, beside the message as it is: what a
backend takes for the next request is then what a client wrote into the body of this one (tried on Envoy 1.40)."""


@api_type
class HttpHeader(ApiModel):
    """A header to set or add."""

    is_narrowing = True

    name: HeaderName
    value: HeaderValue


Headers = Annotated[tuple[HttpHeader, ...], Field(max_length=16)]
"""Headers to set or add; which of them count, `named_entries` says."""


@api_type
class HttpHeaderFilter(ApiModel):
    """Changes headers of a request or a response."""

    is_narrowing = True

    set: Headers = ()
    add: Headers = ()
    remove: tuple[str, ...] = Field(default=(), max_length=16)

    def unservable(self) -> Iterator[FieldError]:
        """Say which headers it changes that it must not."""
        yield from header_filter_errors(self)


def header_filter_errors(headers: HttpHeaderFilter) -> Iterator[FieldError]:
    """Check which headers a filter changes."""
    named: list[tuple[Path, str]] = [(("set", index, "name"), header.name) for index, header in enumerate(headers.set)]
    named += [(("add", index, "name"), header.name) for index, header in enumerate(headers.add)]
    for path, name in named:
        yield from written_header_errors(name, path)
    for index, name in enumerate(headers.remove):
        if name.lower() == _HOST_HEADER:
            yield FieldError(("remove", index), "the Host header cannot be removed")
        elif not is_header_name(name):
            yield FieldError(
                ("remove", index), "is not the name of a header, so that there is none to remove; delete it"
            )


def written_header_errors(name: str, path: Path) -> Iterator[FieldError]:
    """Check that a header that is written, whose name stands at a path, may be written by anybody but Envoy."""
    if name.lower() == _HOST_HEADER:
        yield FieldError(path, "the Host header cannot be changed here; use a URLRewrite filter with hostname")
    if name.lower() in _OF_LENGTH:
        message = f"header {name} says where a message ends, which Envoy does itself, and rightly; delete it"
        yield FieldError(path, message)


Unserved = dict[str, object]
"""What a filter, or a part of an object, says that is not served here: it is not looked into."""


@api_type
class RouteFilter(ApiModel):
    """One filter of a rule; exactly the field that belongs to its type is set.

    Attributes:
        field_of_type: type of a filter → the field that it sets: a row for each type that the kind of route takes.
        unserved_types: those of them that are not served here; a rule with one answers 500, since no filter may be
            skipped (Gateway API, HTTPRouteFilter.type).
        type: such as `RequestHeaderModifier`; each kind of route lists those that it takes.
    """

    is_narrowing = True

    field_of_type: ClassVar[dict[str, str]] = {
        "RequestHeaderModifier": "request_header_modifier",
        "ResponseHeaderModifier": "response_header_modifier",
        "ExtensionRef": "extension_ref",
        "RequestMirror": "request_mirror",
    }
    unserved_types: ClassVar[frozenset[str]] = frozenset()

    type: str
    request_header_modifier: HttpHeaderFilter | None = None
    response_header_modifier: HttpHeaderFilter | None = None
    extension_ref: LocalObjectReference | None = None
    request_mirror: RequestMirror | None = None

    @property
    def content(self) -> ApiModel:
        """What it says: the field that belongs to its type."""
        content: ApiModel = getattr(self, self.field_of_type[self.type])
        return content

    def unservable(self) -> Iterator[FieldError]:
        """Say why it cannot be done: what has it must not go on without it."""
        if self.type in self.unserved_types:
            yield FieldError((), f"filters of type {self.type} are not served here; delete the filter")
            return
        field = to_camel(self.field_of_type[self.type])
        yield from (error.below((field,)) for error in self.content.unservable())

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(union_errors(self, self.type, self.field_of_type))
        return self


def union_errors(entry: ApiModel, type_: str, field_of_type: Mapping[str, str]) -> Iterator[FieldError]:
    """Check that a union has the field of its type, where that has one, and no other.

    Args:
        entry: the union.
        type_: its type.
        field_of_type: type → the field that it sets.
    """
    for owner, field in field_of_type.items():
        value, name = getattr(entry, field), to_camel(field)
        if owner == type_ and value is None:
            yield FieldError((), f"{name} is missing; type {type_} needs it")
        if owner != type_ and value is not None:
            yield FieldError((name,), f"does not go with type {type_}; delete it or change the type")


_REPEATED = frozenset({"ExtensionRef", "ExternalAuth", "RequestMirror"})


def repeated_filters(filters: Iterable[RouteFilter]) -> Iterator[FieldError]:
    """Check that each type of filter is there once, but for those of which the API lets several be."""
    seen: set[str] = set()
    for index, entry in enumerate(filters):
        if entry.type in seen and entry.type not in _REPEATED:
            yield FieldError(("filters", index), f"{entry.type} is used more than once here; merge them")
        seen.add(entry.type)
