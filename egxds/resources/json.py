"""An encoded resource → Envoy's JSON, fit to be shown: what is secret says `[redacted]`. Pure.

Secret is what Envoy itself hides, the fields that carry the `sensitive` annotation; and beyond that headers,
texts and untyped settings whose name says that they open a door.

A payload that is nested deeper than `walk.MAX_DEPTH` is shown like one of no known type.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, MutableMapping
from functools import cache
from typing import Any

from google.protobuf import any_pb2, json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from udpa.annotations import sensitive_pb2

from egxds.errors import UnreadableMessageError
from egxds.resources.walk import MAX_DEPTH, map_value, payload

REDACTED = "[redacted]"

Json = dict[str, object]

_TELLING_NAME = re.compile(
    r"authorization|cookie|passw(or)?d|passphrase|secret|token|credential|(api|private|access)[-_]?key", re.IGNORECASE
)
_TELLING_FIELD = re.compile(r"(^|_)(password|passphrase|secret|token|private_key|access_key|api_key)$")
_HEADER = "envoy.config.core.v3.HeaderValue"
_UNTYPED = frozenset({"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"})
_WELL_KNOWN = "google.protobuf."
_LONG = frozenset({FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64})
_FLOATING = frozenset({FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE})
_NOT_FINITE = {math.inf: "Infinity", -math.inf: "-Infinity"}


def render_body(type_url: str, body: bytes) -> Json:
    """Return a resource as Envoy's JSON, with the field names of the .proto files.

    A message of no known type, at the top or inside an `Any`, is shown as `{"@type": …, "value": base64}`.

    Args:
        type_url: type of the message.
        body: the encoded message.
    """
    message = _content(type_url, body)
    return _opaque(type_url, body) if message is None else _fields(message, depth=0)


def _content(type_url: str, body: bytes) -> Message | None:
    try:
        return payload(type_url, body)
    except UnreadableMessageError:
        return None


def _opaque(type_url: str, body: bytes) -> Json:
    return {"@type": type_url, "value": base64.b64encode(body).decode()}


def _fields(message: Message, depth: int) -> Json:
    rendered = {field.name: _field(field, value, depth) for field, value in message.ListFields()}
    if message.DESCRIPTOR.full_name == _HEADER and _TELLING_NAME.search(str(rendered.get("key", ""))):
        rendered |= dict.fromkeys(rendered.keys() - {"key"}, REDACTED)
    return rendered


def _field(field: FieldDescriptor, value: Any, depth: int) -> object:
    if _is_secret(field):
        return _hide(field, value)
    content = map_value(field)
    if content is not None:
        return {_map_key(key): _single(content, value[key], depth) for key in sorted(value)}
    if field.is_repeated:
        return [_single(field, item, depth) for item in value]
    return _single(field, value, depth)


@cache
def _is_secret(field: FieldDescriptor) -> bool:
    is_text = field.cpp_type == FieldDescriptor.CPPTYPE_STRING
    has_telling_name = is_text and _TELLING_FIELD.search(field.name) is not None
    return has_telling_name or bool(field.GetOptions().Extensions[sensitive_pb2.sensitive])


def _hide(field: FieldDescriptor, value: Any) -> object:
    """Hide the values and keep the names around them, so that one sees what kind of secret there is."""
    if isinstance(value, MutableMapping):
        return {_map_key(key): REDACTED for key in sorted(value)}
    if field.is_repeated:
        return [_hidden(item) for item in value]
    return _hidden(value)


def _hidden(value: object) -> object:
    if isinstance(value, Message):
        return {field.name: REDACTED for field, _ in value.ListFields()}
    return REDACTED


def _map_key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _single(field: FieldDescriptor, value: Any, depth: int) -> object:
    if isinstance(value, Message):
        return _message(value, depth)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if field.cpp_type in _LONG:
        return str(value)
    if field.cpp_type in _FLOATING and not math.isfinite(value):
        return _NOT_FINITE.get(value, "NaN")
    return value


def _message(message: Message, depth: int) -> object:
    if isinstance(message, any_pb2.Any):
        return _packed(message, depth)
    name = message.DESCRIPTOR.full_name
    if name in _UNTYPED:
        return _redact(json_format.MessageToDict(message))
    if name.startswith(_WELL_KNOWN):
        return json_format.MessageToDict(message)
    return _fields(message, depth + 1)


def _packed(packed: any_pb2.Any, depth: int) -> Json:
    message = _content(packed.type_url, packed.value) if depth < MAX_DEPTH else None
    if message is None:
        return _opaque(packed.type_url, packed.value)
    if message.DESCRIPTOR.full_name.startswith(_WELL_KNOWN):
        return {"@type": packed.type_url, "value": _message(message, depth + 1)}
    return {"@type": packed.type_url, **_fields(message, depth + 1)}


def _redact(value: object) -> object:
    """Hide what has a telling name inside untyped settings."""
    if isinstance(value, Mapping):
        return {key: REDACTED if _TELLING_NAME.search(key) else _redact(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redact(inner) for inner in value]
    return value
