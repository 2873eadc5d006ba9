"""Service, EndpointSlice and Backend, as a user writes them. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PlainValidator, StrictBool, model_validator

from egxds.model.api.backend_tls import BackendTls
from egxds.model.api.object import (
    CORE_GROUP,
    DISCOVERY_GROUP,
    ENVOY_GATEWAY_GROUP,
    ApiModel,
    Body,
    Kind,
    Port,
    api_type,
)
from egxds.model.api.scalars import DnsName, IpAddress, PreciseHostname, is_dns_name
from egxds.model.api.validation import FieldError, refuse
from egxds.unix_path import check_unix_path

_MAX_PORT = 65535
_VERSIONS = {"IPv4": 4, "IPv6": 6}


def check_target_port(value: object) -> int | str:
    """Accept a port number or the name of a port.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_PORT:
        return value
    raise ValueError(f"must be a port number from 1 to {_MAX_PORT}, or the name of a port")


def service_errors(service: ServiceSpec) -> Iterator[FieldError]:
    """Check the ports of a Service against each other."""
    names: set[str] = set()
    numbers: set[tuple[int, str]] = set()
    for index, port in enumerate(service.ports):
        if len(service.ports) > 1 and not port.name:
            yield FieldError(("ports", index), "name is missing; a Service with several ports needs one for each")
        elif port.name in names:
            yield FieldError(("ports", index, "name"), f"another port is named {port.name} too; rename one")
        if (port.port, port.protocol) in numbers:
            yield FieldError(
                ("ports", index, "port"), f"port {port.port} ({port.protocol}) is listed twice; delete one"
            )
        names.add(port.name)
        numbers.add((port.port, port.protocol))


def slice_errors(slice_: EndpointSliceBody) -> Iterator[FieldError]:
    """Check that the addresses of a slice are of its addressType."""
    for index, endpoint in enumerate(slice_.endpoints):
        for position, address in enumerate(endpoint.addresses):
            if not _is_of_type(address, slice_.address_type):
                path = ("endpoints", index, "addresses", position)
                yield FieldError(path, f"is not an address of type {slice_.address_type}")


def _is_of_type(address: str, address_type: str) -> bool:
    if address_type == "FQDN":
        return is_dns_name(address)
    try:
        return ipaddress.ip_address(address).version == _VERSIONS[address_type]
    except ValueError:
        return False


def endpoint_errors(endpoint: BackendEndpoint) -> Iterator[FieldError]:
    """Check that an endpoint of a Backend has exactly one address."""
    given = [value for value in (endpoint.ip, endpoint.fqdn, endpoint.unix) if value is not None]
    if len(given) != 1:
        yield FieldError((), "give exactly one of ip, fqdn and unix")


def backend_errors(backend: BackendSpec) -> Iterator[FieldError]:
    """Check that a Backend has endpoints as its type wants, and hostnames beside no other addresses.

    One Envoy cluster cannot hold both.
    """
    if backend.is_dynamic and backend.endpoints:
        yield FieldError(("endpoints",), "type DynamicResolver has none: clients say where their requests go")
    if not backend.is_dynamic and not backend.endpoints:
        yield FieldError(("endpoints",), "is empty: type Endpoints has at least one")
    named = [endpoint.fqdn is not None for endpoint in backend.endpoints]
    if any(named) and not all(named):
        yield FieldError(("endpoints",), "fqdn cannot stand beside ip or unix in one Backend; use two Backends")


TargetPort = Annotated[int | str, PlainValidator(check_target_port)]
"""The number, or the name, of a port of the pods behind a Service."""


@api_type
class ServicePort(ApiModel):
    """One port of a Service."""

    narrowing_fields = frozenset({"appProtocol"})
    silent_fields = frozenset({"nodePort"})

    name: str = ""
    protocol: str = "TCP"
    port: Port
    target_port: TargetPort | None = None
    app_protocol: str | None = None


