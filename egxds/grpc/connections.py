"""Keeps a connection to one gRPC server: dials, shares it among calls, and lets go of it. Awaits.

    NONE ------ a call needs one --------------------> DIALLING: one caller, for all that wait
    DIALLING -- connected ----------------------------> OPEN
    DIALLING -- failed --------------------------------> NONE: all that waited fail; the next dial waits 0.02 to 0.2 s
    OPEN ------ a call ran out of time on it,
                it broke, or 10,000 calls were made ----> RETIRED; for new calls: NONE
    NONE ------ there was one before, or it is wanted --> DIALLING, by `keep`, though no call needs one
    RETIRED --- its last call has ended ----------------> closed

Calls share one connection: HTTP/2 carries as many as there are. One on which a call ran out of time is retired: nobody
can tell a slow server from a connection that leads nowhere, and on the latter every call would wait for its deadline.
Calls under way may finish on it, new ones get another.

How often a connection was lost is counted: who answers on the next one may be another server, and what was said before
is not to be relied on. One that is replaced for the number of its calls was not lost. Nor was one that was retired for
a call that ran out of time, as long as its server still speaks on it (`next_suspect`): a call that hangs is no other
server.

All that wait share what comes of one dial, a failure too: thousands of calls would otherwise queue up for a dial each,
and the last of them would learn past its deadline that nobody is there.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from contextlib import suppress

import anyio
from anyio import lowlevel

from egxds.errors import CertificateError, NoConnectionError
from egxds.grpc.observed_channel import ObservedChannel, ObservedProtocol

FIRST_BACKOFF_S = 0.02
MAX_BACKOFF_S = 0.2
"""Longest pause between two attempts to connect: a server that is back is to be found at once, and calls that find
none are to fail while there is time."""

REDIAL_PAUSE_S = 0.25
"""Between two attempts that no call waits for: soon enough for a server that was restarted, and little for one that is
away for a day."""

MAX_CALLS = 10_000
"""Calls after which a connection is replaced: HTTP/2 numbers its streams and h2 remembers those that have ended."""

_JITTER = 0.2


class Connection:
    """A connection that was made, and how many calls are using it.

    Attributes:
        channel: for calls.
        losses: how many connections had been lost before it.
        calls: that are under way.
        begun: calls that were ever begun.
        left: set when it is no more the one for new calls.
    """

    def __init__(self, channel: ObservedChannel, protocol: ObservedProtocol, losses: int) -> None:
        self.channel = channel
        self.losses = losses
        self.calls = 0
        self.begun = 0
        self.left = anyio.Event()
        self._protocol = protocol

    @property
    def is_open(self) -> bool:
        """Whether neither end has closed it, as far as is known."""
        return not self._protocol.connection.is_closing()

    async def ended(self) -> None:
        """Wait until it has ended, or is no more the one for new calls."""
        async with anyio.create_task_group() as tasks:

            async def wait_for(event: anyio.Event) -> None:
                await event.wait()
                tasks.cancel_scope.cancel()

            tasks.start_soon(wait_for, self._protocol.ended)
            tasks.start_soon(wait_for, self.left)

    def close(self) -> None:
        """End it at once; calls under way fail.

        To say goodbye, as TLS would, could take as long as the server likes, and there is nothing left to say.
        """
        # grpclib forgets the transport when it closes.
        transport = self._protocol.connection._transport if self.is_open else None  # noqa: SLF001
        self.channel.close()
        if transport is not None:
            transport.abort()


class Connections(ABC):
    """The way to one server."""

    def __init__(self, where: str, dial_limit_s: float) -> None:
        """Prepare; nothing is connected before the first call.

        Args:
            where: the server, for messages.
            dial_limit_s: how long an attempt to connect may take that no call waits for.
        """
        self._where = where
        self._dial_limit_s = dial_limit_s
        self._current: Connection | None = None
        self._losses = 0
        self._is_closed = False
        self._is_wanted = False
        self._suspects: list[Connection] = []
        self._suspected = anyio.Event()
        self._dialling = anyio.Lock()
        self._opened = anyio.Event()
        self._fault = ""
        self._faults = 0
        self._faults_in_a_row = 0
        self._next_dial_s = 0.0

    @abstractmethod
    async def _new_channel(self) -> ObservedChannel:
        """Return a channel to the server, not yet connected; raise CertificateError where TLS cannot be spoken."""

    @property
    def losses(self) -> int:
        """How many connections broke or were given up, as far as is known."""
        # Also one that nobody has used since it broke.
        self._open_connection()
        return self._losses

    async def borrow(self) -> Connection:
        """Return the connection, for one call; it is to be given back.

        While there is none, one caller dials for all that wait, and all of them share what comes of it.

        Raises:
            NoConnectionError: there was none to be had.
        """
        connection = self._open_connection()
        if connection is None:
            # Before the wait for the lock: whether a dial has failed meanwhile is told by the count.
            faults = self._faults
            async with self._dialling:
                # Looked at again: whoever had the lock before may have connected.
                connection = self._open_connection() or await self._dial(faults)
        connection.calls += 1
        connection.begun += 1
        return connection

    def give_back(self, connection: Connection) -> None:
        """End a call's use of a connection."""
        connection.calls -= 1
        if connection.begun >= MAX_CALLS:
            self._replace(connection)
        self._close_if_unused(connection)

    def retire(self, connection: Connection) -> None:
        """Give a connection up as lost: new calls have a new one, and this one closes when its last call has ended."""
        self._losses += 1
        self._replace(connection)

    def suspect(self, connection: Connection) -> None:
        """Give a connection up on which a call ran out of time; `next_suspect` is to find out whether it is lost."""
        if connection is not self._current:
            return
        if not connection.is_open:
            self.retire(connection)
            return
        connection.calls += 1
        self._suspects.append(connection)
        self._suspected.set()
        self._replace(connection)

    async def next_suspect(self) -> Connection:
        """Wait for a connection that was given up on suspicion, and lend it; it is to be given back."""
        while not self._suspects:
            self._suspected = anyio.Event()
            await self._suspected.wait()
        return self._suspects.pop(0)

    def lost(self) -> None:
        """Take note that a connection that was given up leads nowhere: whoever answers may be another server."""
        self._losses += 1
        if self._current is not None:
            self._replace(self._current)

    def want(self) -> None:
        """Have `keep` connect before there is a call."""
        if not self._is_wanted:
            self._is_wanted = True
            self._tell_opened()

    async def keep(self) -> None:
        """Have a connection as long as there is a server, from the first call on; until cancelled.

        Nobody calls while nothing changes, and it is by the connection that a server with other rules is noticed.
        """
        while (connection := self._open_connection()) is None:
            if self._is_closed:
                return
            await (self._redial() if self._is_wanted else self._opened.wait())
        while True:
            await connection.ended()
            while (found := self._open_connection()) is None:
                if self._is_closed:
                    return
                await self._redial()
            connection = found

    async def _redial(self) -> None:
        # Not for longer than a call would try: what waits for an answer from nowhere keeps all others waiting.
        with anyio.move_on_after(self._dial_limit_s), suppress(NoConnectionError):
            self.give_back(await self.borrow())
            return
        await anyio.sleep(REDIAL_PAUSE_S)

    def _replace(self, connection: Connection) -> None:
        if connection is self._current:
            self._current = None
            connection.left.set()
        self._close_if_unused(connection)

    async def next_after(self, last: Connection | None) -> Connection:
        """Wait for a connection that is open and is not the last one that was returned."""
        while True:
            connection = self._open_connection()
            if connection is not None and connection is not last:
                return connection
            await self._opened.wait()

    async def aclose(self) -> None:
        """Close the connection; calls under way fail."""
        self._is_closed = True
        while self._suspects:
            self._suspects.pop().close()
        connection, self._current = self._current, None
        if connection is not None:
            connection.close()
            await lowlevel.checkpoint()

    def _open_connection(self) -> Connection | None:
        if self._current is not None and not self._current.is_open:
            self.retire(self._current)
        return self._current

    def _close_if_unused(self, connection: Connection) -> None:
        if connection is not self._current and connection.calls == 0:
            connection.close()

    async def _dial(self, faults: int) -> Connection:
        """Connect.

        Args:
            faults: how many attempts had failed when the caller began to wait. One that has failed since counts
                for the caller too.
        """
        if self._faults != faults:
            raise NoConnectionError(self._fault)
        await anyio.sleep(max(0.0, self._next_dial_s - anyio.current_time()))
        try:
            channel = await self._new_channel()
            protocol = await channel.connect()
        except (OSError, ValueError, CertificateError) as err:
            raise self._failed(err) from err
        self._faults_in_a_row = 0
        self._current = Connection(channel, protocol, self._losses)
        self._tell_opened()
        return self._current

    def _tell_opened(self) -> None:
        # The event tells of this opening alone; who waits for another one waits for a new event.
        self._opened.set()
        self._opened = anyio.Event()

    def _failed(self, err: Exception) -> NoConnectionError:
        pause_s = min(FIRST_BACKOFF_S * 2.0 ** min(self._faults_in_a_row, 16), MAX_BACKOFF_S)
        jitter = 1 - _JITTER * random.random()  # noqa: S311 it spreads attempts and guards nothing
        self._next_dial_s = anyio.current_time() + pause_s * jitter
        self._faults_in_a_row += 1
        self._faults += 1
        self._fault = f"no connection to {self._where}: {err or type(err).__name__}"
        return NoConnectionError(self._fault)
