"""HTTPRouteFilter, as a user writes it: what a rule does beyond what Gateway API's own filters can. Pure.

Source: Envoy Gateway v1.9, HTTPRouteFilterSpec. Rules of HTTPRoutes and of GRPCRoutes name such an object by a filter
of type ExtensionRef. What only Envoy would refuse costs the rules that name it (`unservable`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from egxds.model.api.filters import HttpHeaderFilter, union_errors, written_header_errors
from egxds.model.api.gateway import SecretObjectReference
from egxds.model.api.matches import ValueMatch
from egxds.model.api.object import ENVOY_GATEWAY_GROUP, ApiModel, Kind, api_type
from egxds.model.api.references import LocalObjectReference
from egxds.model.api.regex_rewrites import RegexSubstitution
from egxds.model.api.scalars import is_header_name, is_header_value
from egxds.model.api.validation import FieldError, refuse

_LEAST_STATUS, _LAST_STATUS = 200, 599


@api_type
class PathRewrite(ApiModel):
    """path of a urlRewrite."""

    type: Literal["ReplaceRegexMatch"]
    replace_regex_match: RegexSubstitution | None = None

    def unservable(self) -> Iterator[FieldError]:
        """Say what is wrong with its pattern."""
        if self.replace_regex_match is not None:
            yield from (error.below(("replaceRegexMatch",)) for error in self.replace_regex_match.unservable())

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(union_errors(self, self.type, {"ReplaceRegexMatch": "replace_regex_match"}))
        return self


@api_type
class HostnameRewrite(ApiModel):
    """hostname of a urlRewrite: where the new Host is taken from.

    Attributes:
        type: a header of the request, the name of the backend, or the path.
        header: its name.
        path_regex: what is made of the path, without its query; a path that it does not fit leaves the Host as it is.
    """

    type: Literal["Header", "Backend", "PathRegex"]
    header: str | None = None
    path_regex: RegexSubstitution | None = None

    def unservable(self) -> Iterator[FieldError]:
        """Say what is wrong with its header, or with its pattern."""
        if self.header is not None and not is_header_name(self.header):
            yield FieldError(("header",), "is not the name of a header")
        if self.path_regex is not None:
            yield from (error.below(("pathRegex",)) for error in self.path_regex.unservable())

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(union_errors(self, self.type, {"Header": "header", "PathRegex": "path_regex"}))
        if self.path_regex is not None and not self.path_regex.substitution:
            refuse([FieldError(("pathRegex", "substitution"), "is empty, which no Host is")])
        return self


@api_type
class UrlRewrite(ApiModel):
    """Changes host and path on the way to the backend.

    Attributes:
        append_x_forwarded_host: whether a backend is told the Host as it was, if the rule changes it.
    """

    hostname: HostnameRewrite | None = None
    path: PathRewrite | None = None
    append_x_forwarded_host: Annotated[bool, Field(alias="appendXForwardedHost")] = True

    def unservable(self) -> Iterator[FieldError]:
        """Say what is wrong with its parts."""
        if self.hostname is not None:
            yield from (error.below(("hostname",)) for error in self.hostname.unservable())
        if self.path is not None:
            yield from (error.below(("path",)) for error in self.path.unservable())


@api_type
class ResponseBody(ApiModel):
    """body of an answer (Envoy Gateway, CustomResponseBody).

    Attributes:
        inline: the body.
        value_ref: the ConfigMap that has it, in the same namespace.
    """

    type: Literal["Inline", "ValueRef"] = "Inline"
    inline: str | None = None
    value_ref: LocalObjectReference | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(union_errors(self, self.type, {"Inline": "inline", "ValueRef": "value_ref"}))
        return self


@api_type
class DirectResponse(ApiModel):
    """Answers, so that no backend is asked."""

    content_type: str | None = None
    body: ResponseBody | None = None
    status_code: StrictInt = 200
    header: HttpHeaderFilter = HttpHeaderFilter()

    def unservable(self) -> Iterator[FieldError]:
        """Say what no answer can have."""
        if not _LEAST_STATUS <= self.status_code <= _LAST_STATUS:
            yield FieldError(("statusCode",), f"is no status of an answer: write {_LEAST_STATUS} to {_LAST_STATUS}")
        if self.content_type is not None and not is_header_value(self.content_type):
            yield FieldError(("contentType",), "holds a control character, which no header may")
        yield from (error.below(("header",)) for error in self.header.unservable())

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.header.remove:
            refuse([FieldError(("header", "remove"), "an answer of its own has no headers to remove; delete it")])
        return self


@api_type
class InjectedCredential(ApiModel):
    """credential of a credentialInjection.

    Attributes:
        value_ref: the Secret that has the value of the header under `credential`.
    """

    value_ref: SecretObjectReference


@api_type
class CredentialInjection(ApiModel):
    """Adds a credential to requests that a backend asks for.

    Attributes:
        header: that is to have it.
        overwrite: whether it takes the place of one that the request has.
    """

    header: str = "Authorization"
    overwrite: bool = False
    credential: InjectedCredential

    def unservable(self) -> Iterator[FieldError]:
        """Say which header no credential can be in."""
        if self.header and not is_header_name(self.header):
            yield FieldError(("header",), "is not the name of a header")
        yield from written_header_errors(self.header, ("header",))


@api_type
class CookieMatch(ValueMatch):
    """One cookie of a match."""

    name: str = Field(min_length=1, max_length=256)

    def unservable(self) -> Iterator[FieldError]:
        """Say what no cookie can be called, and what is wrong with its pattern."""
        if not is_header_name(self.name):
            yield FieldError(("name",), "is not the name of a cookie: use letters, digits and any of !#$%&'*+-.^_`|~")
        yield from ValueMatch.unservable(self)


@api_type
class CookiesMatch(ApiModel):
    """One of the matches: all of its cookies must be there."""

    is_narrowing = True

    cookies: tuple[CookieMatch, ...] = Field(min_length=1, max_length=16)

    def unservable(self) -> Iterator[FieldError]:
        """Say which of its cookies cannot be."""
        for at, cookie in enumerate(self.cookies):
            yield from (error.below(("cookies", at)) for error in cookie.unservable())


@api_type
class HttpRouteFilterSpec(ApiModel):
    """spec of an HTTPRouteFilter; of what it does any number may be there.

    Attributes:
        matches: one of them must hold beside one of the rule's own.
    """

    is_narrowing = True

    url_rewrite: Annotated[UrlRewrite | None, Field(alias="urlRewrite")] = None
    direct_response: DirectResponse | None = None
    credential_injection: CredentialInjection | None = None
    matches: tuple[CookiesMatch, ...] = Field(default=(), max_length=8)

    def unservable(self) -> Iterator[FieldError]:
        """Say what of it Envoy would refuse."""
        parts = (
            ("urlRewrite", self.url_rewrite),
            ("directResponse", self.direct_response),
            ("credentialInjection", self.credential_injection),
        )
        for name, part in parts:
            if part is not None:
                yield from (error.below((name,)) for error in part.unservable())
        for at, match in enumerate(self.matches):
            yield from (error.below(("matches", at)) for error in match.unservable())


HTTP_ROUTE_FILTER = Kind(ENVOY_GATEWAY_GROUP, "HTTPRouteFilter", ("v1alpha1",), HttpRouteFilterSpec)


def names_filter_object(ref: LocalObjectReference) -> bool:
    """Tell whether a filter of type ExtensionRef names an HTTPRouteFilter."""
    return (ref.group, ref.kind) == HTTP_ROUTE_FILTER.id
