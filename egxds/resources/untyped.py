"""Untyped settings, a `Struct` or what JSON says, fit to be shown. Pure.

Where it is known which message they stand for, as in a `TypedStruct` or beside an `@type`, the table of sensitive
fields holds for them as for the message itself. Everywhere else the names in them decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from egxds.resources.encoding import class_of
from egxds.resources.sensitive import (
    REDACTED,
    hide_named,
    is_sensitive,
    is_telling,
    is_telling_header,
    snake_case,
    without_secrets,
)
from egxds.resources.walk import ANY, map_value

AnyDescriptor = Any
"""A descriptor of a message; protobuf's type hints name two classes for it."""

_PAIR_NAMES = ("key", "name", "header")
_PAIR_VALUES = ("value", "raw_value")
_TYPED_STRUCTS = frozenset({"xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"})


def is_typed_struct(descriptor: AnyDescriptor) -> bool:
    """Tell whether a message carries another one untyped, with its type URL beside it."""
    return descriptor.full_name in _TYPED_STRUCTS


def redact(value: object, content: AnyDescriptor | None = None) -> object:
    """Return untyped settings without their secrets.

    Args:
        value: as JSON has it.
        content: type of the message that they stand for; None where that is not known.
    """
    if isinstance(value, Mapping):
        return _mapping(value, content)
    if isinstance(value, list):
        return [redact(item, content) for item in value]
    return without_secrets(value) if isinstance(value, str) else value


def redact_typed_struct(message: Message) -> dict[str, object]:
    """Return a message that carries another one untyped, without the secrets in that."""
    whole = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return _mapping(whole, message.DESCRIPTOR)


def _descriptor_of(type_url: object) -> AnyDescriptor | None:
    """Return the type that a type URL names; None where it is not known."""
    message_class = class_of(type_url) if isinstance(type_url, str) else None
    return None if message_class is None else message_class.DESCRIPTOR


def _mapping(value: Mapping[str, object], content: AnyDescriptor | None) -> dict[str, object]:
    if content is None or content.full_name == ANY:
        content = _descriptor_of(value.get("@type"))
    if content is not None and is_typed_struct(content):
        inner = _descriptor_of(value.get("type_url", value.get("typeUrl")))
        return {name: redact(below, inner if name == "value" else None) for name, below in value.items()}
    shown = {name: _entry(name, below, content) for name, below in value.items()}
    return _by_pair(shown) if content is None else hide_named(content.full_name, shown)


def _entry(name: str, value: object, content: AnyDescriptor | None) -> object:
    field = None if content is None else content.fields_by_name.get(snake_case(name))
    if field is not None:
        return _field(field, value)
    return REDACTED if is_telling(name) and not isinstance(value, bool) else redact(value)


def _field(field: FieldDescriptor, value: object) -> object:
    if is_sensitive(field):
        return REDACTED
    content = map_value(field)
    if content is not None and isinstance(value, Mapping):
        return {name: redact(below, content.message_type) for name, below in value.items()}
    return redact(value, field.message_type)


def _by_pair(shown: dict[str, object]) -> dict[str, object]:
    """Hide the value of a pair whose name tells, as in a header."""
    names = (shown.get(name) for name in _PAIR_NAMES)
    if not any(isinstance(name, str) and is_telling_header(name) for name in names):
        return shown
    return {name: REDACTED if snake_case(name) in _PAIR_VALUES else value for name, value in shown.items()}
