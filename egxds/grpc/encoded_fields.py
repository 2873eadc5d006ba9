"""The fields of an encoded message, whatever it is a message of. Pure.

A message is a row of fields, each a tag and a value. A tag is a varint of five bytes at most and below 2^32: a number
and one of six wire types. A value is a varint of ten bytes at most, four or eight bytes, a length below 2^31 and as
many bytes, or a group: fields up to a tag that ends the group of this number. Nothing reaches beyond what it is in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED_64, LENGTH_DELIMITED, GROUP, _END_GROUP, FIXED_32 = range(6)
FIXED_BYTES = {FIXED_64: 8, FIXED_32: 4}

MAX_DEPTH = 100
"""How deep messages and groups may be nested."""

MAX_VALUE = 2**70 - 1
"""What ten bytes of a varint can hold: more than any type keeps, and protobuf takes it."""

_MAX_TAG, _MAX_LENGTH = 2**32 - 1, 2**31 - 1


class MalformedMessageError(Exception):
    """Bytes are no message of the class that they should be of."""


class EncodedField(NamedTuple):
    """Where a field's tag begins, and where its value begins and ends."""

    number: int
    wire_type: int
    start: int
    value: int
    end: int


def scan(data: bytes, depth: int) -> Iterator[EncodedField]:
    """Yield the fields of a message, whatever it is one of."""
    at, end = 0, len(data)
    while at < end:
        start = at
        tag, at = read_varint(data, at, _MAX_TAG)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == GROUP:
            value, at = at, _group_end(data, at, number, depth)
        else:
            value, at = _value(data, at, wire_type)
        if at > end:
            raise MalformedMessageError("it is cut off within a field")
        yield EncodedField(number, wire_type, start, value, at)


def _value(data: bytes, at: int, wire_type: int) -> tuple[int, int]:
    """Return where a value begins and ends, which may be beyond the data."""
    if wire_type == LENGTH_DELIMITED:
        size, at = read_varint(data, at, _MAX_LENGTH)
        return at, at + size
    if wire_type == VARINT:
        return at, read_varint(data, at, MAX_VALUE)[1]
    if wire_type in FIXED_BYTES:
        return at, at + FIXED_BYTES[wire_type]
    raise MalformedMessageError("a group ends that has not begun" if wire_type == _END_GROUP else "no such wire type")


def _group_end(data: bytes, at: int, number: int, depth: int) -> int:
    """Return where a group ends; what is in it belongs to nobody, and only its form is checked."""
    begun = [number]
    while begun:
        if len(begun) > depth:
            raise MalformedMessageError(f"groups are nested over {MAX_DEPTH} deep")
        tag, at = read_varint(data, at, _MAX_TAG)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == GROUP:
            begun.append(number)
        elif wire_type != _END_GROUP:
            at = _value(data, at, wire_type)[1]
        elif begun.pop() != number:
            raise MalformedMessageError("a group ends that is not the last that began")
    return at


def read_varint(data: bytes, at: int, maximum: int) -> tuple[int, int]:
    """Return a varint and where it ends."""
    value = shift = 0
    try:
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if 1 << shift > maximum:
                raise MalformedMessageError("a number is too long")
    except IndexError as err:
        raise MalformedMessageError("it is cut off within a number") from err
    if value > maximum:
        raise MalformedMessageError("a number is too large")
    return value, at
