"""The objects of a Gateway, as a user writes them: field names are the API's own, in snake_case.

Every class checks what an API server would check: types, ranges, lengths, enumerations. What no API server
knows but Envoy refuses (RE2 syntax, certificates that do not parse) is checked by `egxds.model.scalars` and
`egxds.model.certificates` as part of the same validation, so that a bad object is refused as a whole and
its last accepted version stays in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt
from pydantic.alias_generators import to_camel

from egxds.model.scalars import (
    Base64Bytes,
    Duration,
    HeaderName,
    HeaderValue,
    Hostname,
    IpAddress,
    Name,
    PreciseHostname,
    Subdomain,
)
from egxds.problems import Source

GATEWAY_GROUP = "gateway.networking.k8s.io"
ENVOY_GATEWAY_GROUP = "gateway.envoyproxy.io"
DISCOVERY_GROUP = "discovery.k8s.io"
CORE_GROUP = ""

Port = Annotated[StrictInt, Field(ge=1, le=65535)]


class ApiModel(BaseModel):
    """Base of all API classes. Unknown fields are kept aside, for the warning that names them."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="allow")


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """What identifies an object: its version does not.

    Attributes:
        group: API group, empty for core.
        kind: such as `HTTPRoute`.
        namespace: empty for kinds that live in none.
        name: its name.
    """

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class ObjectMeta(ApiModel):
    """metadata, as far as a file can say it."""

    name: Subdomain
    namespace: Name = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    creation_timestamp: str | None = None


ContentT = TypeVar("ContentT", bound=ApiModel, covariant=True)


@dataclass(frozen=True, slots=True)
class ApiObject(Generic[ContentT]):
    """One accepted object.

    Attributes:
        key: what identifies it.
        api_version: as written, such as `gateway.networking.k8s.io/v1`.
        meta: its metadata.
        content: `spec`, or for kinds without one the whole body.
        source: where it starts.
        digest: SHA-256 (hex) of what it says, metadata included; where it stands is not part of it.
        generation: 1 at first, one more each time `content` changes.
    """

    key: ObjectKey
    api_version: str
    meta: ObjectMeta
    content: ContentT
    source: Source
    digest: str
    generation: int = 1


# --- GatewayClass and Gateway ---------------------------------------------------------------------------


class ParametersReference(ApiModel):
    """A reference to an object that configures a class."""

    group: str
    kind: str
    name: str
    namespace: str | None = None


class GatewayClassSpec(ApiModel):
    """spec of a GatewayClass."""

    controller_name: str = Field(min_length=1, max_length=253)
    parameters_ref: ParametersReference | None = None
    description: str | None = None


class SecretObjectReference(ApiModel):
    """A reference to a certificate."""

    group: str = CORE_GROUP
    kind: str = "Secret"
    name: Subdomain
    namespace: Name | None = None


class GatewayTls(ApiModel):
    """tls of a listener."""

    mode: Literal["Terminate", "Passthrough"] = "Terminate"
    certificate_refs: tuple[SecretObjectReference, ...] = Field(default=(), max_length=64)
    options: dict[str, str] = {}


class LabelSelectorRequirement(ApiModel):
    """One expression of a label selector."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()


class LabelSelector(ApiModel):
    """Selects objects by their labels; empty selects everything."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class RouteNamespaces(ApiModel):
    """From which namespaces a listener takes routes."""

    from_: Literal["All", "Selector", "Same", "None"] = Field(default="Same", alias="from")
    selector: LabelSelector | None = None


class RouteGroupKind(ApiModel):
    """A kind of route."""

    group: str = GATEWAY_GROUP
    kind: str


class AllowedRoutes(ApiModel):
    """Which routes may attach to a listener."""

    namespaces: RouteNamespaces = RouteNamespaces()
    kinds: tuple[RouteGroupKind, ...] = Field(default=(), max_length=8)


class Listener(ApiModel):
    """One listener of a Gateway."""

    name: Subdomain
    hostname: Hostname | None = None
    port: Port
    protocol: str = Field(min_length=1, max_length=255)
    tls: GatewayTls | None = None
    allowed_routes: AllowedRoutes = AllowedRoutes()


class GatewayAddress(ApiModel):
    """An address a Gateway asks for."""

    type: str = "IPAddress"
    value: str | None = None


class GatewaySpec(ApiModel):
    """spec of a Gateway."""

    gateway_class_name: Subdomain
    listeners: tuple[Listener, ...] = Field(min_length=1, max_length=64)
    addresses: tuple[GatewayAddress, ...] = Field(default=(), max_length=16)


# --- HTTPRoute ------------------------------------------------------------------------------------------


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


class HttpHeaderMatch(ApiModel):
    """One header of a match."""

    type: Literal["Exact", "RegularExpression"] = "Exact"
    name: HeaderName
    value: str = Field(min_length=1, max_length=4096)


class HttpQueryParamMatch(ApiModel):
    """One query parameter of a match."""

    type: Literal["Exact", "RegularExpression"] = "Exact"
    name: HeaderName
    value: str = Field(min_length=1, max_length=1024)


HttpMethod = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]


class HttpRouteMatch(ApiModel):
    """All conditions of it must hold."""

    path: HttpPathMatch = HttpPathMatch()
    headers: tuple[HttpHeaderMatch, ...] = Field(default=(), max_length=16)
    query_params: tuple[HttpQueryParamMatch, ...] = Field(default=(), max_length=16)
    method: HttpMethod | None = None


class HttpHeader(ApiModel):
    """A header to set or add."""

    name: HeaderName
    value: HeaderValue


