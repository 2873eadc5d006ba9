"""Channels to an extension server that tell when their connection has ended. Opens none by itself.

grpclib notices the end of a connection at the next call on it. What an extension said holds only as long as its
connection does, so the end has to be known when it comes.
"""

from __future__ import annotations

import ssl
from typing import cast

import anyio
from grpclib.client import Channel, Handler
from grpclib.config import Configuration
from grpclib.protocol import H2Protocol
from h2.config import H2Configuration

from egxds.grpc.codec import CODEC
from egxds.settings.extension_service import ExtensionService, FqdnAddress, IpAddress, UnixAddress


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


def channel_to(service: ExtensionService, tls: ssl.SSLContext | None) -> ObservedChannel:
    """Return a channel to a server, not yet connected.

    Args:
        service: says where it is.
        tls: how to speak to it; None for in the clear.
    """
    config = Configuration(ssl_target_name_override=_name_to_check(service))
    match service.address:
        case UnixAddress() as address:
            return ObservedChannel(path=address.path, codec=CODEC, ssl=tls, config=config)
        case IpAddress() as address:
            return ObservedChannel(address.address, address.port, codec=CODEC, ssl=tls, config=config)
        case FqdnAddress() as address:
            return ObservedChannel(address.hostname, address.port, codec=CODEC, ssl=tls, config=config)


def _name_to_check(service: ExtensionService) -> str | None:
    """Return the name that the server's certificate must be for; None for the address that is connected to."""
    if service.tls is None:
        return None
    address = service.address
    name = service.tls.server_name or (address.hostname if isinstance(address, FqdnAddress) else None)
    # No certificate, and no client's hello, has an absolute name (RFC 6066, section 3).
    return name.removesuffix(".") if name is not None else None
