"""Serves the functions of an extension over gRPC: to egxds, and to whoever speaks the protocol. Awaits.

The way of one call is short on purpose, since an extension is asked once for every host: no betterproto stub, no thread
for what is small, one message in and one out.

    what came of it                                    status
    an answer                                          OK
    the function refused (`Refuse`)                     FAILED_PRECONDITION
    it raised                                           UNKNOWN
    it returned what is no answer                       INTERNAL
    it was not done in time                             DEADLINE_EXCEEDED
    all threads are blocked                             UNAVAILABLE
    there is no such function                           UNIMPLEMENTED
    the request is no message of its kind               INVALID_ARGUMENT
    the request is larger than is allowed               RESOURCE_EXHAUSTED
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import anyio
from anyio import to_thread
from grpclib.config import Configuration
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.protocol import H2Protocol
from grpclib.server import Server
from h2.settings import SettingCodes

from egxds.extension.answers import Asked, Fault, FaultKind
from egxds.extension.forms import FORMS
from egxds.generated.grpc.health.v1 import (
    HealthBase,
    HealthCheckRequest,
    HealthCheckResponse,
    HealthCheckResponseServingStatus,
)
from egxds.grpc.codec import CODEC
from egxds.grpc.encoded_fields import MalformedMessageError
from egxds.grpc.gathered_writes import GatheredWrites
from egxds.grpc.receive_budget import ReceiveBudget
from egxds.grpc.service import BoundedService, ServiceLimits
from egxds.grpc.wire_format import wire_form
from egxds.settings.extensions import Hook

if TYPE_CHECKING:
    from asyncio import BaseTransport

    from grpclib._typing import IServable
    from grpclib.server import Stream

SERVICE = "envoygateway.extension.EnvoyGatewayExtension"

METHODS: dict[Hook, str] = {
    Hook.ROUTE: f"/{SERVICE}/PostRouteModify",
    Hook.ENDPOINTS: f"/{SERVICE}/PostEndpointsModify",
    Hook.CLUSTER: f"/{SERVICE}/PostClusterModify",
    Hook.VIRTUAL_HOST: f"/{SERVICE}/PostVirtualHostModify",
    Hook.HTTP_LISTENER: f"/{SERVICE}/PostHTTPListenerModify",
    Hook.TRANSLATION: f"/{SERVICE}/PostTranslateModify",
}

STATUSES: dict[FaultKind, Status] = {
    FaultKind.RAISED: Status.UNKNOWN,
    FaultKind.UNFIT: Status.INTERNAL,
    FaultKind.REFUSED: Status.FAILED_PRECONDITION,
    FaultKind.OVERDUE: Status.DEADLINE_EXCEEDED,
    FaultKind.BLOCKED: Status.UNAVAILABLE,
    FaultKind.MISSING: Status.UNIMPLEMENTED,
}

MAX_CONCURRENT_STREAMS = 1_000
"""Calls at a time on one connection: h2 alone allows 100."""

_PREFIX = struct.Struct(">?I")
_LARGE_BYTES = 64 * 1024
_HEALTH_BYTES = 4096
_HEALTH_STALL_S = 10.0
_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What a server takes.

    Attributes:
        message_bytes: largest request.
        call_s: how long a function may take; the client's own deadline counts where it is sooner.
    """

    message_bytes: int = 32 * 1024 * 1024
    call_s: float = 10.0


