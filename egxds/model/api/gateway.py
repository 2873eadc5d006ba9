"""GatewayClass and Gateway, as a user writes them. Pure.

The rules are those of the CRDs (Gateway API v1.6, validation rules of GatewaySpec and below). What they let pass and
nobody can do costs the listener that asks for it (`unservable`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from egxds.model.api.label_selectors import LabelSelector
from egxds.model.api.object import CORE_GROUP, GATEWAY_GROUP, GATEWAY_VERSIONS, ApiModel, Kind, Port, api_type
from egxds.model.api.scalars import Hostname, Name, ObjectName, Protocol, Subdomain
from egxds.model.api.validation import FieldError, refuse

_CORE_PROTOCOLS = frozenset({"HTTP", "HTTPS", "TLS", "TCP", "UDP"})
_WITHOUT_TLS = frozenset({"HTTP", "TCP", "UDP"})
_WITHOUT_HOSTNAME = frozenset({"TCP", "UDP"})
_DISTINCT_ADDRESSES = frozenset({"IPAddress", "Hostname"})
"""Types of addresses that the API has once each."""


def protocol_name(protocol: str) -> str:
    """Spell a protocol of Gateway API in capitals (they compare without case); leave others as they are."""
    upper = protocol.upper()
    return upper if upper in _CORE_PROTOCOLS else protocol


def tls_errors(tls: GatewayTls) -> Iterator[FieldError]:
    """Check the TLS settings of a listener; what options stand for may bring certificates."""
    if tls.mode == "Terminate" and not tls.certificate_refs and not tls.options:
        yield FieldError(("certificateRefs",), "mode Terminate needs at least one certificateRef")


def listener_errors(listener: Listener) -> Iterator[FieldError]:
    """Check that a listener's fields fit its protocol."""
    protocol = listener.protocol_name
    if listener.tls is not None and protocol in _WITHOUT_TLS:
        yield FieldError(("tls",), f"protocol {protocol} takes no tls; delete it or use HTTPS")
    if listener.tls is None and protocol == "TLS":
        yield FieldError(("protocol",), f"protocol {protocol} needs tls")
    if listener.tls is not None and protocol == "HTTPS" and listener.tls.mode != "Terminate":
        yield FieldError(("tls", "mode"), "protocol HTTPS needs mode Terminate")
    if listener.hostname is not None and protocol in _WITHOUT_HOSTNAME:
        yield FieldError(("hostname",), f"protocol {protocol} takes no hostname; delete it")


def gateway_errors(gateway: GatewaySpec) -> Iterator[FieldError]:
    """Check what the listeners, and the addresses, of a Gateway must not have in common."""
    yield from indistinct_listeners(gateway.listeners)
    yield from _equal_addresses(gateway)
    yield from _equal_ports(gateway)


def indistinct_listeners(listeners: Sequence[Listener]) -> Iterator[FieldError]:
    """Check that no two listeners of one object have the same name, or are for the same traffic."""
    yield from _equal_names(listeners)
    yield from _equal_listeners(listeners)


