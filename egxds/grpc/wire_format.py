"""Looks whether bytes are a message, as protobuf's own parser would, before betterproto2 reads them. Pure.

betterproto2 reads nearly anything: `ff ff ff` is an empty message to it, a field that is cut off a shorter one, and
what is in a group it takes for fields of the message around the group. From an extension, an empty message says "leave
everything as it is": nothing malformed may look like one. The rules are those of the encoding
(protobuf.dev/programming-guides/encoding), where that leaves a choice those of protobuf's C parser, which others use:

- The fields are whole (`egxds.grpc.encoded_fields`), none has number 0, and nothing is nested over 100 deep.
- A string is UTF-8. A packed field holds whole elements.
- A field that is not known, and one that is known and has another wire type, is passed over.

Some well-formed messages would be read otherwise by betterproto2 than by protobuf. Those are written anew: without
what is passed over, a message that is there twice merged into one, a number cut to the bits that count. Nobody sends
such messages but by mistake, so that as a rule the bytes that went in come out.

Oneofs and maps have rules of their own, and none of the messages that we speak has either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache

import betterproto2
from betterproto2 import FieldMetadata

from egxds.grpc.encoded_fields import (
    FIXED_32,
    FIXED_64,
    FIXED_BYTES,
    GROUP,
    LENGTH_DELIMITED,
    MAX_DEPTH,
    MAX_VALUE,
    VARINT,
    EncodedField,
    MalformedMessageError,
    read_varint,
    scan,
)

Message = betterproto2.Message

_WIRE_TYPES = {
    **dict.fromkeys(betterproto2.WIRE_VARINT_TYPES, VARINT),
    **dict.fromkeys(betterproto2.WIRE_FIXED_64_TYPES, FIXED_64),
    **dict.fromkeys(betterproto2.WIRE_FIXED_32_TYPES, FIXED_32),
    **dict.fromkeys((betterproto2.TYPE_STRING, betterproto2.TYPE_BYTES, betterproto2.TYPE_MESSAGE), LENGTH_DELIMITED),
}


@dataclass(frozen=True, slots=True)
class WireForm:
    """A message that is well formed.

    Attributes:
        data: what betterproto2 reads as protobuf reads the original.
        misfits: numbers of the fields that are known and came with another wire type; they are not in `data`.
    """

    data: bytes
    misfits: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Field:
    """What a class says of one of its fields; `message` is the class of an embedded message."""

    proto_type: str
    wire_type: int
    is_repeated: bool
    message: type[Message] | None

    def is_packed(self, wire_type: int) -> bool:
        return self.is_repeated and self.wire_type != LENGTH_DELIMITED and wire_type == LENGTH_DELIMITED

    def takes(self, wire_type: int) -> bool:
        return wire_type == self.wire_type or self.is_packed(wire_type)


def wire_form(message_class: type[Message], data: bytes) -> WireForm:
    """Check a message.

    Args:
        message_class: as generated for betterproto2.
        data: the encoded message.

    Raises:
        MalformedMessageError: protobuf would not take it either.
    """
    misfits: set[int] = set()
    is_read_alike = _check(message_class, data, MAX_DEPTH, misfits)
    return WireForm(data if is_read_alike else _rewritten(message_class, data), frozenset(misfits))


def _check(message_class: type[Message], data: bytes, depth: int, misfits: set[int]) -> bool:
    """Check a message and what is in it; return whether betterproto2 reads it as protobuf does."""
    known = _fields(message_class)
    is_read_alike = True
    seen: set[int] = set()
    for found in scan(data, depth):
        field = known.get(found.number)
        if known and not found.number:
            raise MalformedMessageError("there is no field number 0")
        if field is None:
            is_read_alike = is_read_alike and found.wire_type != GROUP
        elif not field.takes(found.wire_type):
            is_read_alike = False
            misfits.add(found.number)
        elif field.message is not None:
            is_once = field.is_repeated or found.number not in seen
            seen.add(found.number)
            if not _check_embedded(field.message, data[found.value : found.end], depth, misfits) or not is_once:
                is_read_alike = False
        elif not _check_value(field, found, data):
            is_read_alike = False
    return is_read_alike


def _check_embedded(message_class: type[Message], data: bytes, depth: int, misfits: set[int]) -> bool:
    if not depth:
        raise MalformedMessageError(f"messages are nested over {MAX_DEPTH} deep")
    return _check(message_class, data, depth - 1, misfits)


def _check_value(field: _Field, found: EncodedField, data: bytes) -> bool:
    if field.proto_type == betterproto2.TYPE_STRING:
        _check_text(data[found.value : found.end])
    elif field.wire_type == VARINT or field.is_packed(found.wire_type):
        return all(value == _cut(field, value) for value in _elements(field, data, found.value, found.end))
    return True


def _check_text(value: bytes) -> None:
    try:
        value.decode()
    except UnicodeDecodeError as err:
        raise MalformedMessageError("a string is not UTF-8") from err


def _elements(field: _Field, data: bytes, at: int, end: int) -> Iterator[int]:
    """Yield the values of a field that is a number, or of many that are packed into one."""
    if field.wire_type != VARINT:
        if (end - at) % FIXED_BYTES[field.wire_type]:
            raise MalformedMessageError("a packed field ends within an element")
        return
    while at < end:
        value, at = read_varint(data, at, MAX_VALUE)
        if at > end:
            raise MalformedMessageError("a packed field ends within an element")
        yield value


def _cut(field: _Field, value: int) -> int:
    """Return what protobuf keeps of a number: its lowest 64 bits, or of an enum's its lowest 32 with their sign."""
    if field.proto_type != betterproto2.TYPE_ENUM:
        return value & 0xFFFF_FFFF_FFFF_FFFF
    low = value & 0xFFFF_FFFF
    return low if low < 2**31 else low - 2**32 + 2**64


