"""Serves generated services whose requests are looked at for size and form before a method sees them. Awaits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from betterproto2 import Message
from grpclib.const import Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.stream import StreamIterator

from egxds.grpc.codec import decode_large
from egxds.grpc.encoded_fields import MalformedMessageError
from egxds.grpc.messages import receive_message, reset
from egxds.grpc.receive_budget import ReceiveBudget

if TYPE_CHECKING:
    from grpclib._typing import IServable
    from grpclib.server import Stream

SEND_STALL_S = 10.0
"""How long a client may take for a response before its stream is reset: these are for tools, and for probes."""

_LARGE_REQUEST_BYTES = 4096
"""From this size on a request is read in a thread. Ours have small messages in them: 64 KiB take 0.1 s."""


@dataclass(frozen=True, slots=True)
class WatchLimit:
    """How many calls may stay open.

    Attributes:
        most: at the same time.
        setting: name of what says so.
        refused: is told the address of a client whose call was one too many.
    """

    most: int
    setting: str
    refused: Callable[[object], None]


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """What a service takes.

    Attributes:
        request_bytes: largest request.
        budget: of what all clients may have the server hold.
        watches: of calls of methods with many responses, which a client keeps open as long as it likes.
        at_once: how many answers are made and written at the same time, where they are large; None for any number.
        check: looks at a call before it is heard, and raises a GRPCError where that client is not to be answered; None
            where all are.
    """

    request_bytes: int
    budget: ReceiveBudget
    watches: WatchLimit
    at_once: anyio.Semaphore | None = None
    check: Callable[[Stream[bytes, bytes]], None] | None = None


class BoundedService:
    """A service as a server takes it; its calls can be ended."""

    def __init__(self, service: IServable, limits: ServiceLimits) -> None:
        """Prepare to serve.

        Args:
            service: of a class that is derived from a generated one.
            limits: what it takes.
        """
        self._service = service
        self._limits = limits
        self._calls: set[anyio.CancelScope] = set()
        self._watches = 0
        self._is_ending = False

    def __mapping__(self) -> dict[str, Handler]:
        """Return the methods by path, as grpclib asks for them; their messages are bytes to it."""
        return {
            path: Handler(partial(self._serve, handler), handler.cardinality, bytes, bytes)
            for path, handler in self._service.__mapping__().items()
        }

    def end(self) -> None:
        """End every call, and refuse new ones."""
        self._is_ending = True
        for scope in self._calls:
            scope.cancel()

    async def _serve(self, handler: Handler, stream: Stream[bytes, bytes]) -> None:
        if self._limits.check is not None:
            self._limits.check(stream)
        with anyio.CancelScope() as scope:
            self._calls.add(scope)
            if self._is_ending:
                scope.cancel()
            call = _BoundedCall(stream, handler, self._limits)
            try:
                with self._place(handler, stream):
                    await handler.func(call)
            finally:
                call.answered()
                self._calls.discard(scope)
        if scope.cancelled_caught:
            raise GRPCError(Status.UNAVAILABLE, "the server is shutting down")

    @contextmanager
    def _place(self, handler: Handler, stream: Stream[bytes, bytes]) -> Iterator[None]:
        """Take the place of a call that may stay open, where it is of such a method.

        Raises:
            GRPCError: all are taken.
        """
        if not handler.cardinality.server_streaming:
            yield
            return
        limit = self._limits.watches
        if self._watches >= limit.most:
            limit.refused(stream.peer.addr())
            raise GRPCError(Status.RESOURCE_EXHAUSTED, f"{limit.most} such calls are open ({limit.setting})")
        self._watches += 1
        try:
            yield
        finally:
            self._watches -= 1


class _BoundedCall(StreamIterator[Message]):
    """What a generated method reads from and writes to."""

    def __init__(self, stream: Stream[bytes, bytes], handler: Handler, limits: ServiceLimits) -> None:
        self._stream = stream
        self._handler = handler
        self._limits = limits
        self._is_answering = False

    async def recv_message(self) -> Message | None:
        """Return the next request, or nothing where a stream has ended.

        Raises:
            GRPCError: there is none, or it cannot be read.
        """
        self.answered()
        message = await receive_message(self._stream, self._limits.request_bytes, self._limits.budget, self._decode)
        if message is None and not self._handler.cardinality.client_streaming:
            raise GRPCError(Status.INVALID_ARGUMENT, "the request is missing")
        if self._limits.at_once is not None and message is not None:
            await self._limits.at_once.acquire()
            self._is_answering = True
        return message

    def answered(self) -> None:
        """Let the next call make its answer."""
        if self._limits.at_once is not None and self._is_answering:
            self._limits.at_once.release()
            self._is_answering = False

    async def _decode(self, data: bytes) -> Message:
        kind = self._handler.request_type
        try:
            message: Message = await decode_large(kind, data, _LARGE_REQUEST_BYTES)
        except MalformedMessageError as err:
            raise GRPCError(Status.INVALID_ARGUMENT, f"not a {kind.__name__}: {err}") from err
        return message

    async def send_message(self, message: Message) -> None:
        """Write a response; a large one is encoded beside the event loop, 20,000 resources of a client in 0.5 s.

        Raises:
            GRPCError: the client did not take it; its stream is reset.
        """
        data = bytes(message) if self._limits.at_once is None else await to_thread.run_sync(bytes, message)
        with anyio.move_on_after(SEND_STALL_S) as scope:
            await self._stream.send_message(data)
        if scope.cancelled_caught:
            await reset(self._stream)
            raise GRPCError(Status.CANCELLED, f"the client did not take a response for {SEND_STALL_S:g} s")
        self.answered()
