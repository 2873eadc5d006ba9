"""Service, EndpointSlice and Backend, as a user writes them. Pure."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PlainValidator, StrictBool, model_validator

from egxds.model import backend_rules
from egxds.model.api import ApiModel, Port
from egxds.model.findings import refuse
from egxds.model.scalars import IpAddress, PreciseHostname

TargetPort = Annotated[int | str, PlainValidator(backend_rules.check_target_port)]
"""The number, or the name, of a port of the pods behind a Service."""


class ServicePort(ApiModel):
    """One port of a Service."""

    silent_fields = frozenset({"nodePort"})

    name: str = ""
    protocol: str = "TCP"
    port: Port
    target_port: TargetPort | None = None
    app_protocol: str | None = None


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
        refuse(backend_rules.service_findings(self))
        return self


class EndpointConditions(ApiModel):
    """Whether an endpoint takes traffic; an absent `ready` means yes."""

    ready: StrictBool | None = None
    serving: StrictBool | None = None
    terminating: StrictBool | None = None


class Endpoint(ApiModel):
    """One endpoint of a slice; of its addresses the first counts."""

    silent_fields = frozenset({"deprecatedTopology", "hints", "hostname", "nodeName", "targetRef", "zone"})

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

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(backend_rules.slice_findings(self))
        return self


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

    silent_fields = frozenset({"zone"})
    unserved_fields = frozenset({"hostname"})

    ip: IpEndpoint | None = None
    fqdn: FqdnEndpoint | None = None
    unix: UnixSocket | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(backend_rules.endpoint_findings(self))
        return self


class BackendSpec(ApiModel):
    """spec of an Envoy Gateway Backend."""

    unserved_fields = frozenset({"fallback"})
    refused_fields = frozenset({"tls"})

    type: Literal["Endpoints"] = "Endpoints"
    endpoints: tuple[BackendEndpoint, ...] = Field(min_length=1, max_length=64)
    app_protocols: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(backend_rules.backend_findings(self))
        return self
