"""Wire room: one connection of the xDS port, from the end of its handshake until it is lost.

What it says is taken in a little at a time, and up to a limit (`egxds.wire.grpc.paced_reading`, `limiter`). One that
goes beyond is told ENHANCE_YOUR_CALM and which limit it was, and closed; a stream too many is refused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from grpclib.config import Configuration
from grpclib.protocol import H2Protocol
from grpclib.server import Handler
from h2.config import H2Configuration
from h2.errors import ErrorCodes

from egxds.wire.grpc import unread_bytes, unwritten_bytes
from egxds.wire.grpc.calls import CallProcessor, OpenCalls
from egxds.wire.grpc.connection_settings import WRITE_BUFFER_BYTES, limit_unanswered
from egxds.wire.grpc.counted_connection import CountedConnection
from egxds.wire.grpc.frame_boundaries import FrameCost
from egxds.wire.grpc.frame_budget import FrameBudget
from egxds.wire.grpc.http2 import server_http2
from egxds.wire.grpc.limiter import Limiter, peer_of
from egxds.wire.grpc.paced_reading import PacedReading, Reader
from egxds.wire.grpc.rest_requests import http1_stranger
from egxds.wire.grpc.unread_bytes import UnreadOfConnection
from egxds.wire.turns import Turns
from egxds.wire.xds.strangers import Strangers

if TYPE_CHECKING:
    from asyncio import BaseTransport, Transport

    from h2.connection import H2Connection

_PARTING_S = 1.0
"""How long a client that went over a limit has to read why."""


@dataclass(frozen=True, slots=True)
class ConnectionContext:
    """What all connections of a server share.

    Attributes:
        config: of gRPC.
        h2_config: of HTTP/2.
        limiter: what clients may ask for.
        strangers: is told who asks by REST.
        calls: of all of them.
        turns: in which connections are read that have much to say.
        opened: is told of a new one.
        lost: is told of one that has gone.
    """

    config: Configuration
    h2_config: H2Configuration
    limiter: Limiter
    strangers: Strangers
    calls: OpenCalls
    turns: Turns
    opened: Callable[[ServerConnection], None]
    lost: Callable[[ServerConnection], None]


class ServerConnection(H2Protocol):
    """One connection."""

    def __init__(self, handler: Handler, context: ConnectionContext, arrived: Callable[[], None]) -> None:
        """Prepare for a client.

        Args:
            handler: takes its calls.
            context: what it shares with others.
            arrived: is told that it counts by itself from now on.
        """
        super().__init__(handler, context.config, context.h2_config)
        self.connection: CountedConnection
        self.processor: CallProcessor
        self._context = context
        self._arrived = arrived
        self._transport: Transport | None = None
        self._reading: PacedReading | None = None
        self._peer = ""
        self._has_spoken = False

    @property
    def _h2(self) -> H2Connection:
        return self.connection._connection  # noqa: SLF001 grpclib has no way to its settings, nor to GOAWAY

    def connection_made(self, transport: BaseTransport) -> None:
        """Greet the client."""
        self._arrived()
        self._peer = peer_of(transport)
        self._transport = cast("Transport", transport)
        self._transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        limit_unanswered(transport)
        limiter = self._context.limiter
        unread = limiter.unread.open(partial(self._limited, unread_bytes.LIMIT))
        h2 = server_http2(self.config, self.h2_config)
        self.connection = CountedConnection(h2, self._transport, self.config, unread, limiter.unwritten, self._cut_off)
        calls = self._context.calls
        self.processor = CallProcessor(self.handler, self.connection, calls, self._peer, self._may_open, self._emptied)
        self.connection.flush()
        self.connection.initialize()
        self._context.opened(self)
        self._start_to_read(self._transport, limiter, unread)

    def _start_to_read(self, transport: Transport, limiter: Limiter, unread: UnreadOfConnection) -> None:
        limit = limiter.connections.opened(self._peer)
        if limit:
            self._limited(limit)
            return
        reader = Reader(
            spend=partial(self._spend, limiter.budget()),
            take_in=super().data_received,
            end=lambda cost: self._limited(cost.value),
            hold=unread.change,
            done=limiter.unread.keep_within_limit,
        )
        self._reading = PacedReading(transport, self._context.turns, reader)

    def data_received(self, data: bytes) -> None:
        """Take what was read."""
        if self._reading is not None and (self._has_spoken or not self._speaks_http1(data)):
            self._reading.receive(data)

    def _speaks_http1(self, data: bytes) -> bool:
        """Part with an Envoy that asks by REST and HTTP/1; tell whether it is one."""
        self._has_spoken = True
        stranger = http1_stranger(data, self.connection.get_peer().addr())
        if stranger is not None:
            self._context.strangers.came(stranger)
            self.close()
        return stranger is not None

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let go of everything."""
        super().connection_lost(exc)
        self.connection.lost()
        if self._reading is not None:
            self._reading.stop()
        self._context.lost(self)
        self._context.limiter.connections.closed(self._peer)

    def _may_open(self, stream_id: int) -> bool:
        """Say whether there may be one more call; a stream that is refused may be tried again."""
        calls, limiter = self._context.calls, self._context.limiter
        limit = limiter.too_many_streams(calls.count, calls.of(self._peer), self._peer)
        if not limit:
            return True
        self._h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
        limiter.refused(self._peer, limit)
        return False

    def _emptied(self) -> None:
        if self.connection.is_parting and not self.connection.is_closing():
            self.close()

    def _limited(self, limit: str) -> None:
        """End the connection because of a limit: say which, and do not wait for a client that does not read."""
        self._context.limiter.ended(self._peer, limit)
        if self._reading is not None:
            self._reading.stop()
            self._reading = None
        if self.connection.is_closing():
            # It has been told that it is over, and does not take it.
            self.abort()
            return
        self._h2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM, additional_data=limit.encode())
        self.connection.flush()
        self.processor.end_calls(f"over {limit}")
        if self._transport is not None:
            # What it has sent is read and thrown away: a socket that is closed with that unread takes back what was
            # written to it.
            self._transport.resume_reading()
            asyncio.get_running_loop().call_later(_PARTING_S, self._transport.abort)

    def _cut_off(self) -> None:
        """End the connection because of what it does not take: there is no way to tell it."""
        self._context.limiter.ended(self._peer, unwritten_bytes.LIMIT)
        self.abort()

    def _spend(self, budget: FrameBudget, costs: Mapping[FrameCost, int]) -> FrameCost | None:
        # The server's streams, which it forgets when they end; those of h2 are counted one by one.
        streams = len(self.processor.streams)
        return budget.spend(costs, time.monotonic(), streams, self.connection.data_sent)

    def close(self) -> None:
        """Say GOAWAY and close once it is written; calls that still run are cancelled."""
        if not self.connection.is_closing():
            self._h2.close_connection()
            self.connection.flush()
        self.processor.close("the server is shutting down")

    def abort(self) -> None:
        """Close without writing what is still buffered."""
        if self._transport is not None:
            self._transport.abort()
