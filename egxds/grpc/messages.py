"""Cellar: a server's messages as bytes, on and off a stream, none larger than is allowed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from egxds.grpc.data_frames import PREFIX, FramedMessage, write_now
from egxds.grpc.receive_budget import Decode, ReceiveBudget

if TYPE_CHECKING:
    from grpclib.protocol import Stream as H2Stream
    from grpclib.server import Stream

_RESET_LIMIT_S = 1.0

_Decoded = TypeVar("_Decoded")


async def receive_message(
    stream: Stream[bytes, bytes], limit_bytes: int, budget: ReceiveBudget, decode: Decode[_Decoded]
) -> _Decoded | None:
    """Read the next message; None where the client has said all.

    grpclib's own `recv_message` believes whatever length the client writes, and buffers it.

    Args:
        stream: the call.
        limit_bytes: largest message to accept.
        budget: of what all clients may have the server hold; a message counts until it is decoded.
        decode: makes of the bytes what is wanted.

    Raises:
        GRPCError: the message is compressed, too large, cut short, or too long in coming.
    """
    prefix = await _receive(stream, PREFIX.size)
    if not prefix:
        return None
    compressed, size = PREFIX.unpack(prefix)
    if compressed:
        raise GRPCError(Status.UNIMPLEMENTED, "compressed messages are not accepted; send grpc-encoding: identity")
    if size > limit_bytes:
        text = f"a message of {size} bytes is over the limit of {limit_bytes} (xds.maxReceiveMessageSize)"
        raise GRPCError(Status.RESOURCE_EXHAUSTED, text)
    return await budget.receive(partial(_receive, stream), size, decode)


async def send_message(stream: Stream[bytes, bytes], message: FramedMessage, stall_s: float) -> None:
    """Write a message as fast as the client takes it.

    Args:
        stream: the call; its initial metadata has been sent.
        message: what to write.
        stall_s: how long the client may take for each part.

    Raises:
        TimeoutError: it took longer; the message is torn, so that the stream can only be reset.
    """
    h2_stream = stream._stream  # noqa: SLF001 the public method takes a message as a whole
    for start in message.starts:
        if not write_now(h2_stream, message, start):
            with anyio.fail_after(stall_s):
                await _write(h2_stream, message, start)


async def _write(stream: H2Stream, message: FramedMessage, start: int) -> None:
    await stream.connection.write_ready.wait()
    if not write_now(stream, message, start):
        await stream.send_data(message.part(start))


async def reset(stream: Stream[bytes, bytes]) -> None:
    """Break a stream off; where not even that can be written, the whole connection."""
    with anyio.move_on_after(_RESET_LIMIT_S) as scope:
        await stream.cancel()
    if scope.cancelled_caught:
        stream._stream._transport.abort()  # noqa: SLF001 grpclib waits for the client even then


async def _receive(stream: Stream[bytes, bytes], size: int) -> bytes:
    try:
        return await stream._stream.recv_data(size)  # noqa: SLF001 the public method has no limit
    except AssertionError as err:  # how grpclib says that the client half-closed too early
        raise GRPCError(Status.INVALID_ARGUMENT, "the stream ended inside a message") from err
