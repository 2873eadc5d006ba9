"""Tracing → what a connection manager is told. Pure.

Source: Envoy Gateway v1.9. A span of the request that a backend gets stands beside that of the client's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from envoy.config.trace.v3.datadog_pb2 import DatadogConfig
from envoy.config.trace.v3.http_tracer_pb2 import Tracing as Provider
from envoy.config.trace.v3.opentelemetry_pb2 import OpenTelemetryConfig
from envoy.config.trace.v3.zipkin_pb2 import ZipkinConfig
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag
from envoy.type.v3.percent_pb2 import Percent
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BoolValue

from egxds.model.api.envoy_proxy import tracing as api
from egxds.model.resolve.proxies.tracing import FoundTracing
from egxds.resources.encoding import pack
from egxds.translate.proxies.grpc_services import grpc_service

_ZIPKIN_PATH = "/api/v2/spans"
_ALL = 100.0


def write_tracing(manager: HttpConnectionManager, found: FoundTracing) -> None:
    """Write what a connection manager traces, and for whom."""
    asked = found.asked
    name, config = _PROVIDERS[asked.provider.type](found)
    tracing = HttpConnectionManager.Tracing(
        random_sampling=Percent(value=_sampled(asked)),
        provider=Provider.Http(name=name, typed_config=pack(config)),
        spawn_upstream_span=BoolValue(value=True),
        custom_tags=custom_tags(asked),
    )
    if asked.client_sampling_fraction is not None:
        tracing.client_sampling.CopyFrom(Percent(value=asked.client_sampling_fraction.percent))
    if asked.overall_sampling_fraction is not None:
        tracing.overall_sampling.CopyFrom(Percent(value=asked.overall_sampling_fraction.percent))
    if asked.span_name is not None:
        tracing.operation, tracing.upstream_operation = asked.span_name.client, asked.span_name.server
    manager.tracing.CopyFrom(tracing)


def _sampled(asked: api.Tracing) -> float:
    if asked.sampling_fraction is not None:
        return asked.sampling_fraction.percent
    return _ALL if asked.sampling_rate is None else float(asked.sampling_rate)


def custom_tags(asked: api.Traced) -> Iterator[CustomTag]:
    """Yield what spans say beside the usual, sorted by name; format strings count before the older way."""
    for name in sorted({*asked.custom_tags, *asked.tags}):
        if name in asked.tags:
            yield CustomTag(tag=name, value=asked.tags[name])
        else:
            yield _custom_tag(name, asked.custom_tags[name])


def _custom_tag(name: str, tag: api.CustomTag) -> CustomTag:
    written = CustomTag(tag=name)
    if tag.type == "Literal" and tag.literal is not None:
        written.literal.value = tag.literal.value
    elif tag.type == "Environment" and tag.environment is not None:
        written.environment.name = tag.environment.name
        written.environment.default_value = tag.environment.default_value or ""
    elif tag.request_header is not None:
        written.request_header.name = tag.request_header.name
        written.request_header.default_value = tag.request_header.default_value or ""
    return written


def _otlp(found: FoundTracing) -> tuple[str, Message]:
    said = found.asked.provider.otlp
    headers = ((each.name, each.value) for each in said.headers) if said is not None else ()
    service = grpc_service(found.cluster, found.authority, headers)
    return "envoy.tracers.opentelemetry", OpenTelemetryConfig(grpc_service=service, service_name=found.service_name)


def _zipkin(found: FoundTracing) -> tuple[str, Message]:
    said = found.asked.provider.zipkin or api.Zipkin()
    config = ZipkinConfig(
        collector_cluster=found.cluster,
        collector_endpoint=_ZIPKIN_PATH,
        collector_endpoint_version=ZipkinConfig.HTTP_JSON,
        collector_hostname=found.authority,
        shared_span_context=BoolValue(value=not said.disable_shared_span_context),
        trace_id_128bit=said.enable_128_bit,
    )
    return "envoy.tracers.zipkin", config


def _datadog(found: FoundTracing) -> tuple[str, Message]:
    config = DatadogConfig(
        collector_cluster=found.cluster, collector_hostname=found.authority, service_name=found.service_name
    )
    return "envoy.tracers.datadog", config


_PROVIDERS: Mapping[str, Callable[[FoundTracing], tuple[str, Message]]] = {
    "OpenTelemetry": _otlp,
    "Zipkin": _zipkin,
    "Datadog": _datadog,
}
"""Type of a provider → its name for Envoy, and what it is told."""
