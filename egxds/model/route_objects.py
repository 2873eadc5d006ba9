"""HTTPRoute, as a user writes it. Pure."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, model_validator

from egxds.model import filter_rules, route_rules
from egxds.model.api import CORE_GROUP, GATEWAY_GROUP, ApiModel, Port
from egxds.model.findings import refuse
from egxds.model.scalars import Duration, HeaderName, HeaderValue, Hostname, Name, PathText, PreciseHostname, Subdomain


class ParentReference(ApiModel):
    """The Gateway, or the listener of it, that a route attaches to."""

    group: str = GATEWAY_GROUP
    kind: str = "Gateway"
    namespace: Name | None = None
    name: Subdomain
    section_name: Subdomain | None = None
    port: Port | None = None


class HttpPathMatch(ApiModel):
    """path of a match."""

    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: str = Field(default="/", max_length=1024)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(route_rules.path_findings(self))
        return self


class HttpHeaderMatch(ApiModel):
    """One header of a match."""

    type: Literal["Exact", "RegularExpression"] = "Exact"
    name: HeaderName
    value: str = Field(min_length=1, max_length=4096)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(route_rules.value_findings(self))
        return self


class HttpQueryParamMatch(ApiModel):
    """One query parameter of a match."""

    type: Literal["Exact", "RegularExpression"] = "Exact"
    name: HeaderName
    value: str = Field(min_length=1, max_length=1024)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(route_rules.value_findings(self))
        return self


HttpMethod = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]

HeaderMatches = Annotated[
    tuple[HttpHeaderMatch, ...],
    Field(max_length=16),
    AfterValidator(route_rules.first_of_each_header),
]
"""Header matches; of several for one name the first counts (Gateway API, HTTPHeaderMatch.name)."""

QueryParamMatches = Annotated[
    tuple[HttpQueryParamMatch, ...],
    Field(max_length=16),
    AfterValidator(route_rules.first_of_each_parameter),
]
"""Query parameter matches; of several for one name the first counts (Gateway API, HTTPQueryParamMatch.name)."""


class HttpRouteMatch(ApiModel):
    """All conditions of it must hold."""

    path: HttpPathMatch = HttpPathMatch()
    headers: HeaderMatches = ()
    query_params: QueryParamMatches = ()
    method: HttpMethod | None = None


class HttpHeader(ApiModel):
    """A header to set or add."""

    name: HeaderName
    value: HeaderValue


Headers = Annotated[
    tuple[HttpHeader, ...],
    Field(max_length=16),
    AfterValidator(route_rules.first_of_each_header),
]
"""Headers to set or add; of several for one name the first counts (Gateway API, HTTPHeader.name)."""


class HttpHeaderFilter(ApiModel):
    """Changes headers of a request or a response."""

    set: Headers = ()
    add: Headers = ()
    remove: tuple[HeaderName, ...] = Field(default=(), max_length=16)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(filter_rules.header_filter_findings(self))
        return self


class HttpPathModifier(ApiModel):
    """How a path is replaced."""

    type: Literal["ReplaceFullPath", "ReplacePrefixMatch"]
    replace_full_path: PathText | None = None
    replace_prefix_match: PathText | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(filter_rules.path_modifier_findings(self))
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


class LocalObjectReference(ApiModel):
    """An object in the same namespace."""

    group: str
    kind: str
    name: Subdomain


FilterType = Annotated[
    Literal["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "ExtensionRef"],
    BeforeValidator(filter_rules.check_is_served),
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
        refuse(filter_rules.filter_findings(self))
        return self


class HttpBackendRef(ApiModel):
    """A backend and its share of the traffic."""

    refused_fields = frozenset({"filters"})

    group: str = CORE_GROUP
    kind: str = "Service"
    name: Subdomain
    namespace: Name | None = None
    port: Port | None = None
    weight: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 1

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(route_rules.backend_ref_findings(self))
        return self


class HttpRouteTimeouts(ApiModel):
    """Timeouts of a rule."""

    request: Duration | None = None
    backend_request: Duration | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(route_rules.timeout_findings(self))
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
        refuse(filter_rules.rule_filter_findings(self))
        return self


class HttpRouteSpec(ApiModel):
    """spec of an HTTPRoute."""

    unserved_fields = frozenset({"useDefaultGateways"})

    parent_refs: tuple[ParentReference, ...] = Field(default=(), max_length=32)
    hostnames: tuple[Hostname, ...] = Field(default=(), max_length=16)
    rules: tuple[HttpRouteRule, ...] = Field(default=(HttpRouteRule(),), min_length=1, max_length=16)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(route_rules.route_findings(self))
        return self
