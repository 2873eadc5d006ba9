"""HTTPRoute, as a user writes it. Pure.

The rules are those of the HTTPRoute's CRD (Gateway API v1.6, validation rules of HTTPRouteSpec and below). What only
Envoy's own configuration would refuse costs the rule it stands in (`unservable`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from egxds.model.api.filters import RouteFilter, repeated_filters
from egxds.model.api.http_filters import HttpRouteFilter
from egxds.model.api.matches import ANY_VALUE, RouteMatch, ValueMatch, regex_errors
from egxds.model.api.object import GATEWAY_GROUP, GATEWAY_VERSIONS, ApiModel, Kind, api_type
from egxds.model.api.routes import FilteringBackendRef, RouteRule, RouteSpec, route_errors
from egxds.model.api.scalars import Duration, Hostname, duration_s
from egxds.model.api.validation import FieldError, Path, refuse
from egxds.re2_syntax import literal_start

_PATH = re.compile(r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+")
_NOT_IN_A_PATH = ("//", "/./", "/../", "%2f", "%2F", "#")
_NOT_AT_THE_END = ("/..", "/.")
_MAX_PATH_CHARS = 1024
_MAX_ATTEMPTS = 1000


def path_errors(path: HttpPathMatch) -> Iterator[FieldError]:
    """Check the path of a match."""
    if path.type == "RegularExpression":
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


def timeout_errors(timeouts: HttpRouteTimeouts) -> Iterator[FieldError]:
    """Check the timeouts of a rule; a request timeout of zero means none."""
    if timeouts.request is None or timeouts.backend_request is None:
        return
    limit = duration_s(timeouts.request)
    if limit and duration_s(timeouts.backend_request) > limit:
        message = f"is longer than timeouts.request ({timeouts.request}), of which it is a part"
        yield FieldError(("backendRequest",), message)


def rule_filter_errors(rule: HttpRouteRule) -> Iterator[FieldError]:
    """Check the filters of a rule, and of its backends, against each other and its matches."""
    yield from repeated_filters(rule.filters)
    types = {entry.type for entry in rule.filters}
    if "RequestRedirect" in types and rule.backend_refs:
        yield FieldError(("backendRefs",), "a rule with RequestRedirect takes no backendRefs; delete one of the two")
    lists: list[tuple[Path, tuple[HttpRouteFilter, ...]]] = [((), rule.filters)]
    lists += [(("backendRefs", at), ref.filters) for at, ref in enumerate(rule.backend_refs)]
    for path, filters in lists:
        yield from _redirect_and_rewrite(path, filters)
        yield from _prefix_replacements(path, filters, rule)


def _redirect_and_rewrite(path: Path, filters: tuple[HttpRouteFilter, ...]) -> Iterator[FieldError]:
    if {"RequestRedirect", "URLRewrite"} <= {entry.type for entry in filters}:
        yield FieldError((*path, "filters"), "RequestRedirect and URLRewrite cannot be used together; keep one")


def _prefix_replacements(path: Path, filters: tuple[HttpRouteFilter, ...], rule: HttpRouteRule) -> Iterator[FieldError]:
    if not rule.matches or (len(rule.matches) == 1 and rule.matches[0].path.type == "PathPrefix"):
        return
    for index, entry in enumerate(filters):
        changed = entry.request_redirect or entry.url_rewrite
        if changed is not None and changed.path is not None and changed.path.type == "ReplacePrefixMatch":
            message = "ReplacePrefixMatch needs a rule with exactly one match, of type PathPrefix"
            yield FieldError((*path, "filters", index), message)


@api_type
class HttpPathMatch(ApiModel):
    """path of a match."""

    is_narrowing = True

    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: str = Field(default="/", max_length=_MAX_PATH_CHARS)

    def unservable(self) -> Iterator[FieldError]:
        """Say what is wrong with its pattern."""
        if self.type == "RegularExpression":
            yield from regex_errors(self.value, ("value",))

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(path_errors(self))
        return self


@api_type
class HttpQueryParamMatch(ValueMatch):
    """One query parameter of a match."""

    value: str = Field(min_length=1, max_length=1024)


def _paths_like(pattern: str) -> HttpPathMatch:
    return HttpPathMatch(type="RegularExpression", value=pattern)


HttpMethod = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]


@api_type
class HttpRouteMatch(RouteMatch):
    """All conditions of it must hold."""

    is_narrowing = True

    path: HttpPathMatch = HttpPathMatch()
    query_params: tuple[HttpQueryParamMatch, ...] = Field(default=(), max_length=16)
    method: HttpMethod | None = None

    @property
    def parameters(self) -> tuple[ValueMatch, ...]:
        """The query parameters that it asks for."""
        return self.query_params

    def unservable(self) -> Iterator[FieldError]:
        """Say which of its patterns are none."""
        yield from (error.below(("path",)) for error in self.path.unservable())
        yield from RouteMatch.unservable(self)
        for at, parameter in enumerate(self.query_params):
            yield from (error.below(("queryParams", at)) for error in parameter.unservable())

    def covered(self) -> Self | None:
        """Return what takes all that it would take; None where only its path, and perhaps its method, was to tell.

        A method alone would close every path of a host for one pattern that nobody can read.
        """
        if not any(self.path.unservable()):
            return self._at(self.path)
        return self.suspected() if self.headers or self.query_params else None

    def suspected(self) -> Self:
        """Return what takes every path that starts as its own does, as far as that is no pattern yet."""
        # A start that is cut takes more; a longer pattern would be none.
        start = literal_start(self.path.value)[: _MAX_PATH_CHARS - len(ANY_VALUE)]
        return self._at(_paths_like(start + ANY_VALUE))

    def _at(self, path: HttpPathMatch) -> Self:
        """Return what asks for a path, and for what else can be read."""
        return self.model_validate(
            {
                "path": path,
                "headers": tuple(header.covered() for header in self.headers),
                "queryParams": tuple(parameter.covered() for parameter in self.query_params),
                "method": self.method,
            }
        )


@api_type
class HttpRouteTimeouts(ApiModel):
    """Timeouts of a rule."""

    request: Duration | None = None
    backend_request: Duration | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(timeout_errors(self))
        return self


@api_type
class HttpRouteRetry(ApiModel):
    """When a request is tried again, and how often.

    Attributes:
        codes: statuses for which it is.
        attempts: further ones; without it, two.
        backoff: least pause before the first further one; without it, Envoy's.
    """

    codes: tuple[Annotated[StrictInt, Field(ge=400, le=599)], ...] = ()
    attempts: Annotated[StrictInt, Field(ge=0)] | None = None
    backoff: Duration | None = None

    def unservable(self) -> Iterator[FieldError]:
        """Say that nobody is asked that often."""
        if self.attempts is not None and self.attempts > _MAX_ATTEMPTS:
            yield FieldError(("attempts",), f"is {self.attempts}; at most {_MAX_ATTEMPTS} are made")


@api_type
class HttpBackendRef(FilteringBackendRef):
    """One backend of a rule of an HTTPRoute."""

    filters: tuple[HttpRouteFilter, ...] = Field(default=(), max_length=16)


@api_type
class HttpRouteRule(RouteRule):
    """One rule of an HTTPRoute."""

    unserved_fields = frozenset({"sessionPersistence"})

    matches: tuple[HttpRouteMatch, ...] = Field(default=(HttpRouteMatch(),), max_length=64)
    filters: tuple[HttpRouteFilter, ...] = Field(default=(), max_length=16)
    backend_refs: tuple[HttpBackendRef, ...] = Field(default=(), max_length=16)
    timeouts: HttpRouteTimeouts = HttpRouteTimeouts()
    retry: HttpRouteRetry | None = None

    @property
    def answers_itself(self) -> bool:
        """Whether it redirects."""
        return any(item.request_redirect is not None for item in self.filters)

    def filters_of(self, backend: int) -> tuple[RouteFilter, ...]:
        """Return what is done to the requests that go to one of its backends, counted from 0."""
        return self.backend_refs[backend].filters

    def unservable(self) -> Iterator[FieldError]:
        """Say what of it cannot be served."""
        yield from RouteRule.unservable(self)
        if self.retry is not None:
            yield from (error.below(("retry",)) for error in self.retry.unservable())

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(rule_filter_errors(self))
        return self


@api_type
class HttpRouteSpec(RouteSpec):
    """spec of an HTTPRoute."""

    hostnames: tuple[Hostname, ...] = Field(default=(), max_length=16)
    rules: tuple[HttpRouteRule, ...] = Field(default=(HttpRouteRule(),), min_length=1, max_length=16)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(route_errors(self, sum(len(rule.matches) for rule in self.rules)))
        return self


HTTP_ROUTE = Kind(GATEWAY_GROUP, "HTTPRoute", GATEWAY_VERSIONS, HttpRouteSpec)
