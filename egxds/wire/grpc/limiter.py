"""Wire room: the limits of the xDS port, what is said where one is reached, and what counts towards them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from egxds.settings.limits import XdsLimits
from egxds.telemetry import Metrics, log
from egxds.telemetry.metrics import begin
from egxds.wire.grpc.frame_budget import FrameBudget
from egxds.wire.grpc.open_connections import OpenConnections
from egxds.wire.grpc.unread_bytes import UnreadBytes
from egxds.wire.grpc.unwritten_bytes import UnwrittenBytes
from egxds.wire.listen import UNIX_PEER
from egxds.wire.repeated_lines import RepeatedLines

if TYPE_CHECKING:
    from asyncio import BaseTransport


WATCHES = "xds.limits.watches"

_AGAIN_S = 60.0
"""Time after which a client is mentioned again that goes over a limit again and again."""


class Limiter:
    """Knows what all clients ask for together.

    Attributes:
        connections: those that are open.
        limits: the settings.
        unread: what connections have received and nobody has read.
        unwritten: what was written to connections and their sockets have not taken.
    """

    def __init__(self, limits: XdsLimits, metrics: Metrics) -> None:
        """Start without a client.

        Args:
            limits: the settings.
            metrics: where it is counted what was limited.
        """
        self.limits = limits
        self.connections = OpenConnections(limits)
        self.unread = UnreadBytes(limits.unread_bytes)
        self.unwritten = UnwrittenBytes(limits.unwritten_bytes)
        metrics.xds_unread_bytes.set_function(lambda: self.unread.held_bytes)
        metrics.xds_unwritten_bytes.set_function(lambda: self.unwritten.held_bytes)
        begin(metrics.xds_limited_total, ((f"xds.limits.{one.alias}",) for one in XdsLimits.model_fields.values()))
        self._metrics = metrics
        self._lines = RepeatedLines(_AGAIN_S)

    def budget(self) -> FrameBudget:
        """Return the budget of a new connection."""
        return FrameBudget(self.limits, time.monotonic())

    def ended(self, peer: str, limit: str) -> None:
        """Say that a connection was ended.

        Args:
            peer: the address of the client.
            limit: name of the setting.
        """
        self._warn("wire.connection_ended", peer, limit)

    def stream_ended(self, address: object, limit: str) -> None:
        """Say that a stream was ended.

        Args:
            address: of the client, as a transport knows it.
            limit: name of the setting.
        """
        self._warn("wire.stream_broken_off", host_of(address), limit)

    def too_many_streams(self, count: int, of_peer: int, peer: str) -> str:
        """Return the setting because of which there may be no further stream; empty where there may.

        Args:
            count: how many there are.
            of_peer: of them, from the address of the client.
            peer: that address; a Unix socket has none of its own.
        """
        if count >= self.limits.streams:
            return "xds.limits.streams"
        if peer != UNIX_PEER and of_peer >= self.limits.streams_per_peer:
            return "xds.limits.streamsPerPeer"
        return ""

    def refused(self, peer: str, limit: str) -> None:
        """Say that a stream was refused, because there are as many as there may be.

        Args:
            peer: the address of the client.
            limit: name of the setting.
        """
        self._warn("wire.stream_refused", peer, limit)

    def refused_watch(self, address: object) -> None:
        """Say that a call was refused that would stay open.

        Args:
            address: of the client, as a transport knows it.
        """
        self._warn("wire.stream_refused", host_of(address), WATCHES)

    def _warn(self, event: str, peer: str, limit: str) -> None:
        self._metrics.xds_limited_total.labels(limit=limit).inc()
        unwritten = self._lines.unwritten((event, peer), time.monotonic())
        if unwritten is not None:
            log.log(logging.WARNING, event, peer=peer, limit=limit, repeated=unwritten)


def peer_of(transport: BaseTransport) -> str:
    """Return the address that a connection comes from, without its port."""
    return host_of(transport.get_extra_info("peername"))


def host_of(address: object) -> str:
    """Return the address of a client without its port, from how a transport or a socket knows it."""
    return str(address[0]) if isinstance(address, tuple) and address else UNIX_PEER
