"""The one codec of all gRPC that is spoken: messages of betterproto2, and bytes where somebody else reads them.

Discovery requests and responses are such bytes (`egxds.wire.xds.codec`), and so are requests that are joined of what is
encoded already (`egxds.hooks.plan.requests`).
"""

from __future__ import annotations

from typing import TypeVar

from anyio import to_thread
from betterproto2 import Message
from grpclib.encoding.base import CodecBase

from egxds.grpc.encoded_fields import MalformedMessageError
from egxds.grpc.wire_format import wire_form

_M = TypeVar("_M", bound=Message)


def decode(message_class: type[_M], data: bytes) -> _M:
    """Read a message, once it is known to be one.

    Args:
        message_class: as generated for betterproto2.
        data: the encoded message.

    Raises:
        MalformedMessageError: it is none; or holds one of the class's fields with another wire type, which protobuf
            would pass over. Whoever sends that means something, and to take it for nothing said could be to take it
            for consent.
    """
    form = wire_form(message_class, data)
    if form.misfits:
        raise MalformedMessageError(f"field {min(form.misfits)} is of another type")
    return message_class.parse(form.data)


async def decode_large(message_class: type[_M], data: bytes, large_bytes: int) -> _M:
    """Read a message, a large one beside the event loop.

    Args:
        message_class: as generated for betterproto2.
        data: the encoded message.
        large_bytes: from which size on it is large.

    Raises:
        MalformedMessageError: see `decode`.
    """
    if len(data) < large_bytes:
        return decode(message_class, data)
    return await to_thread.run_sync(decode, message_class, data)


class MessageCodec(CodecBase):
    """Encodes for grpclib. It decodes nothing but bytes: messages are read once their size is known to be allowed."""

    __content_subtype__ = "proto"

    def encode(self, message: Message | bytes, message_type: type[object]) -> bytes:  # noqa: ARG002 grpclib's signature
        """Return the encoded message; bytes are one already."""
        return message if isinstance(message, bytes) else bytes(message)

    def decode(self, data: bytes, message_type: type[object]) -> bytes:  # noqa: ARG002 grpclib's signature
        """Return the bytes."""
        return data


CODEC = MessageCodec()
