"""Wire room: how many connections are open, in all and from one address. Pure."""

from __future__ import annotations

from collections import Counter

from egxds.settings.limits import XdsLimits
from egxds.wire.listen import UNIX_PEER


class OpenConnections:
    """Counts connections by the address they come from."""

    def __init__(self, limits: XdsLimits) -> None:
        self._limits = limits
        self._by_peer: Counter[str] = Counter()
        self._count = 0

    def opened(self, peer: str) -> str:
        """Count a connection, until it is `closed`.

        Args:
            peer: address it comes from, without a port.

        Returns:
            What there is too much of with it, as the name of a setting; empty where it may stay.
        """
        self._count += 1
        self._by_peer[peer] += 1
        if self._count > self._limits.connections:
            return "xds.limits.connections"
        if peer != UNIX_PEER and self._by_peer[peer] > self._limits.connections_per_peer:
            return "xds.limits.connectionsPerPeer"
        return ""

    def closed(self, peer: str) -> None:
        """Count a connection no more."""
        self._count -= 1
        self._by_peer[peer] -= 1
        if not self._by_peer[peer]:
            del self._by_peer[peer]
