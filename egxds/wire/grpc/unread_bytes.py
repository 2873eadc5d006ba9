"""Wire room: what all connections have received and nobody has read yet. Pure.

HTTP/2 lets a client send so much of a connection, and of a stream, before anything of it is read; five thousand
connections could have 20 GB of it held. And a frame of one byte takes the memory of hundreds. So what waits is
counted, frames by what they take, and where it is too much the connection goes of which most waits:

    bytes come -----> in line for their turn (`egxds.wire.grpc.paced_reading`) -----> DATA of a stream -----> read
                      |<---------------------------- counted ------------------------------------------>|
"""

from __future__ import annotations

from collections.abc import Callable

LIMIT = "xds.limits.unreadBytes"


class UnreadBytes:
    """What all connections of a server share.

    Attributes:
        held_bytes: of all of them.
    """

    def __init__(self, limit_bytes: int) -> None:
        """Start without a connection.

        Args:
            limit_bytes: how much may be held before a connection has to go.
        """
        self.held_bytes = 0
        self._limit_bytes = limit_bytes
        self._open: set[UnreadOfConnection] = set()

    def open(self, end: Callable[[], None]) -> UnreadOfConnection:
        """Count for one more connection.

        Args:
            end: ends it, because of this limit.
        """
        connection = UnreadOfConnection(self, end)
        self._open.add(connection)
        return connection

    def change(self, by: int) -> None:
        """Count so many bytes more, or less."""
        self.held_bytes += by

    def close(self, connection: UnreadOfConnection) -> None:
        """Forget a connection."""
        self._open.discard(connection)

    def keep_within_limit(self) -> None:
        """End the connections of which most is held, until no more is held than may be."""
        while self.held_bytes > self._limit_bytes and self._open:
            largest = max(self._open, key=lambda one: one.held_bytes)
            # At once, and not when it is lost: the others go on meanwhile.
            largest.close()
            largest.end()


class UnreadOfConnection:
    """What one connection has of it.

    Attributes:
        held_bytes: so much.
        end: ends it.
    """

    def __init__(self, all_connections: UnreadBytes, end: Callable[[], None]) -> None:
        self.held_bytes = 0
        self.end = end
        self._all = all_connections
        self._is_closed = False

    def change(self, by: int) -> None:
        """Count so many bytes more, or less; nothing once it is closed."""
        if not self._is_closed:
            self.held_bytes += by
            self._all.change(by)

    def close(self) -> None:
        """Count nothing of it any more."""
        self.change(-self.held_bytes)
        self._is_closed = True
        self._all.close(self)
