"""Contents of messages that hold format strings, and of the headers that they are written into. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from egxds.resources.validation.contents.plain import inline
from egxds.resources.validation.format_strings import format_fault, struct_faults

_FIXED = "host and what starts with a colon cannot be changed this way"


def is_fixed_header(name: str) -> bool:
    """Tell whether a header is one that Envoy lets nobody add or remove."""
    return name.startswith(":") or name.lower() == "host"


def fixed_header_faults(message: Any, *fields: str) -> Iterator[str]:
    """Yield what is wrong with lists of headers that are to be removed, or set.

    Args:
        message: has the lists.
        fields: their names.
    """
    for field in fields:
        for at, name in enumerate(getattr(message, field)):
            if is_fixed_header(name):
                yield f"{field}[{at}]: {_FIXED}"


def _wrong_formats(message: Any, *fields: str) -> Iterator[str]:
    for field in fields:
        if fault := format_fault(getattr(message, field)):
            yield f"{field}: {fault}"


def _wrong_header(option: Any) -> Iterator[str]:
    if is_fixed_header(option.header.key):
        yield f"header.key: {_FIXED}"


def _wrong_authorization_headers(request: Any) -> Iterator[str]:
    for at, header in enumerate(request.headers_to_add):
        if is_fixed_header(header.key):
            yield f"headers_to_add[{at}].key: {_FIXED}"


def _wrong_substitution(message: Any) -> Iterator[str]:
    has_formatters = bool(message.formatters)
    for field, text in (
        ("text_format", message.text_format),
        ("text_format_source", inline(message.text_format_source).decode(errors="replace")),
    ):
        if fault := format_fault(text, has_formatters=has_formatters):
            yield f"{field}: {fault}"
    if not has_formatters:
        yield from struct_faults(message.json_format, "json_format")


def _wrong_file_log(log: Any) -> Iterator[str]:
    yield from _wrong_formats(log, "format")
    yield from struct_faults(log.json_format, "json_format")
    yield from struct_faults(log.typed_json_format, "typed_json_format")


def _wrong_open_telemetry_log(log: Any) -> Iterator[str]:
    if log.formatters:
        return
    yield from _wrong_any_value(log.body, "body")
    for at, attribute in enumerate(log.attributes.values):
        yield from _wrong_any_value(attribute.value, f"attributes.values[{at}]")


def _wrong_any_value(value: Any, path: str) -> Iterator[str]:
    kind = value.WhichOneof("value")
    if kind == "string_value" and (fault := format_fault(value.string_value)):
        yield f"{path}.string_value: {fault}"
    elif kind == "array_value":
        for at, each in enumerate(value.array_value.values):
            yield from _wrong_any_value(each, f"{path}[{at}]")
    elif kind == "kvlist_value":
        for each in value.kvlist_value.values:
            yield from _wrong_any_value(each.value, f"{path}[{each.key!r}]")


_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

FORMAT_CONTENTS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    f"{_MANAGER}.Tracing": lambda message: _wrong_formats(message, "operation", "upstream_operation"),
    "envoy.config.core.v3.HeaderValue": lambda message: _wrong_formats(message, "value"),
    "envoy.config.core.v3.HeaderValueOption": _wrong_header,
    "envoy.config.core.v3.SubstitutionFormatString": _wrong_substitution,
    "envoy.config.route.v3.Tracing": lambda message: _wrong_formats(message, "operation", "upstream_operation"),
    "envoy.extensions.access_loggers.file.v3.FileAccessLog": _wrong_file_log,
    "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig": _wrong_open_telemetry_log,
    "envoy.extensions.filters.http.ext_authz.v3.AuthorizationRequest": _wrong_authorization_headers,
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig": lambda message: _wrong_formats(
        message, "hostname"
    ),
    "envoy.type.tracing.v3.CustomTag": lambda message: _wrong_formats(message, "value"),
}
"""Type of message → what finds out what is wrong in one."""
