"""Wire room: the calls of a connection, from their headers to their trailers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

import anyio
from grpclib.protocol import EventsProcessor
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamReset, UnknownFrameReceived

if TYPE_CHECKING:
    from grpclib.protocol import AbstractHandler, Connection
    from grpclib.protocol import Stream as H2Stream
    from grpclib.server import Stream
    from h2.events import Event

    from egxds.wire.grpc.counted_connection import CountedBuffer, CountedConnection


def part(call: Stream[bytes, bytes]) -> None:
    """Have the connection of a call end, with GOAWAY, once it has no calls any more."""
    connection = cast("CountedConnection", call._stream.connection)  # noqa: SLF001 grpclib has no other way to it
    connection.is_parting = True


class OpenCalls:
    """Counts the calls of a server, in all and by the address they come from.

    Attributes:
        count: how many there are.
    """

    def __init__(self) -> None:
        """Start with none."""
        self.count = 0
        self._by_peer: Counter[str] = Counter()
        self._none = anyio.Event()
        self._none.set()

    def opened(self, peer: str) -> None:
        """Count one more from an address, without its port."""
        if not self.count:
            self._none = anyio.Event()
        self.count += 1
        self._by_peer[peer] += 1

    def closed(self, peer: str) -> None:
        """Count one less from an address."""
        self.count -= 1
        self._by_peer[peer] -= 1
        if not self._by_peer[peer]:
            del self._by_peer[peer]
        if not self.count:
            self._none.set()

    def of(self, peer: str) -> int:
        """Return how many there are from an address."""
        return self._by_peer[peer]

    async def none_left(self) -> None:
        """Wait until there is none."""
        await self._none.wait()


class CallProcessor(EventsProcessor):
    """Events of one connection: unknown frames and empty data are passed over, calls are counted.

    grpclib releases a call when its task ends. A task that is cancelled before its first step, because the client
    has reset the stream at once, never comes to that; so a reset and the end of the connection release, too.
    """

    def __init__(
        self,
        handler: AbstractHandler,
        connection: Connection,
        calls: OpenCalls,
        peer: str,
        may_open: Callable[[int], bool],
        emptied: Callable[[], None],
    ) -> None:
        """Start without a call.

        Args:
            handler: takes them.
            connection: of the client.
            calls: of the server.
            peer: address of the client, without its port.
            may_open: is given the number of a stream; says whether it may be a call, and refuses it otherwise.
            emptied: is told when the last call has ended.
        """
        super().__init__(handler, connection)
        self._emptied = emptied
        self._may_open = may_open
        self._calls = calls
        self._peer = peer
        self._releases: dict[int, Callable[[], None]] = {}

    def process(self, event: Event) -> None:
        """Take what HTTP/2 makes of some bytes."""
        # An empty DATA frame is legal, and grpclib would take it for the end of the stream.
        is_empty = isinstance(event, DataReceived) and not event.flow_controlled_length
        if not is_empty and not isinstance(event, UnknownFrameReceived):
            super().process(event)

    def process_request_received(self, event: RequestReceived) -> None:
        """Start a call, where there may be one more."""
        if self._may_open(event.stream_id):
            super().process_request_received(event)

    def register(self, stream: H2Stream) -> Callable[[], None]:
        """Count a call; return what releases it."""
        number = cast("int", stream.id)
        self._releases[number] = super().register(stream)
        self._calls.opened(self._peer)
        return partial(self._release, number)

    def process_stream_reset(self, event: StreamReset) -> None:
        """End the call that the client has reset."""
        super().process_stream_reset(event)
        self._release(event.stream_id)

    def close(self, reason: str = "connection closed") -> None:
        """End all calls and the connection."""
        if not self.connection.is_closing():
            # What h2 says to a client that breaks the protocol; grpclib closes with that unsaid.
            self.connection.flush()
        super().close(reason)
        self._release_all()

    def end_calls(self, reason: str) -> None:
        """Cancel all calls, and leave the connection open."""
        self.handler.close()
        for stream in self.streams.values():
            stream.__terminated__(reason)
        self._release_all()

    def _release_all(self) -> None:
        for number in tuple(self._releases):
            self._release(number)

    def _release(self, number: int) -> None:
        release = self._releases.pop(number, None)
        if release is None:
            return
        self._calls.closed(self._peer)
        stream = self.streams[number]
        release()
        cast("CountedBuffer", stream.buffer).drop()
        if stream.closable:
            # A call that grpclib has not answered, since it could not read its headers: it would stay open for ever.
            stream.reset_nowait(ErrorCodes.PROTOCOL_ERROR)
        if not self._releases:
            self._emptied()
