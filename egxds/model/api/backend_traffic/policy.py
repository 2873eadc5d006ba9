"""BackendTrafficPolicy, as a user writes it: how the requests and connections of rules come to their backends. Pure.

Source: Envoy Gateway v1.9, BackendTrafficPolicySpec. Fields that nobody reads yet are taken as they are; what becomes
of them is said in `egxds.model.resolve.features.backend_traffic`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator

from egxds.model.api.backend_traffic.admission import AdmissionControl
from egxds.model.api.backend_traffic.bodies import BandwidthLimit, Compression, RequestBuffer
from egxds.model.api.backend_traffic.circuit_breaker import CircuitBreaker
from egxds.model.api.backend_traffic.connections import BackendConnection, BackendProxyProtocol, Dns
from egxds.model.api.backend_traffic.faults import FaultInjection
from egxds.model.api.backend_traffic.health_check import BackendHealthCheck
from egxds.model.api.backend_traffic.load_balancer import LoadBalancer
from egxds.model.api.backend_traffic.rate_limit import RateLimit
from egxds.model.api.backend_traffic.response_override import ResponseOverride
from egxds.model.api.backend_traffic.retry import Retry
from egxds.model.api.backend_traffic.telemetry import BackendTelemetry
from egxds.model.api.backend_traffic.timeouts import BackendTimeout
from egxds.model.api.backend_traffic.upgrades import HttpUpgrade
from egxds.model.api.client_traffic.connections import TcpKeepalive
from egxds.model.api.client_traffic.requests import Http2
from egxds.model.api.object import ENVOY_GATEWAY_GROUP, Body, Kind, api_type
from egxds.model.api.policies import MergingPolicySpec, PolicyBody
from egxds.model.api.validation import FieldError, refuse


def traffic_errors(spec: BackendTrafficPolicySpec) -> Iterator[FieldError]:
    """Check what does not go together, and that it is merged by one of the two ways, as the API has it."""
    if spec.merge_type == "Replace":
        yield FieldError(("mergeType",), "must be StrategicMerge or JSONMerge; without it the policy stands alone")
    if spec.compression is not None and spec.compressor is not None:
        yield FieldError(("compression",), "and compressor cannot both be given; delete compression")
    if spec.http_upgrade and spec.request_buffer is not None and spec.request_buffer.mode == "BufferAndLimit":
        yield FieldError(("httpUpgrade",), "does not go with a requestBuffer that holds requests back")


@api_type
class BackendTrafficPolicySpec(MergingPolicySpec):
    """spec of a BackendTrafficPolicy."""

    is_narrowing = True
    unserved_fields = frozenset({"routingType"})

    circuit_breaker: CircuitBreaker | None = None
    timeout: BackendTimeout | None = None
    admission_control: AdmissionControl | None = None
    bandwidth_limit: BandwidthLimit | None = None
    compression: tuple[Compression, ...] | None = None
    compressor: tuple[Compression, ...] | None = None
    connection: BackendConnection | None = None
    dns: Dns | None = None
    fault_injection: FaultInjection | None = None
    health_check: BackendHealthCheck | None = None
    http2: Annotated[Http2 | None, Field(alias="http2")] = None
    http_upgrade: tuple[HttpUpgrade, ...] | None = None
    load_balancer: LoadBalancer | None = None
    proxy_protocol: BackendProxyProtocol | None = None
    rate_limit: RateLimit | None = None
    request_buffer: RequestBuffer | None = None
    response_override: tuple[ResponseOverride, ...] | None = None
    retry: Retry | None = None
    tcp_keepalive: TcpKeepalive | None = None
    telemetry: BackendTelemetry | None = None
    use_client_protocol: StrictBool | None = None

    @property
    def reports(self) -> object:
        """What is asked of reports that endpoints send by themselves."""
        utilization = self.load_balancer.backend_utilization if self.load_balancer is not None else None
        return utilization.out_of_band if utilization is not None else None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(traffic_errors(self))
        return self


BACKEND_TRAFFIC_POLICY = Kind(ENVOY_GATEWAY_GROUP, "BackendTrafficPolicy", ("v1alpha1",), PolicyBody, Body.DOCUMENT)
