"""Wire room: what was written to connections and their sockets have not taken yet. Pure; time is an argument.

A socket takes what the client's machine has room for; the rest waits in the transport, 128 KiB of a response and
whatever HTTP/2 answers by itself. A client that reads nothing has it held until the kernel gives it up, and on a Unix
socket for ever. So it is counted whenever something is written:

    within the limit --> written
    over it -----------> all are looked at once, since what is known of them is what was there when something was
                         written last; then the connections go whose sockets took nothing for longest, of those the
                         ones that hold most, until an eighth of the limit is free: so looks at all are few
"""

from __future__ import annotations

from collections.abc import Callable

LIMIT = "xds.limits.unwrittenBytes"


class UnwrittenBytes:
    """What all connections of a server share.

    Attributes:
        held_bytes: of all of them, at the most: what was taken since is not known.
    """

    def __init__(self, limit_bytes: int) -> None:
        """Start without a connection.

        Args:
            limit_bytes: how much may be held before a connection has to go.
        """
        self.held_bytes = 0
        self._limit_bytes = limit_bytes
        self._open: set[UnwrittenOfConnection] = set()

    def open(
        self, size: Callable[[], int], written: Callable[[], int], end: Callable[[], None]
    ) -> UnwrittenOfConnection:
        """Count for one more connection.

        Args:
            size: says how much its transport holds.
            written: says how much was written to it so far.
            end: ends it at once, because of this limit.
        """
        connection = UnwrittenOfConnection(self, size, written, end)
        self._open.add(connection)
        return connection

    def change(self, by: int) -> None:
        """Count so many bytes more, or less."""
        self.held_bytes += by

    def close(self, connection: UnwrittenOfConnection) -> None:
        """Forget a connection."""
        self._open.discard(connection)

    def keep_within_limit(self, now_s: float) -> None:
        """End connections until no more is held than may be.

        Args:
            now_s: monotonic seconds.
        """
        if self.held_bytes <= self._limit_bytes:
            return
        for one in self._open:
            one.look(now_s)
        if self.held_bytes <= self._limit_bytes:
            return
        room = self._limit_bytes - self._limit_bytes // 8
        for one in sorted(self._open, key=lambda one: (one.idle_since_s, -one.held_bytes)):
            if self.held_bytes <= room:
                return
            if one.held_bytes:
                one.close()
                one.end()


class UnwrittenOfConnection:
    """What one connection has of it.

    Attributes:
        held_bytes: so much, when it was looked at last.
        idle_since_s: when its socket was seen to take something last.
        end: ends it.
    """

    def __init__(
        self,
        all_connections: UnwrittenBytes,
        size: Callable[[], int],
        written: Callable[[], int],
        end: Callable[[], None],
    ) -> None:
        self.held_bytes = 0
        self.idle_since_s = 0.0
        self.end = end
        self._all = all_connections
        self._size = size
        self._written = written
        self._taken_bytes = 0
        self._is_closed = False

    def look(self, now_s: float) -> None:
        """Look at the transport; nothing once it is closed."""
        if self._is_closed:
            return
        size = self._size()
        taken_bytes = self._written() - size
        if not size or not self.held_bytes or taken_bytes > self._taken_bytes:
            self._taken_bytes, self.idle_since_s = taken_bytes, now_s
        self._count(size)

    def close(self) -> None:
        """Count nothing of it any more."""
        self._count(0)
        self._is_closed = True
        self._all.close(self)

    def _count(self, size: int) -> None:
        if not self._is_closed:
            self._all.change(size - self.held_bytes)
            self.held_bytes = size
