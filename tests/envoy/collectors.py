"""Who takes telemetry: Envoy's own entries (ALS), OpenTelemetry by gRPC, spans of Zipkin by HTTP."""

from __future__ import annotations

import json
from typing import Any

from envoy.service.accesslog.v3 import als_pb2
from grpclib.const import Cardinality, Handler
from grpclib.server import Stream
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from tests.envoy.grpc_listening import GrpcListening
from tests.envoy.listening import HttpServer, JsonHandler, Listening

_ENTRIES = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"
_LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
_METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
_SPANS = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def said(attributes: Any) -> dict[str, str]:
    """Return attributes of OpenTelemetry that are text, by name."""
    return {each.key: each.value.string_value for each in attributes}


class GrpcCollector(GrpcListening):
    """Takes all of it on the loopback address.

    Attributes:
        port: where it listens.
        entries: messages of ALS, as they came.
        metadata: of the streams that they came by.
        logs: of OpenTelemetry, by whose they are.
        spans: the same.
        metrics: the same.
        metrics_metadata: of the calls that they came by.
    """

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.metadata: list[dict[str, Any]] = []
        self.logs: list[Any] = []
        self.spans: list[Any] = []
        self.metrics: list[Any] = []
        self.metrics_metadata: list[dict[str, Any]] = []
        super().__init__(self._methods())

    def _methods(self) -> dict[str, Handler]:
        logs, metrics, spans = logs_service_pb2, metrics_service_pb2, trace_service_pb2
        return {
            _ENTRIES: Handler(
                self._take_entries,
                Cardinality.STREAM_UNARY,
                als_pb2.StreamAccessLogsMessage,
                als_pb2.StreamAccessLogsResponse,
            ),
            _LOGS: Handler(
                self._take_logs,
                Cardinality.UNARY_UNARY,
                logs.ExportLogsServiceRequest,
                logs.ExportLogsServiceResponse,
            ),
            _METRICS: Handler(
                self._take_metrics,
                Cardinality.UNARY_UNARY,
                metrics.ExportMetricsServiceRequest,
                metrics.ExportMetricsServiceResponse,
            ),
            _SPANS: Handler(
                self._take_spans,
                Cardinality.UNARY_UNARY,
                spans.ExportTraceServiceRequest,
                spans.ExportTraceServiceResponse,
            ),
        }

    async def _take_entries(self, stream: Stream[Any, Any]) -> None:
        self.metadata.append(dict(stream.metadata or {}))
        async for message in stream:
            self.entries.append(message)
        await stream.send_message(als_pb2.StreamAccessLogsResponse())

    async def _take_logs(self, stream: Stream[Any, Any]) -> None:
        request: Any = await stream.recv_message()
        self.logs += request.resource_logs
        await stream.send_message(logs_service_pb2.ExportLogsServiceResponse())

    async def _take_metrics(self, stream: Stream[Any, Any]) -> None:
        request: Any = await stream.recv_message()
        self.metrics_metadata.append(dict(stream.metadata or {}))
        self.metrics += request.resource_metrics
        await stream.send_message(metrics_service_pb2.ExportMetricsServiceResponse())

    async def _take_spans(self, stream: Stream[Any, Any]) -> None:
        request: Any = await stream.recv_message()
        self.spans += request.resource_spans
        await stream.send_message(trace_service_pb2.ExportTraceServiceResponse())


class _Spans(JsonHandler):
    server: Any

    def _take(self) -> None:
        body = b"".join(iter(self._chunk, b""))
        self.server.said += [{"path": self.path, **span} for span in json.loads(body)]
        self.answer(202, {})

    do_POST = _take  # noqa: N815 the name the base class has

    def _chunk(self) -> bytes:
        """Return the next part of a body in chunks, as Envoy sends it; nothing at its end."""
        size = int(self.rfile.readline(), 16)
        return self.rfile.read(size + len(b"\r\n"))[:size]


class ZipkinCollector(Listening):
    """Takes spans of Zipkin on the loopback address.

    Attributes:
        spans: all that came, each with the path that it came by.
    """

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        server: Any = HttpServer(_Spans)
        server.said = self.spans
        super().__init__(server)
