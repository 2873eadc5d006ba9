"""Wire room: connections of the xDS port before they are of HTTP/2: who it is, and the TLS handshake.

    accepted ---- over a Unix socket, of a user who is not allowed ------> closed, counted
    accepted ---- TLS, and there are too many ---------------------------> closed, counted
    accepted ---- plain text --------------------------------------------> taken over
    accepted ---- TLS --> shaking hands ---- done -----------------------> taken over
                          shaking hands ---- a certificate that is not
                                             trusted, or too slow -------> closed, counted

They are accepted here and not by asyncio, whose server tells nobody of a handshake that goes on or fails. So a
connection counts from the moment it is accepted; each handshake has the newest certificates; and who fails is known.
One is accepted in a turn of the loop, so that thousands that come at once leave room for others.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from egxds.telemetry import log
from egxds.wire.grpc.limiter import Limiter, host_of
from egxds.wire.grpc.tls import ServerTls
from egxds.wire.listen import user_of
from egxds.wire.repeated_lines import RepeatedLines
from egxds.wire.xds.refused_clients import Reason, RefusedClients

if TYPE_CHECKING:
    from egxds.wire.grpc.connection import ServerConnection

HANDSHAKE_S = 10.0
"""How long a client may take for its TLS handshake; asyncio's own patience is a minute."""

_PARTING_S = 5.0
_BACKLOG = 1024
_PAUSE_S = 1.0
"""Before it is tried again to accept, where the system has no descriptor or no memory left."""

_AGAIN_S = 60.0
"""Time after which that is said again."""

_NO_CERTIFICATE = "PEER_DID_NOT_RETURN_A_CERTIFICATE"
_VERIFICATION = {9: Reason.NOT_YET_VALID, 10: Reason.EXPIRED}
"""Codes of OpenSSL: X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """Who is let in.

    Attributes:
        refused: is told who is not.
        tls: certificates; None for plain text.
        users: who may connect over a Unix socket; None for all.
    """

    refused: RefusedClients
    tls: ServerTls | None = None
    users: frozenset[int] | None = None


class Arrivals:
    """Accepts connections until it is closed."""

    def __init__(
        self, entrance: Entrance, limiter: Limiter, make: Callable[[Callable[[], None]], ServerConnection]
    ) -> None:
        """Prepare to accept.

        Args:
            entrance: who is let in.
            limiter: what clients may ask for.
            make: makes what takes a connection over; that calls what it is given before it counts itself.
        """
        self._entrance = entrance
        self._limiter = limiter
        self._make = make
        self._lines = RepeatedLines(_AGAIN_S)
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    def start(self, bound: socket.socket) -> None:
        """Accept connections from now on.

        Args:
            bound: belongs to it from now on.
        """
        bound.setblocking(False)
        bound.listen(_BACKLOG)
        self._socket = bound
        self._accepting = asyncio.get_running_loop().create_task(self._accept(bound))

    def close(self) -> None:
        """Accept no more; handshakes that are under way go on."""
        if self._accepting is not None and self._socket is not None:
            self._accepting.cancel()
            self._accepting.add_done_callback(lambda _: self._close_socket())
            self._under_way.add(self._accepting)
            self._accepting.add_done_callback(self._under_way.discard)
            self._accepting = None

    def abort(self) -> None:
        """Break off the handshakes that are under way."""
        for task in self._under_way:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until nothing is accepted, and no handshake is under way."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _close_socket(self) -> None:
        # Only once nobody waits for it: its number may be that of another file by then.
        if self._socket is not None:
            self._socket.close()

    async def _accept(self, bound: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(bound)
            except ConnectionAbortedError:
                continue
            except OSError as err:
                self._say((err.strerror or str(err)).lower())
                await asyncio.sleep(_PAUSE_S)
                continue
            self._admit(accepted, host_of(address))
            await asyncio.sleep(0)

    def _say(self, error: str) -> None:
        unwritten = self._lines.unwritten((error,), time.monotonic())
        if unwritten is not None:
            log.error("wire.accept_failed", error=error, repeated=unwritten)

    def _admit(self, accepted: socket.socket, peer: str) -> None:
        limit = ""
        counted = ExitStack()
        if self._entrance.tls is not None:
            counted.callback(self._limiter.connections.closed, peer)
            limit = self._limiter.connections.opened(peer)
        if limit:
            self._limiter.ended(peer, limit)
        if limit or not self._is_user_allowed(accepted, peer):
            counted.close()
            accepted.close()
            return
        if accepted.family != socket.AF_UNIX:
            with suppress(OSError):  # its client has gone already
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.get_running_loop().create_task(self._arrive(accepted, peer, counted))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _is_user_allowed(self, accepted: socket.socket, peer: str) -> bool:
        if self._entrance.users is None:
            return True
        user = user_of(accepted)
        if user in self._entrance.users:
            return True
        self._entrance.refused.refused(Reason.USER, peer, detail=f"user {user}")
        return False

    async def _arrive(self, accepted: socket.socket, peer: str, counted: ExitStack) -> None:
        """Shake hands; what takes the connection over counts it from its own beginning on."""
        loop = asyncio.get_running_loop()
        tls = self._entrance.tls
        patience_s, parting_s = (HANDSHAKE_S, _PARTING_S) if tls else (None, None)
        with counted:
            try:
                await loop.connect_accepted_socket(
                    lambda: self._make(counted.close),
                    accepted,
                    ssl=tls.newest() if tls else None,
                    ssl_handshake_timeout=patience_s,
                    ssl_shutdown_timeout=parting_s,
                )
            except (OSError, ValueError) as err:
                # Who connects and goes again, as probes do, is no client that was refused. And Python cannot read
                # every name that a certificate may have.
                if isinstance(err, (ssl.SSLError, ConnectionAbortedError, ValueError)):
                    self._entrance.refused.refused(_reason(err), peer, detail=_detail(err))


def _reason(err: Exception) -> Reason:
    if isinstance(err, ssl.SSLCertVerificationError):
        return _VERIFICATION.get(err.verify_code, Reason.UNTRUSTED)
    if isinstance(err, ssl.SSLError) and err.reason == _NO_CERTIFICATE:
        return Reason.NO_CERTIFICATE
    return Reason.HANDSHAKE


def _detail(err: Exception) -> str:
    if isinstance(err, ssl.SSLCertVerificationError):
        return str(err.verify_message)
    if isinstance(err, ssl.SSLError):
        return (err.reason or "").lower().replace("_", " ")
    return "it took too long" if isinstance(err, ConnectionAbortedError) else "its certificate cannot be read"