class ExtensionServer:
    """One extension, on any number of sockets."""

    def __init__(self, asked: Asked, limits: ServerLimits) -> None:
        """Prepare; must be called where an event loop runs.

        Args:
            asked: asks the functions.
            limits: what is taken.
        """
        self._health = _Health()
        probed = BoundedService(
            self._health, ServiceLimits(_HEALTH_BYTES, ReceiveBudget(_HEALTH_BYTES, _HEALTH_STALL_S))
        )
        self._server = _Server([cast("IServable", _Hooks(asked, limits)), cast("IServable", probed)])

    async def listen(self, bound: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections.

        Args:
            bound: a TCP or Unix socket that is bound; it belongs to the server from now on.
            tls: None for plain text.
        """
        await self._server.listen(bound, tls)

    async def serve_connection(self, connected: socket.socket) -> None:
        """Serve the other end of a socket until that closes it, or `aclose` is called.

        Args:
            connected: such as one end of a socket pair; it belongs to the server from now on.
        """
        await self._server.serve_connection(connected)

    def stop_serving(self) -> None:
        """Say NOT_SERVING to who watches its health; calls are answered all the same."""
        self._health.set(HealthCheckResponseServingStatus.NOT_SERVING)

    async def aclose(self) -> None:
        """Close all sockets; calls under way fail."""
        await self._server.end()


class _Hooks:
    """The six methods."""

    def __init__(self, asked: Asked, limits: ServerLimits) -> None:
        self._asked = asked
        self._limits = limits

    def __mapping__(self) -> dict[str, Handler]:
        """Return the methods by path, as grpclib asks for them; their messages are bytes to it."""
        return {
            path: Handler(partial(self._serve, hook), Cardinality.UNARY_UNARY, bytes, bytes)
            for hook, path in METHODS.items()
        }

    async def _serve(self, hook: Hook, stream: Stream[bytes, bytes]) -> None:
        request = await _well_formed(hook, await self._receive(stream))
        outcome = await self._asked.ask(hook, request, self._time_left_s(stream))
        if isinstance(outcome, Fault):
            raise GRPCError(STATUSES[outcome.kind], outcome.message)
        await stream.send_message(bytes(outcome.message))

    async def _receive(self, stream: Stream[bytes, bytes]) -> bytes:
        """Read the request. grpclib's own `recv_message` believes whatever length the client writes."""
        incoming = stream._stream  # noqa: SLF001 the public method has no limit
        try:
            prefix = await incoming.recv_data(_PREFIX.size)
            if not prefix:
                raise GRPCError(Status.INVALID_ARGUMENT, "the request is missing")
            is_compressed, size = _PREFIX.unpack(prefix)
            if is_compressed:
                raise GRPCError(Status.UNIMPLEMENTED, "compressed messages are not accepted; send them as they are")
            limit = self._limits.message_bytes
            if size > limit:
                text = f"the request has {size} bytes, and no more than {limit} are accepted"
                raise GRPCError(Status.RESOURCE_EXHAUSTED, text)
            return await incoming.recv_data(size) if size else b""
        except AssertionError as err:  # how grpclib says that the client half-closed too early
            raise GRPCError(Status.INVALID_ARGUMENT, "the stream ended inside a message") from err

    def _time_left_s(self, stream: Stream[bytes, bytes]) -> float:
        if stream.deadline is None:
            return self._limits.call_s
        return min(self._limits.call_s, stream.deadline.time_remaining())


async def _well_formed(hook: Hook, request: bytes) -> bytes:
    """Return the request as betterproto2 reads what protobuf reads; see `egxds.grpc.wire_format`."""
    kind = FORMS[hook].request
    try:
        is_large = len(request) >= _LARGE_BYTES
        form = await to_thread.run_sync(wire_form, kind, request) if is_large else wire_form(kind, request)
    except MalformedMessageError as err:
        raise GRPCError(Status.INVALID_ARGUMENT, f"not a {kind.__name__}: {err}") from err
    if form.misfits:
        text = f"not a {kind.__name__}: field {min(form.misfits)} is of another type"
        raise GRPCError(Status.INVALID_ARGUMENT, text)
    return form.data


class _Health(HealthBase):
    """grpc.health.v1.Health, for the server as a whole and for its service."""

    def __init__(self) -> None:
        self._status = HealthCheckResponseServingStatus.SERVING
        self._changed = anyio.Event()

    def set(self, status: HealthCheckResponseServingStatus) -> None:
        self._status = status
        self._changed.set()
        self._changed = anyio.Event()

    async def check(self, message: HealthCheckRequest) -> HealthCheckResponse:
        if not _is_known(message):
            raise GRPCError(Status.NOT_FOUND, f"unknown service {message.service!r}")
        return HealthCheckResponse(self._status)

    async def watch(self, message: HealthCheckRequest) -> AsyncIterator[HealthCheckResponse]:
        while True:
            changed = self._changed
            unknown = HealthCheckResponseServingStatus.SERVICE_UNKNOWN
            yield HealthCheckResponse(self._status if _is_known(message) else unknown)
            await changed.wait()


def _is_known(message: HealthCheckRequest) -> bool:
    return message.service in ("", SERVICE)


class _Protocol(H2Protocol):
    """One connection, which tells when it is over."""

    def __init__(self, server: _Server, inner: H2Protocol) -> None:
        super().__init__(inner.handler, inner.config, inner.h2_config)
        self.lost = anyio.Event()
        self._server = server
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        super().connection_made(cast("BaseTransport", GatheredWrites(self._transport)))
        settings: dict[SettingCodes | int, int] = {SettingCodes.MAX_CONCURRENT_STREAMS: MAX_CONCURRENT_STREAMS}
        self.connection._connection.update_settings(settings)  # noqa: SLF001 grpclib has no way to its settings
        self.connection.flush()
        self._server.connections.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._server.connections.discard(self)
        self.lost.set()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class _Server(Server):
    """grpclib's server, which also takes a socket that is connected, and whose end waits for no client."""

    def __init__(self, services: list[IServable]) -> None:
        super().__init__(services, codec=CODEC, config=Configuration())
        self.connections: set[_Protocol] = set()

    def _protocol_factory(self) -> _Protocol:
        return _Protocol(self, super()._protocol_factory())

    async def listen(self, bound: socket.socket, tls: ssl.SSLContext | None) -> None:
        is_unix = bound.family == socket.AF_UNIX
        create = self._loop.create_unix_server if is_unix else self._loop.create_server
        self._server = await create(self._protocol_factory, sock=bound, ssl=tls, backlog=_BACKLOG)

    async def serve_connection(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        _, protocol = await self._loop.connect_accepted_socket(self._protocol_factory, connected)
        await protocol.lost.wait()

    async def end(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            connection.abort()
        for handler in self._handlers:
            handler.close()
            await handler.wait_closed()
