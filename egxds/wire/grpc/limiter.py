"""Wire room: the limits of the xDS port, what is said where one is reached, and what counts towards them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from egxds.settings.limits import XdsLimits
from egxds.telemetry import Metrics, log
from egxds.wire.grpc.frame_budget import FrameBudget
from egxds.wire.grpc.open_connections import UNIX, OpenConnections
from egxds.wire.repeated_lines import RepeatedLines

if TYPE_CHECKING:
    from asyncio import BaseTransport


_AGAIN_S = 60.0
"""Time after which a client is mentioned again that goes over a limit again and again."""


class Limiter:
    """Knows what all clients ask for together.

    Attributes:
        connections: those that are open.
        limits: the settings.
    """

    def __init__(self, limits: XdsLimits, metrics: Metrics) -> None:
        """Start without a client.

        Args:
            limits: the settings.
            metrics: where it is counted what was limited.
        """
        self.limits = limits
        self.connections = OpenConnections(limits)
        self._metrics = metrics
        self._lines = RepeatedLines(_AGAIN_S)

    def budget(self) -> FrameBudget:
        """Return the budget of a new connection."""
        return FrameBudget(self.limits, anyio.current_time())

    def ended(self, peer: str, limit: str) -> None:
        """Say that a connection was ended.

        Args:
            peer: the address of the client.
            limit: name of the setting.
        """
        self._metrics.xds_limited_total.labels(limit=limit).inc()
        unwritten = self._lines.unwritten(("wire.connection_ended", peer), anyio.current_time())
        if unwritten is not None:
            log.warning("wire.connection_ended", peer=peer, limit=limit, repeated=unwritten)

    def refused(self, peer: str) -> None:
        """Say that a stream was refused, because there are as many as there may be."""
        limit = "xds.limits.streams"
        self._metrics.xds_limited_total.labels(limit=limit).inc()
        unwritten = self._lines.unwritten(("wire.stream_refused", peer), anyio.current_time())
        if unwritten is not None:
            log.warning("wire.stream_refused", peer=peer, limit=limit, repeated=unwritten)


def peer_of(transport: BaseTransport) -> str:
    """Return the address that a connection comes from, without its port."""
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) and name else UNIX