@api_type
class ServiceSpec(ApiModel):
    """spec of a Service."""

    silent_fields = frozenset(
        {
            "allocateLoadBalancerNodePorts",
            "clusterIP",
            "clusterIPs",
            "externalIPs",
            "externalTrafficPolicy",
            "healthCheckNodePort",
            "internalTrafficPolicy",
            "ipFamilies",
            "ipFamilyPolicy",
            "loadBalancerClass",
            "loadBalancerIP",
            "loadBalancerSourceRanges",
            "publishNotReadyAddresses",
            "selector",
            "sessionAffinity",
            "sessionAffinityConfig",
            "trafficDistribution",
        }
    )

    type: str = "ClusterIP"
    ports: tuple[ServicePort, ...] = ()
    external_name: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(service_errors(self))
        return self


@api_type
class EndpointConditions(ApiModel):
    """Whether an endpoint takes traffic; an absent `ready` means yes."""

    ready: StrictBool | None = None
    serving: StrictBool | None = None
    terminating: StrictBool | None = None


@api_type
class Endpoint(ApiModel):
    """One endpoint of a slice; of its addresses the first counts.

    Attributes:
        zone: that it stands in.
    """

    silent_fields = frozenset({"deprecatedTopology", "hints", "hostname", "nodeName", "targetRef"})

    addresses: tuple[str, ...] = Field(min_length=1, max_length=100)
    conditions: EndpointConditions = EndpointConditions()
    zone: str | None = None


@api_type
class EndpointPort(ApiModel):
    """One port of a slice."""

    name: str = ""
    protocol: str = "TCP"
    port: Port | None = None
    app_protocol: str | None = None


@api_type
class EndpointSliceBody(ApiModel):
    """An EndpointSlice, which has no spec."""

    address_type: Literal["IPv4", "IPv6", "FQDN"]
    endpoints: tuple[Endpoint, ...] = Field(default=(), max_length=1000)
    ports: tuple[EndpointPort, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(slice_errors(self))
        return self


@api_type
class IpEndpoint(ApiModel):
    """An IP address and port."""

    address: IpAddress
    port: Port


@api_type
class FqdnEndpoint(ApiModel):
    """A hostname, resolved by Envoy, and a port."""

    hostname: DnsName
    port: Port


@api_type
class UnixSocket(ApiModel):
    """A Unix socket of the machine Envoy runs on."""

    path: Annotated[str, Field(min_length=1), AfterValidator(check_unix_path)]


@api_type
class BackendEndpoint(ApiModel):
    """One endpoint of a Backend: exactly one of ip, fqdn and unix.

    Attributes:
        hostname: a name of it, beside where it is: `autoSNIFromEndpointHostname` asks by it.
        zone: that it stands in.
    """

    hostname: PreciseHostname | None = None
    ip: IpEndpoint | None = None
    fqdn: FqdnEndpoint | None = None
    unix: UnixSocket | None = None
    zone: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(endpoint_errors(self))
        return self


@api_type
class BackendSpec(ApiModel):
    """spec of an Envoy Gateway Backend.

    Attributes:
        type: DynamicResolver where requests go to the host that they name.
        fallback: whether it is only for when the other backends of a rule cannot be used.
        tls: how it is spoken to by TLS; None where it is without, unless a policy asks for it.
    """

    narrowing_fields = frozenset({"appProtocols", "tls"})

    type: Literal["Endpoints", "DynamicResolver"] = "Endpoints"
    endpoints: tuple[BackendEndpoint, ...] = Field(default=(), max_length=64)
    app_protocols: tuple[str, ...] = ()
    fallback: StrictBool = False
    tls: BackendTls | None = None

    @property
    def is_dynamic(self) -> bool:
        """Whether clients say where their requests go."""
        return self.type == "DynamicResolver"

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(backend_errors(self))
        return self


SERVICE = Kind(CORE_GROUP, "Service", ("v1",), ServiceSpec)
ENDPOINT_SLICE = Kind(DISCOVERY_GROUP, "EndpointSlice", ("v1",), EndpointSliceBody, Body.WHOLE)
BACKEND = Kind(ENVOY_GATEWAY_GROUP, "Backend", ("v1alpha1",), BackendSpec)
