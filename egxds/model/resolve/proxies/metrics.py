"""telemetry.metrics: who is told what Envoys count. Pure.

Envoy takes such a collector from its bootstrap alone, which knows no secrets: one that is to be shown a certificate
cannot be told. One of whom nobody is there is not told by an Envoy that starts then (Envoy Gateway's way).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from egxds.model.api.envoy_proxy.metrics import Metrics, OtlpMetrics
from egxds.model.api.envoy_proxy.proxy import EnvoyProxySpec
from egxds.model.api.validation import Path
from egxds.model.resolve.dependents import Query
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.policy_servers import server_queries
from egxds.model.resolve.proxies.collectors import FoundCollector, find_collector
from egxds.model.resolve.proxies.context import ProxyContext
from egxds.model.resolve.proxies.feature import ProxyFeature, Resolved
from egxds.model.resolve.upstreams import EndpointAddress, UpstreamProtocol
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class MetricsTarget:
    """Who is told.

    Attributes:
        collector: the same, as Envoy reaches them.
        asked: as it is written.
    """

    collector: FoundCollector
    asked: OtlpMetrics


@dataclass(frozen=True, slots=True)
class FoundMetrics:
    """What is counted, and who is told.

    Attributes:
        asked: as it is written.
        targets: of the sinks, those who can be told; each address once, as Envoy Gateway has it.
    """

    asked: Metrics
    targets: tuple[MetricsTarget, ...]


def _asked(spec: EnvoyProxySpec) -> Metrics | None:
    return spec.telemetry.metrics if spec.telemetry is not None else None


def _queries(asked: Metrics, proxy: ObjectKey) -> Iterator[Query]:
    for sink in asked.sinks:
        yield from server_queries(sink.otlp.backend_refs, proxy) if sink.otlp is not None else ()


def _resolve(asked: Metrics, context: ProxyContext) -> Resolved:
    targets: dict[tuple[EndpointAddress, ...], MetricsTarget] = {}
    errors: list[Fault] = []
    # An Envoy has one bootstrap, and so one EnvoyProxy that says who is told.
    alone = replace(context, prefix="")
    for at, sink in enumerate(asked.sinks):
        if sink.otlp is None:
            continue
        found = _find(sink.otlp, at, alone)
        if isinstance(found, Fault):
            errors.append(found)
        else:
            targets.setdefault(found.addresses, MetricsTarget(found, sink.otlp))
    return Resolved(FoundMetrics(asked, tuple(targets.values())), errors=tuple(errors))


def _find(asked: OtlpMetrics, at: int, context: ProxyContext) -> FoundCollector | Fault:
    path: Path = (*context.path, "sinks", at, "openTelemetry")
    found = find_collector(asked, f"otel_metric_sink_{at}", path, context, UpstreamProtocol.HTTP2)
    if isinstance(found, Fault):
        return found
    if not found.addresses:
        message = "has no endpoint that is ready: an Envoy that starts now tells it nothing"
        return Fault(Reason.INVALID, f"telemetry.metrics: sink {at} {message}", path)
    if found.tls is not None and found.tls.agreed.shown is not None:
        message = "is to be shown a certificate, and its key is not for a bootstrap: nothing is told there"
        return Fault(Reason.INVALID, f"telemetry.metrics: sink {at} {message}", path)
    return found


METRICS = ProxyFeature(("telemetry", "metrics"), _asked, _resolve, _queries)