def _equal_names(listeners: Sequence[Listener]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, listener in enumerate(listeners):
        if listener.name in seen:
            yield FieldError(("listeners", index, "name"), f"another listener is named {listener.name} too; rename one")
        seen.add(listener.name)


def _equal_listeners(listeners: Sequence[Listener]) -> Iterator[FieldError]:
    seen: dict[tuple[int, str, str | None], str] = {}
    for index, listener in enumerate(listeners):
        traffic = (listener.port, listener.protocol_name, listener.hostname)
        if traffic in seen:
            message = f"port, protocol and hostname are those of listener {seen[traffic]}; change one of the three"
            yield FieldError(("listeners", index), message)
        seen.setdefault(traffic, listener.name)


def _equal_addresses(gateway: GatewaySpec) -> Iterator[FieldError]:
    seen: set[tuple[str, str]] = set()
    for index, address in enumerate(gateway.addresses):
        asked = (address.type, address.value or "")
        if address.value and asked in seen and address.type in _DISTINCT_ADDRESSES:
            yield FieldError(("addresses", index), f"address {address.value} is asked for more than once; delete one")
        seen.add(asked)


def _equal_ports(gateway: GatewaySpec) -> Iterator[FieldError]:
    seen: set[int] = set()
    for index, each in enumerate(gateway.tls.frontend.per_port):
        if each.port in seen:
            message = f"port {each.port} is there more than once; delete one"
            yield FieldError(("tls", "frontend", "perPort", index, "port"), message)
        seen.add(each.port)


@api_type
class ParametersReference(ApiModel):
    """A reference to an object that configures a class."""

    group: str
    kind: str
    name: str
    namespace: str | None = None


@api_type
class GatewayClassSpec(ApiModel):
    """spec of a GatewayClass."""

    controller_name: str = Field(min_length=1, max_length=253)
    parameters_ref: ParametersReference | None = None
    description: str | None = None


@api_type
class SecretObjectReference(ApiModel):
    """A reference to a certificate."""

    group: str = CORE_GROUP
    kind: str = "Secret"
    name: ObjectName
    namespace: Name | None = None


@api_type
class GatewayTls(ApiModel):
    """tls of a listener.

    Attributes:
        options: what an implementation may know; of those here none.
        frontend_validation: what clients are to show; of earlier versions of the API.
    """

    is_narrowing = True

    mode: Literal["Terminate", "Passthrough"] = "Terminate"
    certificate_refs: tuple[SecretObjectReference, ...] = Field(default=(), max_length=64)
    options: dict[str, str] = Field(default_factory=dict)
    frontend_validation: dict[str, object] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(tls_errors(self))
        return self


@api_type
class RouteNamespaces(ApiModel):
    """From which namespaces a listener takes routes."""

    is_narrowing = True

    from_: Literal["All", "Selector", "Same", "None"] = Field(default="Same", alias="from")
    selector: LabelSelector | None = None

    def unservable(self) -> Iterator[FieldError]:
        """Say why its selector selects nobody."""
        if self.from_ != "Selector":
            return
        if self.selector is None:
            yield FieldError(("from",), "from: Selector needs a selector")
        else:
            yield from (error.below(("selector",)) for error in self.selector.unservable())


@api_type
class RouteGroupKind(ApiModel):
    """A kind of route."""

    group: str = GATEWAY_GROUP
    kind: str


@api_type
class AllowedRoutes(ApiModel):
    """Which routes may attach to a listener."""

    is_narrowing = True

    namespaces: RouteNamespaces = RouteNamespaces()
    kinds: tuple[RouteGroupKind, ...] = Field(default=(), max_length=8)


@api_type
class Listener(ApiModel):
    """One listener of a Gateway, or of a ListenerSet."""

    narrowing_fields = frozenset({"allowedRoutes", "hostname"})

    name: Subdomain
    hostname: Hostname | None = None
    port: Port
    protocol: Protocol
    tls: GatewayTls | None = None
    allowed_routes: AllowedRoutes = AllowedRoutes()

    @property
    def protocol_name(self) -> str:
        """Its protocol; the ones of Gateway API itself compare without case and come in capitals."""
        return protocol_name(self.protocol)

    def unservable(self) -> Iterator[FieldError]:
        """Say why it cannot be programmed, whatever becomes of what it refers to."""
        yield from (
            error.below(("allowedRoutes", "namespaces")) for error in self.allowed_routes.namespaces.unservable()
        )
        if self.protocol_name == "HTTPS" and self.tls is None:
            yield FieldError(("protocol",), "protocol HTTPS needs tls with a certificate")
        if self.tls is not None and self.tls.mode == "Terminate" and not self.tls.certificate_refs:
            yield FieldError(("tls", "certificateRefs"), "mode Terminate needs at least one certificateRef")

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(listener_errors(self))
        return self


@api_type
class GatewayAddress(ApiModel):
    """An address a Gateway asks for; without a value, any of its type."""

    type: str = "IPAddress"
    value: str | None = Field(default=None, max_length=253)


@api_type
class LocalParametersReference(ApiModel):
    """A reference to an object that configures a Gateway."""

    group: str
    kind: str
    name: str


@api_type
class GatewayInfrastructure(ApiModel):
    """What a Gateway asks of the machinery it runs on: an Envoy whose bootstrap is made here carries the metadata."""

    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    parameters_ref: LocalParametersReference | None = None


@api_type
class CaCertificateReference(ApiModel):
    """Who the certificates of clients are to be issued by: a ConfigMap or a Secret."""

    is_narrowing = True

    group: str = CORE_GROUP
    kind: str = "ConfigMap"
    name: ObjectName
    namespace: Name | None = None


@api_type
class FrontendTlsValidation(ApiModel):
    """How the certificates of clients are checked.

    Attributes:
        mode: whether a client is let in without a certificate that stands the check.
    """

    is_narrowing = True

    ca_certificate_refs: Annotated[
        tuple[CaCertificateReference, ...], Field(alias="caCertificateRefs", max_length=16)
    ] = ()
    mode: Literal["AllowValidOnly", "AllowInsecureFallback"] = "AllowValidOnly"


@api_type
class FrontendTlsConfig(ApiModel):
    """What listeners ask of their clients; nothing where nothing is to be checked."""

    is_narrowing = True

    validation: FrontendTlsValidation | None = None


@api_type
class PortFrontendTls(ApiModel):
    """What the listeners of one port ask of their clients, in the place of what all do."""

    is_narrowing = True

    port: Port
    tls: FrontendTlsConfig = FrontendTlsConfig()


@api_type
class FrontendTls(ApiModel):
    """What listeners ask of their clients' certificates."""

    is_narrowing = True

    default: FrontendTlsConfig = FrontendTlsConfig()
    per_port: tuple[PortFrontendTls, ...] = Field(default=(), max_length=64)


@api_type
class BackendTlsConfig(ApiModel):
    """What backends are shown that are spoken to by TLS."""

    is_narrowing = True

    client_certificate_ref: SecretObjectReference | None = None


@api_type
class GatewayTlsConfig(ApiModel):
    """tls of a Gateway as a whole."""

    is_narrowing = True

    frontend: FrontendTls = FrontendTls()
    backend: BackendTlsConfig = BackendTlsConfig()


@api_type
class ListenerNamespaces(RouteNamespaces):
    """From which namespaces a Gateway takes ListenerSets; from none where it does not say."""

    from_: Literal["All", "Selector", "Same", "None"] = Field(default="None", alias="from")


@api_type
class AllowedListeners(ApiModel):
    """Which ListenerSets may add listeners to a Gateway."""

    is_narrowing = True

    namespaces: ListenerNamespaces = ListenerNamespaces()


@api_type
class GatewaySpec(ApiModel):
    """spec of a Gateway."""

    unserved_fields = frozenset({"defaultScope"})

    gateway_class_name: ObjectName
    listeners: tuple[Listener, ...] = Field(min_length=1, max_length=64)
    addresses: tuple[GatewayAddress, ...] = Field(default=(), max_length=16)
    infrastructure: GatewayInfrastructure = GatewayInfrastructure()
    tls: GatewayTlsConfig = GatewayTlsConfig()
    allowed_listeners: AllowedListeners = AllowedListeners()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(gateway_errors(self))
        return self


GATEWAY_CLASS = Kind(GATEWAY_GROUP, "GatewayClass", GATEWAY_VERSIONS, GatewayClassSpec, is_namespaced=False)
GATEWAY = Kind(GATEWAY_GROUP, "Gateway", GATEWAY_VERSIONS, GatewaySpec)
