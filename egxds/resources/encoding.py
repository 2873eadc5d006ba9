"""Deterministic encoding of Envoy messages: equal content has equal bytes. Pure.

Protobuf leaves two things open that would make equal content differ: the order of map entries, and the bytes
inside an `Any`, which are opaque to the message around it. `encode` settles the first, which is enough for what is
packed here; `egxds.resources.canonical` settles both, for messages that others have written.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import lru_cache

from google.protobuf import any_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from egxds.errors import UnreadableMessageError
from egxds.names import TYPE_PREFIX

_ENVOY_PACKAGE = re.compile(r"(?:envoy|xds|udpa)(?:\.[a-z][a-z0-9_]*)+(?=\.[A-Z])")
_REMEMBERED_TYPES = 1024
_REMEMBERED_PREFIXES = 4096
_LENGTH_DELIMITED = 2
_SEVEN_BITS = 0x7F
_CONTINUE = 0x80


def encode(message: Message) -> bytes:
    """Return the deterministic encoding of a message; the `Any` payloads inside are taken as they are."""
    return message.SerializeToString(deterministic=True)


def pack(message: Message) -> any_pb2.Any:
    """Wrap a message; the payload is its deterministic encoding."""
    return any_pb2.Any(type_url=TYPE_PREFIX + message.DESCRIPTOR.full_name, value=encode(message))


def decode(message_class: type[Message], body: bytes) -> Message:
    """Return the message that some bytes are.

    Raises:
        UnreadableMessageError: they are none of that type.
    """
    try:
        return message_class.FromString(body)
    except DecodeError as err:
        raise UnreadableMessageError(f"not a {message_class.DESCRIPTOR.full_name}: {err}") from err


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
    return field_prefix(number, len(payload)) + payload


@lru_cache(maxsize=_REMEMBERED_PREFIXES)
def field_prefix(number: int, size_bytes: int) -> bytes:
    """Return what stands before the payload of such a field: its tag, and its length."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(size_bytes)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > _SEVEN_BITS:
        out.append(value & _SEVEN_BITS | _CONTINUE)
        value >>= 7
    out.append(value)
    return bytes(out)
