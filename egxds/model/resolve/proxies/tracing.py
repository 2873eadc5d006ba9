"""telemetry.tracing: who is told of spans, and what Envoy calls itself there. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.api.envoy_proxy.proxy import EnvoyProxySpec
from egxds.model.api.envoy_proxy.tracing import Tracing
from egxds.model.resolve.dependents import Query
from egxds.model.resolve.faults import Fault
from egxds.model.resolve.features.policy_servers import server_queries
from egxds.model.resolve.proxies.collectors import find_collector
from egxds.model.resolve.proxies.context import ProxyContext
from egxds.model.resolve.proxies.feature import ProxyFeature, Resolved
from egxds.model.resolve.upstreams import UpstreamProtocol
from egxds.object_key import ObjectKey

CLUSTER = "tracing"


@dataclass(frozen=True, slots=True)
class FoundTracing:
    """What is traced, and for whom.

    Attributes:
        asked: as it is written.
        cluster: by which Envoy knows who is told.
        authority: what that is called.
        service_name: what Envoy calls itself.
    """

    asked: Tracing
    cluster: str
    authority: str
    service_name: str


def _asked(spec: EnvoyProxySpec) -> Tracing | None:
    return spec.telemetry.tracing if spec.telemetry is not None else None


def _queries(asked: Tracing, proxy: ObjectKey) -> Iterator[Query]:
    return server_queries(asked.provider.backend_refs, proxy)


def _resolve(asked: Tracing, context: ProxyContext) -> Resolved:
    provider = asked.provider
    protocol = UpstreamProtocol.HTTP2 if provider.type == "OpenTelemetry" else UpstreamProtocol.HTTP1
    found = find_collector(provider, CLUSTER, (*context.path, "provider"), context, protocol)
    if isinstance(found, Fault):
        return Resolved(None, errors=(found,))
    service = provider.service_name or context.envoy
    return Resolved(FoundTracing(asked, found.cluster, found.authority, service), (found,))


TRACING = ProxyFeature(("telemetry", "tracing"), _asked, _resolve, _queries)
"""Where nobody can be told, nothing is traced."""
