"""Deterministic encoding of Envoy messages: equal content has equal bytes. Pure.

Protobuf leaves two things open that would make equal content differ: the order of map entries, and the bytes
inside an `Any`, which are opaque to the message around it. `encode` settles the first; `canonical` settles
both, for messages that others have written, such as the reply of an extension that writes its maps in any
order. A listener whose bytes differ drains all its connections, so this matters.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import lru_cache

from google.protobuf import any_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from egxds.errors import UnreadableMessageError
from egxds.names import TYPE_PREFIX

MAX_BODY_BYTES = 64 * 2**20
"""Largest message that `canonical` reads; 100,000 virtual hosts in one RouteConfiguration are 30 MB."""

MAX_DEPTH = 100
"""Deepest nesting that `canonical` follows; protobuf has the same limit, but counts anew inside every `Any`."""

_ANY = "google.protobuf.Any"
_ENVOY_PACKAGE = re.compile(r"(?:envoy|xds|udpa)(?:\.[a-z][a-z0-9_]*)+(?=\.[A-Z])")
_REMEMBERED_TYPES = 1024
_LENGTH_DELIMITED = 2
_SEVEN_BITS = 0x7F
_CONTINUE = 0x80


def encode(message: Message) -> bytes:
    """Return the deterministic encoding of a message; the `Any` payloads inside are taken as they are."""
    return message.SerializeToString(deterministic=True)


def pack(message: Message) -> any_pb2.Any:
    """Wrap a message; the payload is its deterministic encoding."""
    return any_pb2.Any(type_url=TYPE_PREFIX + message.DESCRIPTOR.full_name, value=encode(message))


def canonical(message_type: str | type[Message], body: bytes) -> bytes:
    """Return an encoded message in the form that `encode` would give it, known `Any` payloads inside it too.

    A payload of a type that is not known stays as it is, and so do unknown fields.

    Args:
        message_type: type URL of the message, or its class.
        body: the encoded message.

    Raises:
        UnreadableMessageError: the type is not known, the message or a payload of a known type does not parse,
            or it is larger than `MAX_BODY_BYTES` or nested deeper than `MAX_DEPTH`.
    """
    if len(body) > MAX_BODY_BYTES:
        raise UnreadableMessageError(f"{len(body)} bytes are more than the {MAX_BODY_BYTES} that one message may have")
    message_class = class_of(message_type) if isinstance(message_type, str) else message_type
    if message_class is None:
        raise UnreadableMessageError(f"unknown message type {message_type}")
    return _canonical(message_class, body, depth=0)


@lru_cache(maxsize=_REMEMBERED_TYPES)
def class_of(type_url: str) -> type[Message] | None:
    """Return the class of a type URL, or nothing where the type is not known.

    Classes are imported the first time they are asked for: all of Envoy's would cost hundreds of megabytes.
    """
    name = type_url.rpartition("/")[2]
    package = _ENVOY_PACKAGE.match(name)
    if package is not None:
        _import_package(package[0])
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(name)
    except KeyError:
        return None
    return message_factory.GetMessageClass(descriptor)


def _canonical(message_class: type[Message], body: bytes, depth: int) -> bytes:
    message = _parse(message_class, body)
    _settle(message, depth)
    return encode(message)


def _parse(message_class: type[Message], body: bytes) -> Message:
    try:
        return message_class.FromString(body)
    except DecodeError as err:
        raise UnreadableMessageError(f"not a {message_class.DESCRIPTOR.full_name}: {err}") from err


def _settle(message: Message, depth: int) -> None:
    """Encode again, in place, the payload of every `Any` inside a message."""
    if depth > MAX_DEPTH:
        raise UnreadableMessageError(f"nested deeper than {MAX_DEPTH} messages")
    if isinstance(message, any_pb2.Any):
        _settle_payload(message, depth)
        return
    for child in _children(message):
        _settle(child, depth + 1)


def _settle_payload(payload: any_pb2.Any, depth: int) -> None:
    message_class = class_of(payload.type_url)
    if message_class is None:
        return
    value = _canonical(message_class, payload.value, depth + 1)
    if value != payload.value:
        payload.value = value


def _children(message: Message) -> Iterator[Message]:
    """Yield the messages directly inside a message that are, or may hold, an `Any`."""
    for field, value in message.ListFields():
        content = _content_type(field)
        if content is None or not _may_hold_any(content):
            continue
        if _is_map(field):
            yield from value.values()
        elif field.is_repeated:
            yield from value
        else:
            yield value


def _content_type(field: FieldDescriptor) -> Descriptor | None:
    """Return the type of the messages that a field holds, the values' type for a map."""
    if field.message_type is not None and _is_map(field):
        return field.message_type.fields_by_name["value"].message_type
    return field.message_type


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


@lru_cache(maxsize=_REMEMBERED_TYPES)
def _may_hold_any(root: Descriptor) -> bool:
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        descriptor = waiting.pop()
        if descriptor.full_name == _ANY:
            return True
        if descriptor.full_name not in seen:
            seen.add(descriptor.full_name)
            waiting += [field.message_type for field in descriptor.fields if field.message_type is not None]
    return False


def _import_package(package: str) -> None:
    """Import the generated modules of a protobuf package; a package that does not exist has none."""
    try:
        found = importlib.import_module(package)
    except ModuleNotFoundError:
        return
    for module in pkgutil.iter_modules(getattr(found, "__path__", ())):
        if module.name.endswith("_pb2"):
            importlib.import_module(f"{package}.{module.name}")


def field_bytes(number: int, payload: bytes) -> bytes:
    """Return a bytes, string or embedded-message field as it stands inside an encoded message.

    Args:
        number: field number, 1 or more.
        payload: the encoded value.
    """
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > _SEVEN_BITS:
        out.append(value & _SEVEN_BITS | _CONTINUE)
        value >>= 7
    out.append(value)
    return bytes(out)
