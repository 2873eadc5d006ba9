"""The messages of the suite's gRPC echo service, encoded and decoded without generated code.

They hold strings and messages alone, so each field is a tag, a length and bytes; lengths are below 16,384.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

SERVICE = "gateway_api_conformance.echo_basic.grpcecho.GrpcEcho"

Code = str
"""The name of a status code, as Go writes it."""

CODES: tuple[Code, ...] = (
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
)

OF_HTTP: Mapping[int, Code] = {
    400: "Internal",
    401: "Unauthenticated",
    403: "PermissionDenied",
    404: "Unimplemented",
    429: "Unavailable",
    502: "Unavailable",
    503: "Unavailable",
    504: "Unavailable",
}
"""What a client makes of an HTTP status without a gRPC status (gRPC over HTTP/2)."""

_WIRE_LENGTH = 2
_ASSERTIONS, _METHOD, _HEADERS, _AUTHORITY, _CONTEXT = 1, 1, 2, 3, 4
_NAMESPACE, _SERVICE_NAME, _POD = 1, 3, 4


def framed(message: bytes) -> bytes:
    """Put a message into a gRPC frame."""
    return struct.pack(">BI", 0, len(message)) + message


def unframed(frame: bytes) -> bytes:
    """Take a message out of its frame."""
    return frame[5:]


def echo_response(method: str, authority: str, headers: list[tuple[str, str]], context: Mapping[str, str]) -> bytes:
    """Encode an EchoResponse."""
    names = ((_NAMESPACE, "namespace"), (_SERVICE_NAME, "service"), (_POD, "pod"))
    who = b"".join(_field(number, context[name].encode()) for number, name in names)
    pairs = (_field(1, name.encode()) + _field(2, value.encode()) for name, value in headers)
    assertions = [
        _field(_METHOD, method.encode()),
        *(_field(_HEADERS, pair) for pair in pairs),
        _field(_AUTHORITY, authority.encode()),
        _field(_CONTEXT, who),
    ]
    return _field(_ASSERTIONS, b"".join(assertions))


def read_echo_response(message: bytes) -> dict[str, object]:
    """Decode what is compared of an EchoResponse: method, headers, namespace, pod."""
    assertions = _first(message, _ASSERTIONS)
    context = _first(assertions, _CONTEXT)
    headers: dict[str, list[str]] = {}
    for pair in (content for number, content in _fields(assertions) if number == _HEADERS):
        headers.setdefault(_first(pair, 1).decode().lower(), []).append(_first(pair, 2).decode())
    return {
        "method": _first(assertions, _METHOD).decode(),
        "headers": headers,
        "namespace": _first(context, _NAMESPACE).decode(),
        "pod": _first(context, _POD).decode(),
    }


def _first(message: bytes, wanted: int) -> bytes:
    return next((content for number, content in _fields(message) if number == wanted), b"")


def _field(number: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80, size >> 7])
    return bytes([number << 3 | _WIRE_LENGTH]) + length + content


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(message):
        number, size, start = message[at] >> 3, message[at + 1], at + 2
        if size & 0x80:
            size, start = size & 0x7F | message[at + 2] << 7, at + 3
        yield number, message[start : start + size]
        at = start + size
