"""Gives messages that others have encoded the form that they would have if we had. Pure.

An extension may write the maps of its reply in another order each time, also inside an `Any`. A listener whose bytes
differ drains all its connections, so equal content must come out as equal bytes.
"""

from __future__ import annotations

from google.protobuf.message import Message

from egxds.errors import UnreadableMessageError
from egxds.resources.encoding import class_of, decode, encode
from egxds.resources.walk import Walk

MAX_BODY_BYTES = 64 * 2**20
"""Largest message that is read; 100,000 virtual hosts in one RouteConfiguration are 30 MB."""

_PAYLOADS = Walk()


def canonical(message_type: str | type[Message], body: bytes) -> bytes:
    """Return an encoded message in the form that `encode` would give it, known `Any` payloads inside it too.

    A payload of a type that is not known stays as it is, and so do unknown fields.

    Args:
        message_type: type URL of the message, or its class.
        body: the encoded message.

    Raises:
        UnreadableMessageError: the type is not known, the message or a payload of a known type does not parse,
            or it is larger than `MAX_BODY_BYTES` or nested deeper than `walk.MAX_DEPTH`.
    """
    if len(body) > MAX_BODY_BYTES:
        raise UnreadableMessageError(f"{len(body)} bytes are more than the {MAX_BODY_BYTES} that one message may have")
    message_class = class_of(message_type) if isinstance(message_type, str) else message_type
    if message_class is None:
        raise UnreadableMessageError(f"unknown message type {message_type}")
    message = decode(message_class, body)
    _PAYLOADS.edit(message, _leave)
    return encode(message)


def _leave(_message: Message) -> None:
    """Change nothing: to be encoded anew is all that a payload needs."""