def _rewritten(message_class: type[Message], data: bytes) -> bytes:
    """Encode what protobuf reads in a message so that betterproto2 reads the same; it has been checked."""
    known = _fields(message_class)
    parts: list[bytes] = []
    singular: dict[int, tuple[type[Message], bytes]] = {}
    for found in scan(data, MAX_DEPTH):
        field = known.get(found.number)
        if field is None or not field.takes(found.wire_type):
            continue
        value = data[found.value : found.end]
        if field.wire_type == VARINT:
            elements = _elements(field, data, found.value, found.end)
            parts += (_varint_field(found.number, _cut(field, element)) for element in elements)
        elif field.message is None:
            parts.append(data[found.start : found.end])
        elif field.is_repeated:
            parts.append(_delimited(found.number, _rewritten(field.message, value)))
        else:
            before = singular[found.number][1] if found.number in singular else b""
            singular[found.number] = field.message, before + value
    parts += (_delimited(number, _rewritten(embedded, value)) for number, (embedded, value) in singular.items())
    return b"".join(parts)


def _varint_field(number: int, value: int) -> bytes:
    return betterproto2.encode_varint(number << 3 | VARINT) + betterproto2.encode_varint(value)


def _delimited(number: int, value: bytes) -> bytes:
    tag = betterproto2.encode_varint(number << 3 | LENGTH_DELIMITED)
    return tag + betterproto2.encode_varint(len(value)) + value


@cache
def _fields(message_class: type[Message]) -> Mapping[int, _Field]:
    """Return the fields of a class by number."""
    return {meta.number: _field(message_class, name, meta) for name, meta in _metadata(message_class)}


def _metadata(message_class: type[Message]) -> Iterator[tuple[str, FieldMetadata]]:
    return ((field.name, FieldMetadata.get(field)) for field in fields(message_class))  # type: ignore[arg-type]


def _field(message_class: type[Message], name: str, meta: FieldMetadata) -> _Field:
    if meta.group or meta.proto_type == betterproto2.TYPE_MAP:
        raise TypeError(f"{message_class.__name__}.{name}: oneofs and maps are not read")
    is_message = meta.proto_type == betterproto2.TYPE_MESSAGE
    # The one place where the class of an embedded message can be looked up.
    embedded = message_class._betterproto.cls_by_field[name] if is_message else None  # type: ignore[arg-type]  # noqa: SLF001
    return _Field(meta.proto_type, _WIRE_TYPES[meta.proto_type], bool(meta.repeated), embedded)
