"""The one piece of protobuf wire format that egxds writes itself: a length-delimited field. Pure."""

from __future__ import annotations

_LENGTH_DELIMITED = 2
_SEVEN_BITS = 0x7F
_CONTINUE = 0x80


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > _SEVEN_BITS:
        out.append(value & _SEVEN_BITS | _CONTINUE)
        value >>= 7
    out.append(value)
    return bytes(out)


def field_bytes(number: int, payload: bytes) -> bytes:
    """Return a bytes, string or embedded-message field as it stands inside an encoded message.

    Args:
        number: field number, 1 or more.
        payload: the encoded value.
    """
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(payload)) + payload
