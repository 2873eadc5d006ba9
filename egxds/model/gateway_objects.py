"""GatewayClass and Gateway, as a user writes them. Pure."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from egxds.model import gateway_rules
from egxds.model.api import CORE_GROUP, GATEWAY_GROUP, ApiModel, Port
from egxds.model.findings import refuse
from egxds.model.scalars import Hostname, Name, Protocol, Subdomain


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

    refused_fields = frozenset({"frontendValidation"})

    mode: Literal["Terminate", "Passthrough"] = "Terminate"
    certificate_refs: tuple[SecretObjectReference, ...] = Field(default=(), max_length=64)
    options: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(gateway_rules.tls_findings(self))
        return self


class LabelSelectorRequirement(ApiModel):
    """One expression of a label selector."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(gateway_rules.requirement_findings(self))
        return self


class LabelSelector(ApiModel):
    """Selects objects by their labels; empty selects everything."""

    match_labels: dict[str, str] = Field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class RouteNamespaces(ApiModel):
    """From which namespaces a listener takes routes."""

    from_: Literal["All", "Selector", "Same", "None"] = Field(default="Same", alias="from")
    selector: LabelSelector | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(gateway_rules.namespaces_findings(self))
        return self


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
    protocol: Protocol
    tls: GatewayTls | None = None
    allowed_routes: AllowedRoutes = AllowedRoutes()

    @property
    def protocol_name(self) -> str:
        """Its protocol; the ones of Gateway API itself compare without case and come in capitals."""
        return gateway_rules.protocol_name(self.protocol)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(gateway_rules.listener_findings(self))
        return self


class GatewayAddress(ApiModel):
    """An address a Gateway asks for; without a value, any of its type."""

    type: str = "IPAddress"
    value: str | None = Field(default=None, max_length=253)


class LocalParametersReference(ApiModel):
    """A reference to an object that configures a Gateway."""

    group: str
    kind: str
    name: str


class GatewayInfrastructure(ApiModel):
    """What a Gateway asks of the machinery it runs on; labels and annotations have nothing to land on here."""

    silent_fields = frozenset({"annotations", "labels"})

    parameters_ref: LocalParametersReference | None = None


class GatewayTlsConfig(ApiModel):
    """tls of a Gateway as a whole."""

    unserved_fields = frozenset({"backend"})
    refused_fields = frozenset({"frontend"})


class GatewaySpec(ApiModel):
    """spec of a Gateway."""

    unserved_fields = frozenset({"allowedListeners", "defaultScope"})

    gateway_class_name: Subdomain
    listeners: tuple[Listener, ...] = Field(min_length=1, max_length=64)
    addresses: tuple[GatewayAddress, ...] = Field(default=(), max_length=16)
    infrastructure: GatewayInfrastructure = GatewayInfrastructure()
    tls: GatewayTlsConfig = GatewayTlsConfig()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(gateway_rules.gateway_findings(self))
        return self
