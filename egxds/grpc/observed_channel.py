"""Channels to a server that tell when their connection has ended. Opens none by itself.

grpclib notices the end of a connection at the next call on it. What a server said may hold only as long as its
connection does, so the end has to be known when it comes.
"""

from __future__ import annotations

from typing import cast

import anyio
from grpclib.client import Channel, Handler
from grpclib.config import Configuration
from grpclib.protocol import H2Protocol
from h2.config import H2Configuration


class ObservedProtocol(H2Protocol):
    """One connection.

    Attributes:
        ended: set when it has ended, whoever ended it.
    """

    def __init__(self, config: Configuration, h2_config: H2Configuration) -> None:
        super().__init__(Handler(), config, h2_config)
        self.ended = anyio.Event()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Take note of the end."""
        super().connection_lost(exc)
        self.ended.set()


class ObservedChannel(Channel):
    """A channel for one connection."""

    async def connect(self) -> ObservedProtocol:
        """Open the connection.

        Raises:
            OSError: it cannot be opened.
        """
        return cast("ObservedProtocol", await self.__connect__())

    def _protocol_factory(self) -> ObservedProtocol:
        return ObservedProtocol(self._config, self._h2_config)
