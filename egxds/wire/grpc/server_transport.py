"""Wire room: grpclib's server with what a control plane needs and it lacks.

Deaf ears for HTTP/2 frames that nobody knows (RFC 9113, section 5.5), probes of idle connections, and a shutdown that
tells every client before it closes the connection. Messages are bytes here; `egxds.wire.xds.codec` reads them.

A shutdown has three steps, each with a part of the time: calls end by themselves, after the response they are writing
(rule 113); every connection is told GOAWAY and closed once that is written; what is left is cut off. A client that
does not read stops the first two and not the third. grpclib by itself cancels the calls and says nothing, so that an
Envoy would find out by a connection that broke, perhaps in the middle of a response.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import anyio
from grpclib.config import Configuration
from grpclib.server import Handler, Server

from egxds.grpc.codec import CODEC
from egxds.wire.grpc.arrivals import Arrivals, Entrance
from egxds.wire.grpc.calls import OpenCalls
from egxds.wire.grpc.connection import ConnectionContext, ServerConnection
from egxds.wire.grpc.library_log import repeat_seldom
from egxds.wire.grpc.limiter import Limiter
from egxds.wire.grpc.rest_requests import CallHandler
from egxds.wire.turns import Turns
from egxds.wire.xds.strangers import Strangers

if TYPE_CHECKING:
    from asyncio import AbstractServer

    from grpclib._typing import IServable

_CALLS_END = 0.7
_CONNECTIONS_END = 0.9
"""Parts of the time for a shutdown: by then, what has not ended by itself is cut off."""


class DrainableServer(Server):
    """A gRPC server that ends without leaving a client in doubt."""

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
        self._strangers = strangers
        self._calls = OpenCalls()
        self._context = ConnectionContext(
            self._config, self._h2_config, limiter, strangers, self._calls, Turns(), self._remember, self._forget
        )
        self._connections: set[ServerConnection] = set()
        self._arrivals: Arrivals | None = None
        self._last_lost = anyio.Event()
        self._is_parting = False

    def _make(self, arrived: Callable[[], None]) -> ServerConnection:
        """Make a connection's protocol; grpclib would remember it for ever if its TLS handshake failed."""
        self.__gc_step__()
        grpc = (self._mapping, self._codec, self._status_details_codec, self.__dispatch__)
        handler = CallHandler(self._strangers, *grpc)
        return ServerConnection(handler, self._context, arrived)

    def _remember(self, connection: ServerConnection) -> None:
        self._connections.add(connection)
        self._handlers.add(cast("Handler", connection.handler))
        # Its handshake ended while the others were told: it is told now.
        if self._is_parting:
            connection.close()

    def _forget(self, connection: ServerConnection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._last_lost.set()

    async def listen(self, bound: socket.socket, entrance: Entrance) -> None:
        """Start to accept connections.

        Args:
            bound: a TCP or Unix socket; it belongs to the server from now on.
            entrance: who is let in.
        """
        self._arrivals = Arrivals(entrance, self._context.limiter, self._make)
        self._arrivals.start(bound)
        # What grpclib asks of a server is to close.
        self._server = cast("AbstractServer", self._arrivals)
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
        if self._arrivals is not None:
            self._arrivals.abort()
        with anyio.CancelScope(deadline=now_s + limit_s):
            # Not for ever: a client may be in the middle of its TLS handshake, or have gone to sleep there.
            await self.wait_closed()

    async def _all_lost(self) -> None:
        if self._connections:
            self._last_lost = anyio.Event()
            await self._last_lost.wait()
