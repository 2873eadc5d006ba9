"""A gRPC call whose messages are bytes, and are looked at for their size before any of them is taken in. Awaits."""

from __future__ import annotations

import struct

from grpclib.client import Channel, Stream
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError
from grpclib.metadata import Deadline, decode_metadata

from egxds.grpc.messages import RAW_CODEC

_PREFIX = struct.Struct(">?I")


class OversizeMessageError(Exception):
    """A message is announced that is larger than allowed."""


class BoundedStream(Stream[bytes, bytes]):
    """One call. grpclib's own `recv_message` buffers whatever length the server announces."""

    def __init__(
        self,
        channel: Channel,
        method: str,
        cardinality: Cardinality,
        limit_bytes: int,
        deadline: Deadline | None = None,
    ) -> None:
        """Prepare the call.

        Args:
            channel: where to.
            method: path of the method.
            cardinality: whether there is one reply or many; there is one request.
            limit_bytes: largest message to take.
            deadline: what the server is told about ours.
        """
        super().__init__(
            channel,
            method,
            decode_metadata([]),
            cardinality,
            bytes,
            bytes,
            codec=RAW_CODEC,
            status_details_codec=None,
            dispatch=channel.__dispatch__,
            deadline=deadline,
        )
        self._limit_bytes = limit_bytes

    async def recv_message(self) -> bytes | None:
        """Return the next message, or nothing where there is none left.

        Raises:
            OversizeMessageError: it is larger than allowed.
            GRPCError: the server answered with an error, or compressed the message.
        """
        if not self._recv_initial_metadata_done:
            await self.recv_initial_metadata()
        with self._wrapper:
            prefix = await self._stream.recv_data(_PREFIX.size)
            if not prefix:
                return None
            is_compressed, size = _PREFIX.unpack(prefix)
            if is_compressed:
                raise GRPCError(Status.INTERNAL, "the reply is compressed, which was not asked for")
            if size > self._limit_bytes:
                raise OversizeMessageError(f"the reply has {size} bytes and maxMessageSize is {self._limit_bytes}")
            return await self._stream.recv_data(size)
