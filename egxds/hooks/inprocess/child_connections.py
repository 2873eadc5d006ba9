"""Connections to a child process, over socket pairs that are handed to it. Awaits.

They are those to any extension server otherwise: shared by calls, replaced after many, given up where they break.
"""

from __future__ import annotations

import socket
from asyncio import BaseTransport, Transport
from collections.abc import Callable
from pathlib import Path
from typing import cast

from egxds.grpc.codec import CODEC
from egxds.grpc.gathered_writes import GatheredWrites
from egxds.grpc.observed_channel import ObservedChannel, ObservedProtocol
from egxds.hooks.remote.connections import ServerConnections
from egxds.settings.extensions import ExtensionManager


class ChildConnections(ServerConnections):
    """Connections to a child, which are made and handed over."""

    def __init__(self, manager: ExtensionManager, connect: Callable[[], socket.socket]) -> None:
        """Prepare; nothing is connected before the first call.

        Args:
            manager: settings of a server, as the child is one.
            connect: returns our end of a connection; raises OSError where the child takes none.
        """
        super().__init__(manager, Path())
        self._connect = connect

    async def _new_channel(self) -> ObservedChannel:
        return _SocketChannel(self._connect())


class _SocketChannel(ObservedChannel):
    """A channel over a socket that is connected."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(codec=CODEC)
        self._socket = connected

    def _protocol_factory(self) -> ObservedProtocol:
        return _Protocol(self._config, self._h2_config)

    async def _create_connection(self) -> ObservedProtocol:
        try:
            _, protocol = await self._loop.create_connection(self._protocol_factory, sock=self._socket)
        except BaseException:
            self._socket.close()
            raise
        return protocol


class _Protocol(ObservedProtocol):
    """A connection to a child: many small calls."""

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast("BaseTransport", GatheredWrites(cast("Transport", transport))))
