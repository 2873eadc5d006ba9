"""Wire room: grpclib's server with what a control plane needs and it lacks.

Deaf ears for HTTP/2 frames that nobody knows (RFC 9113, section 5.5), probes of idle connections, and a shutdown that
tells every client before it closes the connection. Messages are bytes here; `egxds.wire.xds.codec` reads them.

A shutdown has three steps, each with a part of the time: calls end by themselves, after the response they are writing
(rule 113); every connection is told GOAWAY and closed once that is written; what is left is cut off. A client that
does not read stops the first two and not the third. grpclib by itself cancels the calls and says nothing, so that an
Envoy would find out by a connection that broke, perhaps in the middle of a response.

That a client is gone is found out by three means, since each is blind where another sees: a probe of a connection on
which nothing is sent, every 30 s (rule 111); a limit for written bytes that nobody acknowledges, as a probe waits
behind them in the same buffer; and, in `egxds.wire.xds.ads`, a limit for a response that the client's flow control
lets nobody write.

What a connection says is taken in a little at a time, and up to a limit (`egxds.wire.grpc.paced_reading`, `limiter`).
One that goes beyond is told ENHANCE_YOUR_CALM and which limit it was, and closed; a stream too many is refused.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

import anyio
from grpclib.config import Configuration
from grpclib.protocol import EventsProcessor, H2Protocol
from grpclib.server import Handler, Server
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamReset, UnknownFrameReceived
from h2.settings import SettingCodes

from egxds.grpc.codec import CODEC
from egxds.wire.grpc.frame_boundaries import FrameCost
from egxds.wire.grpc.frame_budget import FrameBudget
from egxds.wire.grpc.header_limits import limit_headers
from egxds.wire.grpc.incoming_frames import watch_frames
from egxds.wire.grpc.library_log import repeat_seldom
from egxds.wire.grpc.limiter import Limiter, peer_of
from egxds.wire.grpc.paced_reading import PacedReading, Reader
from egxds.wire.grpc.rest_requests import CallHandler, http1_stranger
from egxds.wire.turns import Turns
from egxds.wire.xds.strangers import Strangers

if TYPE_CHECKING:
    import ssl
    from asyncio import BaseTransport, Transport

    from grpclib._typing import IServable
    from grpclib.protocol import Stream as H2Stream
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import Event

KEEPALIVE_TIME_S = 30.0
KEEPALIVE_TIMEOUT_S = 15.0
MAX_CONCURRENT_STREAMS = 2_000
"""Streams on one connection: a proxy in front may carry many Envoys on one; h2 alone allows 100."""

_CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024
_STREAM_WINDOW_BYTES = 128 * 1024
"""What a client may send of a stream that is not read: large messages wait for a slot (`egxds.grpc.receive_budget`)."""
_BACKLOG = 1024
_UNANSWERED_MS = 45_000
"""How long written bytes may go unacknowledged: a connection with a full buffer is not closed by a probe alone."""

_PARTING_S = 1.0
"""How long a client that went over a limit has to read why."""

_CALLS_END = 0.7
_CONNECTIONS_END = 0.9
"""Parts of the time for a shutdown: by then, what has not ended by itself is cut off."""


def configuration(
    keepalive_time_s: float = KEEPALIVE_TIME_S, keepalive_timeout_s: float = KEEPALIVE_TIMEOUT_S
) -> Configuration:
    """Return the settings of every connection.

    An Envoy whose host is gone says nothing, and its ADS stream may be idle for days. grpclib by itself looks
    after two hours, and only twice until data flows again.

    Args:
        keepalive_time_s: time between two probes of a connection.
        keepalive_timeout_s: how long the answer to a probe may take.
    """
    return Configuration(
        _keepalive_time=keepalive_time_s,
        _keepalive_timeout=keepalive_timeout_s,
        # The private names are grpclib's own: there are no others. Without the next two lines it stops after two
        # probes.
        _keepalive_permit_without_calls=True,
        _http2_max_pings_without_data=0,
        _http2_min_sent_ping_interval_without_data=keepalive_time_s / 2,
        http2_connection_window_size=_CONNECTION_WINDOW_BYTES,
        http2_stream_window_size=_STREAM_WINDOW_BYTES,
    )


def _limit_unanswered(transport: BaseTransport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNANSWERED_MS)


class _OpenCalls:
    """Counts the calls of a server, from their headers to their trailers."""

    def __init__(self) -> None:
        self.count = 0
        self._none = anyio.Event()
        self._none.set()

    def opened(self) -> None:
        if not self.count:
            self._none = anyio.Event()
        self.count += 1

    def closed(self) -> None:
        self.count -= 1
        if not self.count:
            self._none.set()

    async def none_left(self) -> None:
        await self._none.wait()


class _Processor(EventsProcessor):
    """Events of one connection: unknown frames and empty data are passed over, calls are counted.

    grpclib releases a call when its task ends. A task that is cancelled before its first step, because the client
    has reset the stream at once, never comes to that; so a reset and the end of the connection release, too.
    """

    def __init__(self, protocol: _Protocol, calls: _OpenCalls) -> None:
        super().__init__(protocol.handler, protocol.connection)
        self._protocol = protocol
        self._calls = calls
        self._releases: dict[int, Callable[[], None]] = {}

    def process(self, event: Event) -> None:
        # An empty DATA frame is legal, and grpclib would take it for the end of the stream.
        is_empty = isinstance(event, DataReceived) and not event.flow_controlled_length
        if not is_empty and not isinstance(event, UnknownFrameReceived):
            super().process(event)

    def process_request_received(self, event: RequestReceived) -> None:
        if self._protocol.may_open(self._calls.count):
            super().process_request_received(event)
        else:
            self._protocol.refuse(event.stream_id)

    def register(self, stream: H2Stream) -> Callable[[], None]:
        number = cast("int", stream.id)
        self._releases[number] = super().register(stream)
        self._calls.opened()
        return partial(self._release, number)

    def process_stream_reset(self, event: StreamReset) -> None:
        super().process_stream_reset(event)
        self._release(event.stream_id)

    def close(self, reason: str = "connection closed") -> None:
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
        if release is not None:
            self._calls.closed()
            release()


class _Protocol(H2Protocol):
    """One connection, known to its server from the end of the handshake until it is lost."""

    def __init__(self, server: DrainableServer, handler: Handler, calls: _OpenCalls) -> None:
        super().__init__(handler, server.config, server.h2_config)
        self.processor: _Processor
        self._server = server
        self._calls = calls
        self._transport: Transport | None = None
        self._reading: PacedReading | None = None
        self._peer = ""
        self._has_spoken = False

    @property
    def _h2(self) -> H2Connection:
        return self.connection._connection  # noqa: SLF001 grpclib has no way to its settings, nor to GOAWAY

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._transport = cast("Transport", transport)
        _limit_unanswered(transport)
        self.processor = _Processor(self, self._calls)
        watch_frames(self._h2)
        limit_headers(self._h2)
        self._h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: MAX_CONCURRENT_STREAMS})
        self.connection.flush()
        self._server.remember(self)
        self._start_to_read(self._transport)

    def _start_to_read(self, transport: Transport) -> None:
        limiter = self._server.limiter
        self._peer = peer_of(transport)
        limit = limiter.connections.opened(self._peer)
        if limit:
            self._limited(limit)
            return
        reader = Reader(
            spend=partial(self._spend, limiter.budget()),
            take_in=super().data_received,
            end=lambda cost: self._limited(cost.value),
        )
        self._reading = PacedReading(transport, self._server.turns, reader)

    def data_received(self, data: bytes) -> None:
        if self._reading is not None and (self._has_spoken or not self._speaks_http1(data)):
            self._reading.receive(data)

    def _speaks_http1(self, data: bytes) -> bool:
        """Part with an Envoy that asks by REST and HTTP/1; tell whether it is one."""
        self._has_spoken = True
        stranger = http1_stranger(data, self.connection.get_peer().addr())
        if stranger is not None:
            self._server.strangers.came(stranger)
            self.close()
        return stranger is not None

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._server.forget(self)
        self._server.limiter.connections.closed(self._peer)

    def may_open(self, calls: int) -> bool:
        """Say whether there may be one more call than these."""
        return calls < self._server.limiter.limits.streams

    def refuse(self, stream_id: int) -> None:
        """Refuse a stream, which the client may try again."""
        self._h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
        self._server.limiter.refused(self._peer)

    def _limited(self, limit: str) -> None:
        """End the connection because of a limit: say which, and do not wait for a client that does not read."""
        self._server.limiter.ended(self._peer, limit)
        self._reading = None
        self._h2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM, additional_data=limit.encode())
        self.connection.flush()
        self.processor.end_calls(f"over {limit}")
        if self._transport is not None:
            # What it has sent is read and thrown away: a socket that is closed with that unread takes back what was
            # written to it.
            self._transport.resume_reading()
            asyncio.get_running_loop().call_later(_PARTING_S, self._transport.abort)

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


class DrainableServer(Server):
    """A gRPC server that ends without leaving a client in doubt.

    Attributes:
        turns: in which connections are read that have much to say.
        limiter: what clients may ask for.
        strangers: is told who asks by REST.
    """

    def __init__(
        self, services: list[IServable], config: Configuration, limiter: Limiter, strangers: Strangers
    ) -> None:
        """Prepare to listen.

        Args:
            services: what to serve; their messages are bytes.
            config: see `configuration`.
            limiter: what clients may ask for.
            strangers: is told who asks by REST.
        """
        super().__init__(services, codec=CODEC, config=config)
        repeat_seldom()
        self.limiter = limiter
        self.strangers = strangers
        self.turns = Turns()
        self._connections: set[_Protocol] = set()
        self._calls = _OpenCalls()
        self._last_lost = anyio.Event()
        self._is_parting = False

    @property
    def config(self) -> Configuration:
        """Settings of every connection."""
        return self._config

    @property
    def h2_config(self) -> H2Configuration:
        """Settings of every connection's HTTP/2 layer."""
        return self._h2_config

    def _protocol_factory(self) -> H2Protocol:
        """Make a connection's protocol; grpclib would remember it for ever if its TLS handshake failed."""
        self.__gc_step__()
        grpc = (self._mapping, self._codec, self._status_details_codec, self.__dispatch__)
        handler = CallHandler(self.strangers, *grpc)
        return _Protocol(self, handler, self._calls)

    def remember(self, protocol: _Protocol) -> None:
        """Take note of an open connection."""
        self._connections.add(protocol)
        self._handlers.add(cast("Handler", protocol.handler))
        # Its handshake ended while the others were told: it is told now.
        if self._is_parting:
            protocol.close()

    def forget(self, protocol: _Protocol) -> None:
        """Take note of a lost connection."""
        self._connections.discard(protocol)
        if not self._connections:
            self._last_lost.set()

    async def listen(self, bound: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Start to accept connections.

        Args:
            bound: a TCP or Unix socket; it belongs to the server from now on.
            tls: None for plain text.
        """
        is_unix = bound.family == socket.AF_UNIX
        create = self._loop.create_unix_server if is_unix else self._loop.create_server
        self._server = await create(self._protocol_factory, sock=bound, ssl=tls, backlog=_BACKLOG)
        self._server_closed_fut = self._loop.create_future()

    def stop_listening(self) -> None:
        """Take no new connection; those that exist stay."""
        if self._server is not None:
            self._server.close()

    async def drain(self, limit_s: float) -> None:
        """Wait for the calls to end by themselves, then part with every connection.

        `Server.wait_closed` alone never returns on Python 3.12 and newer while a client stays connected, and
        tells the client nothing.

        Args:
            limit_s: how long all of it may take; what is not done by then is cut off.
        """
        now_s = anyio.current_time()
        with anyio.CancelScope(deadline=now_s + limit_s * _CALLS_END):
            await self._calls.none_left()
        self._is_parting = True
        for connection in tuple(self._connections):
            connection.close()
        with anyio.CancelScope(deadline=now_s + limit_s * _CONNECTIONS_END):
            await self._all_lost()
        for connection in tuple(self._connections):
            connection.abort()
        self.close()
        with anyio.CancelScope(deadline=now_s + limit_s):
            # Not for ever: a client may be in the middle of its TLS handshake, or have gone to sleep there.
            await self.wait_closed()

    async def _all_lost(self) -> None:
        if self._connections:
            self._last_lost = anyio.Event()
            await self._last_lost.wait()
