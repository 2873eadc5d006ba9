"""HTTPRoute, as a user writes it. Pure.

The rules are those of the HTTPRoute's CRD (Gateway API v1.6, validation rules of HTTPRouteSpec and below), and what
Envoy's own configuration would refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from egxds.model.api.http_filters import (
    HttpRequestRedirect,
    HttpRouteFilter,
    first_of_each_header,
    first_of_each_parameter,
)
from egxds.model.api.object import ApiModel
from egxds.model.api.references import HttpBackendRef, ParentReference, indistinct_parents
from egxds.model.api.scalars import Duration, HeaderName, Hostname, Subdomain, duration_s
from egxds.model.api.validation import FieldError, refuse
from egxds.re2_syntax import check_regex

_MAX_MATCHES = 128


_PATH = re.compile(r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+")


_NOT_IN_A_PATH = ("//", "/./", "/../", "%2f", "%2F", "#")


_NOT_AT_THE_END = ("/..", "/.")


_ONCE = ("RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite")


def path_errors(path: HttpPathMatch) -> Iterator[FieldError]:
    """Check the path of a match."""
    if path.type == "RegularExpression":
        yield from _regex_errors(path.value)
        return
    if not path.value.startswith("/"):
        yield FieldError(("value",), f"must start with '/' in a path of type {path.type}")
    for part in _NOT_IN_A_PATH:
        if part in path.value:
            yield FieldError(("value",), f"must not contain '{part}' in a path of type {path.type}")
    for part in _NOT_AT_THE_END:
        if path.value.endswith(part):
            yield FieldError(("value",), f"must not end with '{part}' in a path of type {path.type}")
    if "#" not in path.value and not _PATH.fullmatch(path.value):
        yield FieldError(("value",), "holds a character that no path may: write it as % and two hexadecimal digits")


def value_errors(match: HttpHeaderMatch | HttpQueryParamMatch) -> Iterator[FieldError]:
    """Check the value of a header or query parameter match."""
    if match.type == "RegularExpression":
        yield from _regex_errors(match.value)


def _regex_errors(value: str) -> Iterator[FieldError]:
    if not value:
        yield FieldError(("value",), "is empty; write .* to match everything")
        return
    try:
        check_regex(value)
    except ValueError as err:
        yield FieldError(("value",), str(err))


def timeout_errors(timeouts: HttpRouteTimeouts) -> Iterator[FieldError]:
    """Check the timeouts of a rule; a request timeout of zero means none."""
    if timeouts.request is None or timeouts.backend_request is None:
        return
    limit = duration_s(timeouts.request)
    if limit and duration_s(timeouts.backend_request) > limit:
        message = f"is longer than timeouts.request ({timeouts.request}), of which it is a part"
        yield FieldError(("backendRequest",), message)


def rule_filter_errors(rule: HttpRouteRule) -> Iterator[FieldError]:
    """Check the filters of a rule against each other, its matches and its backends."""
    yield from _repeated_filters(rule)
    types = {entry.type for entry in rule.filters}
    if {"RequestRedirect", "URLRewrite"} <= types:
        yield FieldError(("filters",), "RequestRedirect and URLRewrite cannot be used together; keep one")
    if "RequestRedirect" in types and rule.backend_refs:
        yield FieldError(("backendRefs",), "a rule with RequestRedirect takes no backendRefs; delete one of the two")
    yield from _prefix_replacements(rule)


def _repeated_filters(rule: HttpRouteRule) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, entry in enumerate(rule.filters):
        if entry.type in seen and entry.type in _ONCE:
            yield FieldError(("filters", index), f"{entry.type} is used more than once in this rule; merge them")
        seen.add(entry.type)


def _prefix_replacements(rule: HttpRouteRule) -> Iterator[FieldError]:
    if len(rule.matches) == 1 and rule.matches[0].path.type == "PathPrefix":
        return
    if not rule.matches:
        return
    for index, entry in enumerate(rule.filters):
        changed = entry.request_redirect or entry.url_rewrite
        if changed is not None and changed.path is not None and changed.path.type == "ReplacePrefixMatch":
            message = "ReplacePrefixMatch needs a rule with exactly one match, of type PathPrefix"
            yield FieldError(("filters", index), message)


def route_errors(route: HttpRouteSpec) -> Iterator[FieldError]:
    """Check what the rules, and the parentRefs, of a route must not have in common."""
    if sum(len(rule.matches) for rule in route.rules) > _MAX_MATCHES:
        yield FieldError(("rules",), f"hold more than {_MAX_MATCHES} matches together; split the route")
    yield from _equal_rule_names(route)
    yield from indistinct_parents(route.parent_refs)


def _equal_rule_names(route: HttpRouteSpec) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, rule in enumerate(route.rules):
        if rule.name is not None and rule.name in seen:
            yield FieldError(("rules", index, "name"), f"another rule is named {rule.name} too; rename one")
        seen.update([rule.name] if rule.name is not None else ())


class HttpPathMatch(ApiModel):
    """path of a match."""

    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: str = Field(default="/", max_length=1024)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(path_errors(self))
        return self


class HttpHeaderMatch(ApiModel):
    """One header of a match."""

    type: Literal["Exact", "RegularExpression"] = "Exact"
    name: HeaderName
    value: str = Field(min_length=1, max_length=4096)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(value_errors(self))
        return self


class HttpQueryParamMatch(ApiModel):
    """One query parameter of a match."""

    type: Literal["Exact", "RegularExpression"] = "Exact"
    name: HeaderName
    value: str = Field(min_length=1, max_length=1024)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(value_errors(self))
        return self


HttpMethod = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]


HeaderMatches = Annotated[
    tuple[HttpHeaderMatch, ...],
    Field(max_length=16),
    AfterValidator(first_of_each_header),
]
"""Header matches; of several for one name the first counts (Gateway API, HTTPHeaderMatch.name)."""


QueryParamMatches = Annotated[
    tuple[HttpQueryParamMatch, ...],
    Field(max_length=16),
    AfterValidator(first_of_each_parameter),
]
"""Query parameter matches; of several for one name the first counts (Gateway API, HTTPQueryParamMatch.name)."""


class HttpRouteMatch(ApiModel):
    """All conditions of it must hold."""

    path: HttpPathMatch = HttpPathMatch()
    headers: HeaderMatches = ()
    query_params: QueryParamMatches = ()
    method: HttpMethod | None = None


class HttpRouteTimeouts(ApiModel):
    """Timeouts of a rule."""

    request: Duration | None = None
    backend_request: Duration | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(timeout_errors(self))
        return self


class HttpRouteRule(ApiModel):
    """One rule: any of its matches, then its filters, then its backends."""

    unserved_fields = frozenset({"retry", "sessionPersistence"})

    name: Subdomain | None = None
    matches: tuple[HttpRouteMatch, ...] = Field(default=(HttpRouteMatch(),), max_length=64)
    filters: tuple[HttpRouteFilter, ...] = Field(default=(), max_length=16)
    backend_refs: tuple[HttpBackendRef, ...] = Field(default=(), max_length=16)
    timeouts: HttpRouteTimeouts = HttpRouteTimeouts()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(rule_filter_errors(self))
        return self


class HttpRouteSpec(ApiModel):
    """spec of an HTTPRoute."""

    unserved_fields = frozenset({"useDefaultGateways"})

    parent_refs: tuple[ParentReference, ...] = Field(default=(), max_length=32)
    hostnames: tuple[Hostname, ...] = Field(default=(), max_length=16)
    rules: tuple[HttpRouteRule, ...] = Field(default=(HttpRouteRule(),), min_length=1, max_length=16)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(route_errors(self))
        return self


def redirect_of(rule: HttpRouteRule) -> HttpRequestRedirect | None:
    """Return the redirect that a rule answers with; nothing where it does not."""
    return next((item.request_redirect for item in rule.filters if item.request_redirect is not None), None)
