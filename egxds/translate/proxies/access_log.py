"""Logs → Envoy's, where each is written. Pure.

    all that routes take                 of the connection manager, the tcp_proxy or the udp_proxy
    connections that nothing takes       of the Listener, which tells them by the flag NR (Envoy Gateway's way)

Those of a Listener are no part of a filter chain: another one drains all connections of a port, as does what stands
in all of its chains.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from envoy.config.accesslog.v3.accesslog_pb2 import (
    AccessLog,
    AccessLogFilter,
    AndFilter,
    ExtensionFilter,
    OrFilter,
    ResponseFlagFilter,
)
from envoy.config.core.v3.base_pb2 import DataSource
from envoy.config.core.v3.config_source_pb2 import V3
from envoy.config.core.v3.substitution_format_string_pb2 import SubstitutionFormatString
from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog
from envoy.extensions.access_loggers.filters.cel.v3.cel_pb2 import ExpressionFilter
from envoy.extensions.access_loggers.grpc.v3.als_pb2 import (
    CommonGrpcAccessLogConfig,
    HttpGrpcAccessLogConfig,
    TcpGrpcAccessLogConfig,
)
from envoy.extensions.access_loggers.open_telemetry.v3.logs_service_pb2 import OpenTelemetryAccessLogConfig
from google.protobuf.struct_pb2 import Struct
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList

from egxds.model.api.envoy_proxy.access_log import FileSink
from egxds.model.resolve.proxies.access_log import Log, OtlpCollector, Service
from egxds.resources.encoding import pack
from egxds.translate.proxies.grpc_services import grpc_service

_NOTHING_TAKES_IT = "NR"
_EXPRESSION = "envoy.access_loggers.extension_filters.cel"
_LONGEST_HEADER = 16384
_OTLP_LOG = "otel_envoy_accesslog"


def route_logs(logs: Iterable[Log]) -> Iterator[AccessLog]:
    """Yield what is logged of what routes take."""
    for log in logs:
        yield from _written(log) if log.place in {None, "Route"} else ()


def listener_logs(logs: Iterable[Log]) -> Iterator[AccessLog]:
    """Yield what is logged of connections; of those that routes take, only where that is asked for."""
    untaken = AccessLogFilter(response_flag_filter=ResponseFlagFilter(flags=[_NOTHING_TAKES_IT]))
    for log in logs:
        if log.place is None:
            yield from _written(log, untaken)
        elif log.place == "Listener":
            yield from _written(log)


def _written(log: Log, *filters: AccessLogFilter) -> Iterator[AccessLog]:
    wanted = [*filters, *_matching(log.matches)]
    for name, config in _WRITERS[type(log.target)](log):
        written = AccessLog(name=name, typed_config=pack(config))
        if len(wanted) == 1:
            written.filter.CopyFrom(wanted[0])
        elif wanted:
            written.filter.and_filter.CopyFrom(AndFilter(filters=wanted))
        yield written


def _matching(expressions: tuple[str, ...]) -> Iterator[AccessLogFilter]:
    """Yield what is true of what one of some expressions is true of; nothing where there is none."""
    found = [_expression(each) for each in expressions]
    if len(found) > 1:
        yield AccessLogFilter(or_filter=OrFilter(filters=found))
    else:
        yield from found


def _expression(text: str) -> AccessLogFilter:
    config = pack(ExpressionFilter(expression=text))
    return AccessLogFilter(extension_filter=ExtensionFilter(name=_EXPRESSION, typed_config=config))


_Configs = Iterator[tuple[str, FileAccessLog | HttpGrpcAccessLogConfig | OpenTelemetryAccessLogConfig]]


def _to_file(log: Log) -> _Configs:
    """Write a line for each form that a format has."""
    path = log.target.path if isinstance(log.target, FileSink) else ""
    for form in _formats(log):
        yield "envoy.access_loggers.file", FileAccessLog(path=path, log_format=form)


def _formats(log: Log) -> Iterator[SubstitutionFormatString]:
    if log.text is not None:
        line = log.text if log.text.endswith("\n") else f"{log.text}\n"
        yield SubstitutionFormatString(text_format_source=DataSource(inline_string=line))
    if log.fields is not None:
        found = Struct()
        found.update(dict(log.fields))
        yield SubstitutionFormatString(json_format=found)


def _to_service(log: Log) -> _Configs:
    """Write who takes entries; what they are to be is told when a stream begins (Envoy Gateway)."""
    target = log.target
    if not isinstance(target, Service):
        return
    text, fields = " ".join((log.text or "").splitlines()).strip(), dict(log.fields or {})
    told = {"x-accesslog-text": text, "x-accesslog-attr": json.dumps(fields, sort_keys=True) if fields else ""}
    said = [(name, value) for name, value in told.items() if 0 < len(value) <= _LONGEST_HEADER]
    common = CommonGrpcAccessLogConfig(
        log_name=target.name,
        grpc_service=grpc_service(target.cluster, target.authority, said),
        transport_api_version=V3,
    )
    if target.asked.type == "TCP":
        yield "envoy.access_loggers.tcp_grpc", TcpGrpcAccessLogConfig(common_config=common)
        return
    config = HttpGrpcAccessLogConfig(common_config=common)
    if target.asked.http is not None:
        config.additional_request_headers_to_log.extend(target.asked.http.request_headers)
        config.additional_response_headers_to_log.extend(target.asked.http.response_headers)
        config.additional_response_trailers_to_log.extend(target.asked.http.response_trailers)
    yield "envoy.access_loggers.http_grpc", config


def _to_collector(log: Log) -> _Configs:
    """Write who takes logs of OpenTelemetry: the text is the body, and the fields are attributes."""
    target = log.target
    if not isinstance(target, OtlpCollector):
        return
    headers = ((each.name, each.value) for each in target.asked.headers)
    common = CommonGrpcAccessLogConfig(
        log_name=_OTLP_LOG,
        grpc_service=grpc_service(target.cluster, target.authority, headers),
        transport_api_version=V3,
    )
    config = OpenTelemetryAccessLogConfig(
        common_config=common,
        resource_attributes=_attributes({**target.asked.resources, **target.asked.resource_attributes}),
    )
    if log.text is not None:
        config.body.CopyFrom(AnyValue(string_value=log.text))
    if log.fields is not None:
        config.attributes.CopyFrom(_attributes(log.fields))
    yield "envoy.access_loggers.open_telemetry", config


def _attributes(values: Mapping[str, str]) -> KeyValueList:
    found = (KeyValue(key=name, value=AnyValue(string_value=values[name])) for name in sorted(values))
    return KeyValueList(values=found)


_WRITERS: Mapping[type[object], Callable[[Log], _Configs]] = {
    FileSink: _to_file,
    Service: _to_service,
    OtlpCollector: _to_collector,
}
"""Where a log goes → what Envoy is told."""
