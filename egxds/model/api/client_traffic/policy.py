"""ClientTrafficPolicy, as a user writes it: how the connections and requests of clients are taken. Pure.

Source: Envoy Gateway v1.9, ClientTrafficPolicySpec.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StrictBool

from egxds.model.api.client_traffic.client_ip import ClientIpDetection
from egxds.model.api.client_traffic.client_tls import ClientTls
from egxds.model.api.client_traffic.connections import ClientConnection, ClientTimeout, ProxyProtocol, TcpKeepalive
from egxds.model.api.client_traffic.headers import ClientHeaders
from egxds.model.api.client_traffic.requests import ClientPath, Grpc, HealthCheck, Http1, Http2, Http3, Scheme
from egxds.model.api.object import ENVOY_GATEWAY_GROUP, Body, Kind, api_type
from egxds.model.api.policies import MergingPolicySpec, PolicyBody, PolicyTargets


@api_type
class ClientTrafficPolicySpec(MergingPolicySpec):
    """spec of a ClientTrafficPolicy."""

    is_narrowing = True

    tcp_keepalive: TcpKeepalive | None = None
    enable_proxy_protocol: StrictBool | None = None
    proxy_protocol: ProxyProtocol | None = None
    client_ip_detection: Annotated[ClientIpDetection | None, Field(alias="clientIPDetection")] = None
    tls: ClientTls | None = None
    path: ClientPath | None = None
    headers: ClientHeaders | None = None
    timeout: ClientTimeout | None = None
    connection: ClientConnection | None = None
    http1: Annotated[Http1 | None, Field(alias="http1")] = None
    http2: Annotated[Http2 | None, Field(alias="http2")] = None
    http3: Annotated[Http3 | None, Field(alias="http3")] = None
    grpc: Grpc | None = None
    health_check: HealthCheck | None = None
    scheme: Scheme | None = None

    @property
    def asked_proxy_protocol(self) -> ProxyProtocol | None:
        """What is asked of the PROXY protocol; `enableProxyProtocol` is the older way, and counts after the other."""
        return self.proxy_protocol or (ProxyProtocol() if self.enable_proxy_protocol else None)

    def deprecated(self) -> Iterator[str]:
        """Say which fields have others in their place."""
        if self.enable_proxy_protocol is not None:
            yield "spec.enableProxyProtocol is deprecated, use spec.proxyProtocol instead"
        if self.headers is not None and self.headers.preserve_x_request_id is not None:
            yield "spec.headers.preserveXRequestID is deprecated, use spec.headers.requestID instead"
        validation = self.tls.client_validation if self.tls is not None else None
        if validation is not None and validation.optional:
            yield "spec.tls.clientValidation.optional is deprecated, use spec.tls.clientValidation.mode instead"
        yield from PolicyTargets.deprecated(self)


CLIENT_TRAFFIC_POLICY = Kind(ENVOY_GATEWAY_GROUP, "ClientTrafficPolicy", ("v1alpha1",), PolicyBody, Body.DOCUMENT)
