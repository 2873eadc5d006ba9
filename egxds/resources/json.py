"""An encoded resource → Envoy's JSON, fit to be shown: what is secret says `[redacted]`. Pure.

What is secret stands in `egxds.resources.sensitive`, by type and field. Nobody can tell what is secret in a payload of
no known type, so that only its type and its size are shown; the same of one nested deeper than `walk.MAX_DEPTH`.
"""

from __future__ import annotations

import base64
import math
from collections.abc import MutableMapping
from typing import Any

from google.protobuf import any_pb2, json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from egxds.errors import UnreadableMessageError
from egxds.resources.sensitive import NAMED_VALUES, REDACTED, hide_named, is_sensitive, without_secrets
from egxds.resources.untyped import is_typed_struct, redact, redact_typed_struct
from egxds.resources.walk import MAX_DEPTH, map_value, payload

Json = dict[str, object]

_WELL_KNOWN = "google.protobuf."
_LONG = frozenset({FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64})
_FLOATING = frozenset({FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE})
_NOT_FINITE = {math.inf: "Infinity", -math.inf: "-Infinity"}


def render_body(type_url: str, body: bytes) -> Json:
    """Return a resource as Envoy's JSON, with the field names of the .proto files.

    A message of no known type, at the top or inside an `Any`, is shown as `{"@type": …, "size": bytes}`.

    Args:
        type_url: type of the message.
        body: the encoded message.
    """
    message = _content(type_url, body)
    return _opaque(type_url, body) if message is None else _shown(message, depth=0)


def _content(type_url: str, body: bytes) -> Message | None:
    try:
        return payload(type_url, body)
    except UnreadableMessageError:
        return None


def _opaque(type_url: str, body: bytes) -> Json:
    return {"@type": type_url, "size": len(body)}


def _shown(message: Message, depth: int) -> Json:
    """Return what stands beside the type of a message."""
    if message.DESCRIPTOR.full_name.startswith(_WELL_KNOWN):
        return {"value": _message(message, depth)}
    return _fields(message, depth)


def _fields(message: Message, depth: int) -> Json:
    if is_typed_struct(message.DESCRIPTOR):
        return redact_typed_struct(message)
    rendered = {field.name: _field(field, value, depth) for field, value in message.ListFields()}
    return hide_named(message.DESCRIPTOR.full_name, rendered)


def _field(field: FieldDescriptor, value: Any, depth: int) -> object:
    if is_sensitive(field):
        return _hide(field, value)
    content = map_value(field)
    if content is not None:
        return {_map_key(key): _single(content, value[key], depth) for key in sorted(value)}
    if field.is_repeated:
        return [_single(field, item, depth) for item in value]
    return _single(field, value, depth)


def _hide(field: FieldDescriptor, value: Any) -> object:
    """Hide the values and keep the names around them, so that one sees what kind of secret there is."""
    if isinstance(value, MutableMapping):
        return {_map_key(key): REDACTED for key in sorted(value)}
    if field.is_repeated:
        return [_hidden(item) for item in value]
    return _hidden(value)


def _hidden(value: object) -> object:
    if isinstance(value, any_pb2.Any):
        return {"@type": value.type_url, "value": REDACTED}
    if isinstance(value, Message):
        name = NAMED_VALUES.get(value.DESCRIPTOR.full_name)
        shown = name.name if name else ()
        return {field.name: part if field.name in shown else REDACTED for field, part in value.ListFields()}
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
    return without_secrets(value) if isinstance(value, str) else value


def _message(message: Message, depth: int) -> object:
    if isinstance(message, any_pb2.Any):
        return _packed(message, depth)
    name = message.DESCRIPTOR.full_name
    if name.startswith(_WELL_KNOWN):
        return redact(json_format.MessageToDict(message))
    return _fields(message, depth + 1)


def _packed(packed: any_pb2.Any, depth: int) -> Json:
    message = _content(packed.type_url, packed.value) if depth < MAX_DEPTH else None
    if message is None:
        return _opaque(packed.type_url, packed.value)
    return {"@type": packed.type_url, **_shown(message, depth + 1)}
