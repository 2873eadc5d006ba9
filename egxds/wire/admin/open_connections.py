"""Wire room: who is connected to the admin port, and who makes room for the next.

A connection is waited on (for a request, or the rest of one), or its answer is being made, or being taken. Anybody can
open as many as there may be and say nothing, so a new one is never refused for those: the one makes room that has been
waited on for longest. Who asks at once is answered, whatever stands beside it, and who is still taking an answer makes
room only where none is waited on, the one first that began first. Where all answers are being made, which no client
can prolong, a new connection is refused.

Answers that are not taken are held. All of them together are bounded: the one that was begun first makes room.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from egxds.settings.limits import AdminLimits
from egxds.telemetry import Metrics, log
from egxds.telemetry.metrics import begin
from egxds.wire.listen import UNIX_PEER
from egxds.wire.repeated_lines import RepeatedLines

if TYPE_CHECKING:
    from starlette.types import Scope

_AGAIN_S = 60.0
"""Time after which a client is mentioned again that goes over a limit again and again."""


USERS = "admin.socket.allowUsers"


class Connection(Protocol):
    """One of those that are open.

    Attributes:
        peer: address it comes from, without a port.
    """

    peer: str

    def make_room(self, limit: str) -> None:
        """End at once, and say for which limit."""

    def unsent_bytes(self) -> int:
        """Say how much of answers was not taken so far."""


class OpenConnections:
    """Knows them all."""

    def __init__(self, limits: AdminLimits, metrics: Metrics) -> None:
        """Start with none.

        Args:
            limits: the settings.
            metrics: where it is counted what was limited.
        """
        self.limits = limits
        names = (
            "admin.allowedHosts",
            USERS,
            *(f"admin.limits.{one.alias}" for one in AdminLimits.model_fields.values()),
        )
        begin(metrics.admin_limited_total, ((name,) for name in names))
        self._metrics = metrics
        self._lines = RepeatedLines(_AGAIN_S)
        self._open: set[Connection] = set()
        self._by_peer: Counter[str] = Counter()
        # In the order in which they began to be.
        self._waited_on: dict[Connection, None] = {}
        self._unsent: dict[Connection, None] = {}

    def opened(self, connection: Connection) -> str:
        """Count a connection, until it is `closed`; others may have to end for it.

        Returns:
            What there is too much of with it, as the name of a setting; empty where it may stay.
        """
        limit = self._limit_reached_by(connection.peer)
        if limit and not self._make_room(limit, connection.peer):
            return limit
        self._open.add(connection)
        self._by_peer[connection.peer] += 1
        self._waited_on[connection] = None
        return ""

    def closed(self, connection: Connection) -> None:
        """Count a connection no more."""
        if connection not in self._open:
            return
        self._open.discard(connection)
        self._waited_on.pop(connection, None)
        self._unsent.pop(connection, None)
        self._by_peer[connection.peer] -= 1
        if not self._by_peer[connection.peer]:
            del self._by_peer[connection.peer]

    def asked(self, connection: Connection) -> None:
        """Note that a whole request is there."""
        self._waited_on.pop(connection, None)

    def answered(self, connection: Connection) -> None:
        """Note that the next request is waited for."""
        if connection in self._open:
            self._waited_on[connection] = None

    def unsent(self, connection: Connection) -> None:
        """Note that a connection holds some of an answer; the oldest of those that do may have to end for it."""
        self._unsent.setdefault(connection)
        while len(self._unsent) > 1 and self._held_bytes() > self.limits.unsent_bytes:
            oldest = next(iter(self._unsent))
            del self._unsent[oldest]
            oldest.make_room("admin.limits.unsentBytes")

    def sent(self, connection: Connection) -> None:
        """Note that a connection holds nothing of an answer any more."""
        self._unsent.pop(connection, None)

    def ended(self, peer: str, limit: str) -> None:
        """Say that a connection was ended.

        Args:
            peer: the address of the client.
            limit: name of the setting, or what stands for it.
        """
        unwritten = self._counted("wire.connection_ended", peer, limit)
        if unwritten is not None:
            log.warning("wire.connection_ended", peer=peer, limit=limit, repeated=unwritten)

    def refused(self, peer: str, limit: str) -> None:
        """Say that a request was refused, likewise."""
        unwritten = self._counted("wire.admin_request_refused", peer, limit)
        if unwritten is not None:
            log.warning("wire.admin_request_refused", peer=peer, limit=limit, repeated=unwritten)

    def _counted(self, event: str, peer: str, limit: str) -> int | None:
        self._metrics.admin_limited_total.labels(limit=limit).inc()
        return self._lines.unwritten((event, peer, limit), time.monotonic())

    def _limit_reached_by(self, peer: str) -> str:
        if len(self._open) >= self.limits.connections:
            return "admin.limits.connections"
        if peer != UNIX_PEER and self._by_peer[peer] >= self.limits.connections_per_peer:
            return "admin.limits.connectionsPerPeer"
        return ""

    def _make_room(self, limit: str, peer: str) -> bool:
        """End the one that was waited on, or else takes its answer, for longest; say whether there was one."""
        is_of_peer = limit == "admin.limits.connectionsPerPeer"
        candidates = (one for one in (*self._waited_on, *self._unsent) if not is_of_peer or one.peer == peer)
        longest = next(candidates, None)
        if longest is None:
            return False
        longest.make_room(limit)
        self.closed(longest)
        return True

    def _held_bytes(self) -> int:
        return sum(one.unsent_bytes() for one in self._unsent)


def peer_of(scope: Scope) -> str:
    """Return the address that a request comes from, without its port."""
    client = scope["client"]
    return str(client[0]) if client else UNIX_PEER
