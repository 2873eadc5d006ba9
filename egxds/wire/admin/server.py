"""Wire room: the admin HTTP server, from its settings to its end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import anyio
import uvicorn
from anyio import to_thread

from egxds import __version__
from egxds.inspect.status import StatusStore
from egxds.names import VERSION_HEADER
from egxds.sessions.open_streams import Clients
from egxds.settings.daemon import AdminSettings
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics
from egxds.wire.admin.api import AdminApi
from egxds.wire.admin.checked_heads import CheckedHeads
from egxds.wire.admin.event_stream import EventStreams
from egxds.wire.admin.large_answers import LargeAnswers
from egxds.wire.admin.open_connections import OpenConnections
from egxds.wire.admin.own_names import OwnNames
from egxds.wire.admin.protocol import protocol_of
from egxds.wire.admin.request_heads import HeadRules
from egxds.wire.listen import BoundSocket, bind, user_numbers, warn_if_open

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
        self, settings: AdminSettings, stores: Stores, status: StatusStore, clients: Clients, metrics: Metrics
    ) -> None:
        """Prepare to serve.

        Args:
            settings: where, for whom, and how much of it.
            stores: what Envoys are served, and which of them what.
            status: what is known beside it.
            clients: who is connected.
            metrics: what is counted.
        """
        self.address = settings.address
        self._settings = settings
        self._limits = settings.limits
        self._connections = OpenConnections(settings.limits, metrics)
        answers, streams = LargeAnswers(self._connections), EventStreams(self._connections)
        self._api = AdminApi(stores, status, clients, metrics.registry, answers, streams)
        self._server: _HttpServer | None = None
        self._names: OwnNames | None = None
        self._stopped = anyio.Event()

    async def start(self, tasks: TaskGroup, handed: BoundSocket | None = None) -> None:
        """Answer requests from now on.

        Args:
            tasks: owns the server's task.
            handed: socket to accept them on; None where the one of the settings is to be bound.

        Raises:
            StartError: the address cannot be bound; the message names the setting.
        """
        users = await to_thread.run_sync(user_numbers, _SETTING, self._settings.socket)
        bound = handed or await bind(_SETTING, self._settings.address, self._settings.socket)
        warn_if_open(_SETTING, bound.address, "it shows the configuration to everybody who reaches it")
        names = self._names = OwnNames(bound.address, self._settings.allowed_hosts)
        config = uvicorn.Config(
            CheckedHeads(self._api.application(), HeadRules(self._limits, names), self._connections),
            http=protocol_of(self._connections, users),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            headers=[(VERSION_HEADER, __version__)],
            h11_max_incomplete_event_size=self._limits.head_bytes,
            timeout_graceful_shutdown=_GRACE_S,
        )
        # Uvicorn asks for whole seconds, and hands them to the event loop, which takes any.
        config.timeout_keep_alive = self._limits.idle_timeout  # type: ignore[assignment]
        self._server = _HttpServer(config)
        tasks.start_soon(self._serve, self._server, bound, name="admin server")
        await self._server.listening.wait()
        self.address = str(bound.address)

    def answer_to(self, names: tuple[str, ...]) -> None:
        """Have it asked by other names from now on, beside those that are its own.

        Args:
            names: all of them, as the settings list them.
        """
        if self._names is not None:
            self._names.answer_to(names)

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
