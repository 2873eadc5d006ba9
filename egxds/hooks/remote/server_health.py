"""Listens to what an extension server says of itself: grpc.health.v1, where it serves that. Awaits.

What it says is shown, and its return to SERVING is a reason to try again at once. Whether a hook fails is decided
by calls alone.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from egxds.generated.grpc.health.v1 import HealthCheckRequest, HealthCheckResponseServingStatus, HealthStub
from egxds.grpc.client_stream import BoundedCalls, OversizeMessageError
from egxds.grpc.encoded_fields import MalformedMessageError
from egxds.hooks.remote.connections import Connection, Connections

_LIMIT_BYTES = 4096
_PAUSE_S = 1.0
"""Between two attempts on one connection, where the server ends the stream."""


class ServerHealth:
    """What the server at the other end of the connections says of itself as a whole.

    Attributes:
        says_not_serving: whether the last that it said on a connection that is still open was NOT_SERVING.
    """

    def __init__(self, connections: Connections) -> None:
        self.says_not_serving = False
        self._connections = connections
        self._was_not_serving = False

    async def watch(self, on_serving: Callable[[], None]) -> None:
        """Listen, on one connection after the other as calls make them; until cancelled.

        Args:
            on_serving: called when SERVING follows upon NOT_SERVING.
        """
        connection: Connection | None = None
        while True:
            connection = await self._connections.next_after(connection)
            while connection.is_open:
                if not await self._listen(connection, on_serving):
                    break
                await anyio.sleep(_PAUSE_S)

    async def _listen(self, connection: Connection, on_serving: Callable[[], None]) -> bool:
        """Listen to one stream until it ends; return whether another is worth a try.

        It has a task of its own, for grpclib ends a stream of a broken connection by cancelling the task.
        """
        is_worth_another = True

        async def listen() -> None:
            nonlocal is_worth_another
            is_worth_another = await self._follow(connection, on_serving)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
        self.says_not_serving = False
        return is_worth_another

    async def _follow(self, connection: Connection, on_serving: Callable[[], None]) -> bool:
        try:
            stub = BoundedCalls(connection.channel, _LIMIT_BYTES).stub(HealthStub)
            async for response in stub.watch(HealthCheckRequest()):
                self._hear(response.status, on_serving)
        except GRPCError as err:
            return err.status is not Status.UNIMPLEMENTED
        except (MalformedMessageError, OversizeMessageError):
            return False
        except Exception:  # noqa: BLE001 grpclib meets a connection that closes under it with errors of any kind
            return connection.is_open
        return True

    def _hear(self, status: HealthCheckResponseServingStatus, on_serving: Callable[[], None]) -> None:
        self.says_not_serving = status == HealthCheckResponseServingStatus.NOT_SERVING
        if self.says_not_serving:
            self._was_not_serving = True
        elif status == HealthCheckResponseServingStatus.SERVING and self._was_not_serving:
            self._was_not_serving = False
            on_serving()
