"""Calls of generated stubs whose replies are looked at for size and form before any of them is believed. Awaits."""

from __future__ import annotations

import struct
from typing import Any, TypeVar, cast

from betterproto2 import Message
from betterproto2.grpclib import ServiceStub
from betterproto2.grpclib.grpclib_client import MetadataLike
from grpclib.client import Channel, Stream
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError
from grpclib.metadata import Deadline
from multidict import MultiDict

from egxds.grpc.codec import CODEC, decode_large
from egxds.grpc.encoded_fields import MalformedMessageError

LARGE_REPLY_BYTES = 64 * 1024
"""From this size on a reply is read in a thread: with 20,000 resources in it, that takes 0.1 s."""

_PREFIX = struct.Struct(">?I")

_S = TypeVar("_S", bound=ServiceStub)


class OversizeMessageError(Exception):
    """A message is announced that is larger than allowed."""


class BoundedStream(Stream[Any, Any]):
    """One call. grpclib's own `recv_message` buffers whatever length the server announces.

    Attributes:
        calls: what it is one of.
    """

    calls: BoundedCalls

    async def recv_message(self) -> Message | None:
        """Return the next message, or nothing where a stream has ended.

        Raises:
            OversizeMessageError: it is larger than allowed.
            MalformedMessageError: it is no message of its class; or the reply of a unary call is missing.
            GRPCError: the server answered with an error, or compressed the message.
        """
        if not self._recv_initial_metadata_done:
            await self.recv_initial_metadata()
        with self._wrapper:
            data = await self._receive()
        if data is not None:
            message: Message = await decode_large(self._recv_type, data, LARGE_REPLY_BYTES)
            return message
        if not self._cardinality.server_streaming:
            await self.recv_trailing_metadata()
            raise MalformedMessageError("it holds no message")
        return None

    async def _receive(self) -> bytes | None:
        prefix = await self._stream.recv_data(_PREFIX.size)
        if not prefix:
            return None
        is_compressed, size = _PREFIX.unpack(prefix)
        if is_compressed:
            raise GRPCError(Status.INTERNAL, "the reply is compressed, which was not asked for")
        if size > self.calls.limit_bytes:
            raise OversizeMessageError(f"the reply has {size} bytes and maxMessageSize is {self.calls.limit_bytes}")
        self.calls.received_bytes += size
        return await self._stream.recv_data(size)


class BoundedCalls:
    """Stands in for a channel in a generated stub: none of the replies to its calls is too large.

    Attributes:
        limit_bytes: largest reply to take.
        received_bytes: size of all replies that were taken in.
    """

    def __init__(self, channel: Channel, limit_bytes: int) -> None:
        """Prepare; nothing is sent.

        Args:
            channel: where to.
            limit_bytes: largest reply to take.
        """
        self.limit_bytes = limit_bytes
        self.received_bytes = 0
        self._channel = channel

    def stub(self, stub_class: type[_S]) -> _S:
        """Make a generated stub whose calls these are."""
        return stub_class(cast("Channel", self))

    def request(  # noqa: PLR0913 grpclib's signature
        self,
        name: str,
        cardinality: Cardinality,
        request_type: type[Any],
        reply_type: type[Any],
        *,
        timeout: float | None = None,
        deadline: Deadline | None = None,
        metadata: MetadataLike | None = None,
    ) -> BoundedStream:
        """Begin a call, as `grpclib.client.Channel.request` does."""
        if timeout is not None:
            limit = Deadline.from_timeout(timeout)
            deadline = limit if deadline is None else min(limit, deadline)
        headers: Any = MultiDict(metadata or ())
        stream = BoundedStream(
            self._channel,
            name,
            headers,
            cardinality,
            request_type,
            reply_type,
            codec=CODEC,
            status_details_codec=None,
            dispatch=self._channel.__dispatch__,
            deadline=deadline,
        )
        stream.calls = self
        return stream
