"""Wire room: the admin HTTP server, from its settings to its end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import anyio
import uvicorn

from egxds.inspect.status import StatusStore
from egxds.sessions.open_streams import Clients
from egxds.settings.daemon import AdminSettings
from egxds.snapshot.store import SnapshotStore
from egxds.telemetry import Metrics
from egxds.wire.admin.api import AdminApi
from egxds.wire.admin.own_names import OwnNames
from egxds.wire.listen import BoundSocket, TcpAddress, bind, warn_if_open

if TYPE_CHECKING:
    import socket

    from anyio.abc import TaskGroup

_SETTING = "admin.address"
_GRACE_S = 1


class _HttpServer(uvicorn.Server):
    """Uvicorn as one task among others: signals belong to the app."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = anyio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class AdminServer:
    """Answers what `egxds.wire.admin.api` has to say.

    Attributes:
        address: where it listens; what the settings say until it does.
    """

    def __init__(
        self, settings: AdminSettings, store: SnapshotStore, status: StatusStore, clients: Clients, metrics: Metrics
    ) -> None:
        """Prepare to serve.

        Args:
            settings: where.
            store: what Envoys are served.
            status: what is known beside it.
            clients: who is connected.
            metrics: what is counted.
        """
        self.address = settings.address
        self._settings = settings
        self._api = AdminApi(store, status, clients, metrics.registry)
        self._server: _HttpServer | None = None
        self._stopped = anyio.Event()

    async def start(self, tasks: TaskGroup) -> None:
        """Answer requests from now on.

        Args:
            tasks: owns the server's task.

        Raises:
            StartError: the address cannot be bound; the message names the setting.
        """
        bound = await bind(_SETTING, self._settings.address)
        warn_if_open(_SETTING, bound.address, "it shows the configuration to everybody who reaches it")
        config = uvicorn.Config(
            OwnNames(self._api.application(), self._names(bound)),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = _HttpServer(config)
        tasks.start_soon(self._serve, self._server, bound, name="admin server")
        await self._server.listening.wait()
        self.address = str(bound.address)

    def _names(self, bound: BoundSocket) -> tuple[str, ...]:
        own = (bound.address.host,) if isinstance(bound.address, TcpAddress) else ()
        return (*self._settings.allowed_hosts, *own)

    async def stop(self) -> None:
        """Close the port; requests that run get a moment to end."""
        if self._server is not None:
            self._server.should_exit = True
            await self._stopped.wait()

    async def _serve(self, server: _HttpServer, bound: BoundSocket) -> None:
        try:
            await server.serve(sockets=[bound.socket])
        finally:
            with anyio.CancelScope(shield=True):
                await bound.remove_file()
            self._stopped.set()
