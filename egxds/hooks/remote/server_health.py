"""Listens to what an extension server says of itself: grpc.health.v1, where it serves that. Awaits.

What it says is shown. Whether a hook fails is decided by calls alone. But it is a reason to ask everything again:

    it says SERVING after NOT_SERVING
    it says anything but NOT_SERVING on the first connection after one that was lost

That it does not know such a question (UNIMPLEMENTED) is saying something, too: somebody is there. Before that the
connection may lead to a server that hangs, or is still starting, and to ask it about everything would deny everything.

It tells as well whether a connection is lost on which a call ran out of time: what still speaks is the same server.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import anyio
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError

from egxds.generated.grpc.health.v1 import HealthCheckRequest, HealthCheckResponseServingStatus, HealthStub
from egxds.grpc.client_stream import BoundedCalls, OversizeMessageError
from egxds.grpc.connections import Connection, Connections
from egxds.grpc.encoded_fields import MalformedMessageError
from egxds.grpc.own_task import in_own_task

_LIMIT_BYTES = 4096
_PAUSE_S = 1.0
"""Between two attempts on one connection, where the server ends the stream."""

_PROOF_S = 1.0
"""How long a server may take to show that it is there, on a connection on which a call ran out of time."""


class ServerHealth:
    """What the server at the other end of the connections says of itself as a whole.

    Attributes:
        says_not_serving: whether the last that it said on a connection that is still open was NOT_SERVING.
        returns: how often it said SERVING after NOT_SERVING.
    """

    def __init__(self, connections: Connections) -> None:
        self.says_not_serving = False
        self.returns = 0
        self._losses_told = 0
        self._connections = connections
        self._was_not_serving = False

    async def watch(self, on_renewed: Callable[[], None]) -> None:
        """Listen, on one connection after the other; until cancelled.

        Args:
            on_renewed: called when what the server said before may not hold any more, and it is there to be asked.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._look_at_suspects)
            connection: Connection | None = None
            while True:
                connection = await self._connections.next_after(connection)
                while connection.is_open:
                    if not await self._listen(connection, on_renewed):
                        break
                    await anyio.sleep(_PAUSE_S)

    async def _look_at_suspects(self) -> None:
        while True:
            connection = await self._connections.next_suspect()
            try:
                if not await self._is_there(connection):
                    self._connections.lost()
            finally:
                self._connections.give_back(connection)

    async def _is_there(self, connection: Connection) -> bool:
        """Tell whether a server answers on a connection, whatever it is."""
        stub = BoundedCalls(connection.channel, _LIMIT_BYTES).stub(HealthStub)
        with anyio.move_on_after(_PROOF_S):
            try:
                await in_own_task(partial(stub.check, HealthCheckRequest()))
            except (GRPCError, MalformedMessageError, OversizeMessageError):
                return True
            except Exception:  # noqa: BLE001 grpclib meets a connection that closes under it with errors of any kind
                return False
            return True
        return False

    async def _listen(self, connection: Connection, on_renewed: Callable[[], None]) -> bool:
        """Listen to one stream until it ends; return whether another is worth a try."""
        try:
            return await in_own_task(partial(self._follow, connection, on_renewed))
        except StreamTerminatedError:
            return True
        finally:
            self.says_not_serving = False

    async def _follow(self, connection: Connection, on_renewed: Callable[[], None]) -> bool:
        try:
            stub = BoundedCalls(connection.channel, _LIMIT_BYTES).stub(HealthStub)
            async for response in stub.watch(HealthCheckRequest()):
                if self._hear(response.status, connection):
                    on_renewed()
        except GRPCError as err:
            # UNAVAILABLE is what a proxy says in the place of a server that is not there.
            if err.status is not Status.UNAVAILABLE and self._is_first_word(connection):
                on_renewed()
            return err.status is not Status.UNIMPLEMENTED
        except (MalformedMessageError, OversizeMessageError):
            if self._is_first_word(connection):
                on_renewed()
            return False
        except Exception:  # noqa: BLE001 grpclib meets a connection that closes under it with errors of any kind
            return connection.is_open
        return True

    def _hear(self, status: HealthCheckResponseServingStatus, connection: Connection) -> bool:
        """Take note of what the server says; return whether what it said before may not hold any more."""
        self.says_not_serving = status == HealthCheckResponseServingStatus.NOT_SERVING
        if self.says_not_serving:
            self._was_not_serving = True
            return False
        is_first = self._is_first_word(connection)
        if status == HealthCheckResponseServingStatus.SERVING and self._was_not_serving:
            self._was_not_serving = False
            self.returns += 1
            return True
        return is_first

    def _is_first_word(self, connection: Connection) -> bool:
        """Tell whether it is the first word since a loss; it counts as told."""
        told, self._losses_told = self._losses_told, connection.losses
        return told != connection.losses
