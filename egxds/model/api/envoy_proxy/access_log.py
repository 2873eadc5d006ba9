"""telemetry.accessLog of an EnvoyProxy, as a user writes it: what is logged of requests and connections. Pure.

Source: Envoy Gateway v1.9, ProxyAccessLog. A format that Envoy does not know would have it refuse the Listeners.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, model_validator

from egxds.cel_syntax import check_expression
from egxds.model.api.envoy_proxy.collectors import Collector, Headers, collector_errors
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import HeaderName
from egxds.model.api.validation import FieldError, Path, refuse
from egxds.resources.validation.format_strings import format_fault

LogType = Literal["Listener", "Route", "Upstream"]


def text_faults(texts: dict[str, str], path: Path = ()) -> Iterator[FieldError]:
    """Say which of some format strings Envoy would refuse."""
    for name, text in texts.items():
        is_plain = all(character >= " " or character in "\n\t" for character in text)
        fault = format_fault(text) if is_plain else "holds a control character"
        if fault:
            yield FieldError((*path, name), fault)


def format_errors(asked: LogFormat) -> Iterator[FieldError]:
    """Check that a format is of its type, and one that Envoy takes."""
    if asked.type == "Text" and (asked.text is None or asked.json is not None):
        yield FieldError((), "type Text needs text, and takes no json")
    if asked.type == "JSON" and asked.text is not None:
        yield FieldError(("text",), "is not for type JSON; delete it")
    if asked.text is not None:
        yield from text_faults({"text": asked.text})
    yield from text_faults(asked.json or {}, ("json",))


@api_type
class LogFormat(ApiModel):
    """What a log says of each request; without a type it may have both, and JSON without fields has the usual ones."""

    type: Literal["Text", "JSON"] | None = None
    text: str | None = None
    json: dict[str, str] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(format_errors(self))
        return self


@api_type
class FileSink(ApiModel):
    """A file of the machine that Envoy runs on."""

    path: Annotated[str, Field(min_length=1)]


def als_errors(sink: LogService) -> Iterator[FieldError]:
    """Check that a service is named by objects, and is told of headers only where there are any."""
    yield from collector_errors(sink)
    if sink.http is not None and sink.type != "HTTP":
        yield FieldError(("http",), "is for type HTTP alone; delete it")


@api_type
class LoggedHeaders(ApiModel):
    """Headers that entries hold beside the usual ones."""

    request_headers: tuple[HeaderName, ...] = ()
    response_headers: tuple[HeaderName, ...] = ()
    response_trailers: tuple[HeaderName, ...] = ()


@api_type
class LogService(Collector):
    """A service that takes Envoy's own entries (ALS).

    Attributes:
        log_name: by which it tells logs apart; without it the namespace and name of the EnvoyProxy.
        type: of the entries.
    """

    type: Literal["HTTP", "TCP"]
    log_name: Annotated[str, Field(min_length=1)] | None = None
    http: LoggedHeaders | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(als_errors(self))
        return self


@api_type
class OtlpLogs(Collector):
    """A collector that takes logs of OpenTelemetry.

    Attributes:
        resources: what says whose logs these are; the older way to give `resource_attributes`.
        resource_attributes: the same.
        headers: of what is sent.
    """

    resources: dict[str, str] = Field(default_factory=dict)
    resource_attributes: dict[str, str] = Field(default_factory=dict)
    headers: Headers = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(collector_errors(self))
        return self


def sink_errors(sink: LogSink) -> Iterator[FieldError]:
    """Check that a sink has what its type is about, and nothing else."""
    said = {"ALS": ("als", sink.als), "File": ("file", sink.file), "OpenTelemetry": ("openTelemetry", sink.otlp)}
    for type_, (field, value) in said.items():
        if (value is not None) != (sink.type == type_):
            yield FieldError((), f"type {type_} needs {field}, and no other type takes it")


@api_type
class LogSink(ApiModel):
    """Where a log goes."""

    type: Literal["ALS", "File", "OpenTelemetry"]
    als: LogService | None = None
    file: FileSink | None = None
    otlp: Annotated[OtlpLogs | None, Field(alias="openTelemetry")] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(sink_errors(self))
        return self


@api_type
class LogSetting(ApiModel):
    """One log, at several places.

    Attributes:
        matches: expressions (CEL) of which one has to be true of what is logged; without any, all is.
        type: what it is written for; without one it is for all that routes take, and for connections that nothing
            takes.
    """

    format: LogFormat | None = None
    matches: tuple[Annotated[str, AfterValidator(check_expression)], ...] = Field(default=(), max_length=10)
    sinks: tuple[LogSink, ...] = Field(min_length=1, max_length=50)
    type: LogType | None = None


@api_type
class AccessLog(ApiModel):
    """All logs; without settings there is one on the standard output."""

    disable: StrictBool | None = None
    settings: tuple[LogSetting, ...] | None = Field(default=None, min_length=1, max_length=50)
