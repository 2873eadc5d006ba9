"""Channels to an extension server. Opens none by itself."""

from __future__ import annotations

import ssl

from grpclib.config import Configuration

from egxds.grpc.codec import CODEC
from egxds.grpc.observed_channel import ObservedChannel
from egxds.settings.extension_service import ExtensionService, FqdnAddress, IpAddress, UnixAddress


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