class HttpHeaderFilter(ApiModel):
    """Changes headers of a request or a response."""

    set: tuple[HttpHeader, ...] = Field(default=(), max_length=16)
    add: tuple[HttpHeader, ...] = Field(default=(), max_length=16)
    remove: tuple[HeaderName, ...] = Field(default=(), max_length=16)


class HttpPathModifier(ApiModel):
    """How a path is replaced."""

    type: Literal["ReplaceFullPath", "ReplacePrefixMatch"]
    replace_full_path: str | None = Field(default=None, max_length=1024)
    replace_prefix_match: str | None = Field(default=None, max_length=1024)


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


class HttpRouteFilter(ApiModel):
    """One filter of a rule; exactly the field that belongs to its type is set."""

    type: Literal["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "ExtensionRef"]
    request_header_modifier: HttpHeaderFilter | None = None
    response_header_modifier: HttpHeaderFilter | None = None
    request_redirect: HttpRequestRedirect | None = None
    url_rewrite: HttpUrlRewrite | None = None
    extension_ref: LocalObjectReference | None = None


class HttpBackendRef(ApiModel):
    """A backend and its share of the traffic."""

    group: str = CORE_GROUP
    kind: str = "Service"
    name: Subdomain
    namespace: Name | None = None
    port: Port | None = None
    weight: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 1


class HttpRouteTimeouts(ApiModel):
    """Timeouts of a rule."""

    request: Duration | None = None
    backend_request: Duration | None = None


class HttpRouteRule(ApiModel):
    """One rule: any of its matches, then its filters, then its backends."""

    name: Subdomain | None = None
    matches: tuple[HttpRouteMatch, ...] = Field(default=(), max_length=64)
    filters: tuple[HttpRouteFilter, ...] = Field(default=(), max_length=16)
    backend_refs: tuple[HttpBackendRef, ...] = Field(default=(), max_length=16)
    timeouts: HttpRouteTimeouts = HttpRouteTimeouts()


class HttpRouteSpec(ApiModel):
    """spec of an HTTPRoute."""

    parent_refs: tuple[ParentReference, ...] = Field(default=(), max_length=32)
    hostnames: tuple[Hostname, ...] = Field(default=(), max_length=16)
    rules: tuple[HttpRouteRule, ...] = Field(default=(HttpRouteRule(),), min_length=1, max_length=16)


# --- Backends -------------------------------------------------------------------------------------------


class ServicePort(ApiModel):
    """One port of a Service."""

    name: str = ""
    protocol: str = "TCP"
    port: Port
    target_port: Port | str | None = None
    app_protocol: str | None = None


class ServiceSpec(ApiModel):
    """spec of a Service."""

    type: str = "ClusterIP"
    ports: tuple[ServicePort, ...] = ()
    external_name: str | None = None


class EndpointConditions(ApiModel):
    """Whether an endpoint takes traffic; an absent `ready` means yes."""

    ready: StrictBool | None = None
    serving: StrictBool | None = None
    terminating: StrictBool | None = None


class Endpoint(ApiModel):
    """One endpoint of a slice; of its addresses the first counts."""

    addresses: tuple[str, ...] = Field(min_length=1, max_length=100)
    conditions: EndpointConditions = EndpointConditions()


class EndpointPort(ApiModel):
    """One port of a slice."""

    name: str = ""
    protocol: str = "TCP"
    port: Port | None = None
    app_protocol: str | None = None


class EndpointSliceBody(ApiModel):
    """An EndpointSlice, which has no spec."""

    address_type: Literal["IPv4", "IPv6", "FQDN"]
    endpoints: tuple[Endpoint, ...] = Field(default=(), max_length=1000)
    ports: tuple[EndpointPort, ...] = Field(default=(), max_length=100)


class IpEndpoint(ApiModel):
    """An IP address and port."""

    address: IpAddress
    port: Port


class FqdnEndpoint(ApiModel):
    """A hostname, resolved by Envoy, and a port."""

    hostname: PreciseHostname
    port: Port


class UnixSocket(ApiModel):
    """A Unix socket of the machine Envoy runs on."""

    path: str = Field(min_length=1, max_length=108)


class BackendEndpoint(ApiModel):
    """One endpoint of a Backend: exactly one of the three."""

    ip: IpEndpoint | None = None
    fqdn: FqdnEndpoint | None = None
    unix: UnixSocket | None = None


class BackendSpec(ApiModel):
    """spec of an Envoy Gateway Backend."""

    endpoints: tuple[BackendEndpoint, ...] = Field(min_length=1, max_length=64)


# --- The rest -------------------------------------------------------------------------------------------


class SecretBody(ApiModel):
    """A Secret, which has no spec. Values never show when it is printed."""

    type: str = "Opaque"
    data: dict[str, Base64Bytes] = Field(default={}, repr=False)
    string_data: dict[str, str] = Field(default={}, repr=False)


class ReferenceGrantFrom(ApiModel):
    """Who may refer."""

    group: str
    kind: str
    namespace: Name


class ReferenceGrantTo(ApiModel):
    """What may be referred to: all objects of the kind where no name is given."""

    group: str
    kind: str
    name: Subdomain | None = None


class ReferenceGrantSpec(ApiModel):
    """spec of a ReferenceGrant; it permits references into its own namespace."""

    from_: tuple[ReferenceGrantFrom, ...] = Field(alias="from", min_length=1, max_length=16)
    to: tuple[ReferenceGrantTo, ...] = Field(min_length=1, max_length=16)


class NamespaceBody(ApiModel):
    """A Namespace: only its labels matter."""


class ExtensionBody(ApiModel):
    """An object of a kind that belongs to an extension.

    Attributes:
        document: the whole object as JSON with sorted keys, as an extension server gets it.
    """

    document: bytes
