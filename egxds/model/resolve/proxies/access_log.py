"""telemetry.accessLog: all logs of a Gateway, one for each place that something is to be written to. Pure.

Source: Envoy Gateway v1.9. Without settings there is one on the standard output, and a file without a format has
Envoy Gateway's fields in JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from egxds.model.api.envoy_proxy.access_log import (
    AccessLog,
    FileSink,
    LogFormat,
    LogService,
    LogSetting,
    LogSink,
    LogType,
    OtlpLogs,
)
from egxds.model.api.envoy_proxy.proxy import EnvoyProxySpec
from egxds.model.resolve.dependents import Query
from egxds.model.resolve.faults import Fault
from egxds.model.resolve.features.policy_servers import server_queries
from egxds.model.resolve.proxies.collectors import FoundCollector, find_collector
from egxds.model.resolve.proxies.context import ProxyContext
from egxds.model.resolve.proxies.feature import ProxyFeature, Resolved
from egxds.model.resolve.upstreams import UpstreamProtocol
from egxds.object_key import ObjectKey

STANDARD_OUTPUT = "/dev/stdout"
_USUAL = LogSetting(sinks=(LogSink(type="File", file=FileSink(path=STANDARD_OUTPUT)),))

USUAL_FIELDS: Mapping[str, str] = {
    "start_time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "x-envoy-origin-path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
    "x-envoy-upstream-service-time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "x-forwarded-for": "%REQ(X-FORWARDED-FOR)%",
    "user-agent": "%REQ(USER-AGENT)%",
    "x-request-id": "%REQ(X-REQUEST-ID)%",
    ":authority": "%REQ(:AUTHORITY)%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_cluster": "%UPSTREAM_CLUSTER%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "route_name": "%ROUTE_NAME%",
}
"""What is logged where nobody says it (Envoy Gateway)."""


@dataclass(frozen=True, slots=True)
class Service:
    """Who takes Envoy's own entries.

    Attributes:
        cluster: by which Envoy knows it.
        authority: what it is called.
        name: by which it tells logs apart.
        asked: what entries hold.
    """

    cluster: str
    authority: str
    name: str
    asked: LogService


@dataclass(frozen=True, slots=True)
class OtlpCollector:
    """Who takes logs of OpenTelemetry; its attributes are as of `Service`."""

    cluster: str
    authority: str
    asked: OtlpLogs


Target = FileSink | Service | OtlpCollector


@dataclass(frozen=True, slots=True)
class Log:
    """One log.

    Attributes:
        place: of what it is written for; None for all that routes take, and for connections that nothing takes.
        matches: expressions of which one has to be true; none where all is logged.
        text: format of a line; None where it has none.
        fields: name → format; the same.
        target: where it goes.
    """

    place: LogType | None
    matches: tuple[str, ...]
    text: str | None
    fields: Mapping[str, str] | None = field(repr=False)
    target: Target


def _asked(spec: EnvoyProxySpec) -> AccessLog | None:
    log = spec.telemetry.access_log if spec.telemetry is not None else None
    return log if log is not None and not log.disable else None


def _queries(asked: AccessLog, proxy: ObjectKey) -> Iterator[Query]:
    for setting in asked.settings or ():
        for sink in setting.sinks:
            for collector in (sink.als, sink.otlp):
                yield from server_queries(collector.backend_refs, proxy) if collector is not None else ()


def _resolve(asked: AccessLog, context: ProxyContext) -> Resolved:
    logs: list[Log] = []
    collectors: list[FoundCollector] = []
    errors: list[Fault] = []
    for at, setting in enumerate(asked.settings or (_USUAL,)):
        for position, sink in enumerate(setting.sinks):
            found = _find(sink, at, position, context)
            if isinstance(found, Fault):
                errors.append(found)
                continue
            collectors += [found] if found is not None else []
            logs.append(_log(setting, sink, found, context))
    return Resolved(tuple(logs), tuple(collectors), tuple(errors))


def _find(sink: LogSink, setting: int, position: int, context: ProxyContext) -> FoundCollector | Fault | None:
    """Find who takes a log; nobody is to where it goes to a file."""
    for word, field_name, asked in (("als", "als", sink.als), ("otel", "openTelemetry", sink.otlp)):
        if asked is not None:
            path = (*context.path, "settings", setting, "sinks", position, field_name)
            name = f"accesslog_{word}_{setting}_{position}"
            return find_collector(asked, name, path, context, UpstreamProtocol.HTTP2)
    return None


def _log(setting: LogSetting, sink: LogSink, found: FoundCollector | None, context: ProxyContext) -> Log:
    said = setting.format or LogFormat()
    # Entries of a service are what they are, and are told of a format only where there is one.
    is_usual = said.text is None and said.json is None and sink.als is None
    fields = USUAL_FIELDS if is_usual else said.json
    return Log(setting.type, setting.matches, said.text, fields, _target(sink, found, context))


def _target(sink: LogSink, found: FoundCollector | None, context: ProxyContext) -> Target:
    if found is not None and sink.als is not None:
        name = sink.als.log_name or f"{context.proxy.namespace}/{context.proxy.name}"
        return Service(found.cluster, found.authority, name, sink.als)
    if found is not None and sink.otlp is not None:
        return OtlpCollector(found.cluster, found.authority, sink.otlp)
    return sink.file or FileSink(path=STANDARD_OUTPUT)


ACCESS_LOG = ProxyFeature(("telemetry", "accessLog"), _asked, _resolve, _queries)
