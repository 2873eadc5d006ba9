"""Which addresses a backend may not have, and which of those it may all the same. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from egxds.settings.quantities import SettingsModel

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class AllowedAddress:
    """One entry of `allowedAddresses`.

    Attributes:
        network: addresses; None where a name is given.
        name: in lower case, without the dot at its end; empty where a network is given.
        port: the one that is meant; None for all.
    """

    network: Network | None
    name: str = ""
    port: int | None = None


def parse_allowed(text: str) -> AllowedAddress:
    """Read a network, an address or a name, the latter two with or without a port.

    Raises:
        ValueError: it is none of these.
    """
    network = _network(text)
    if network is not None:
        return AllowedAddress(network)
    host, colon, port = text.rpartition(":")
    if colon and not (port.isascii() and port.isdigit()):
        raise ValueError(f"{text!r} is no address: write 169.254.169.254/32, 127.0.0.1:19000, [::1]:19000 or a name")
    host = host.removeprefix("[").removesuffix("]") if colon else text
    network, number = _network(host), int(port) if colon else None
    return AllowedAddress(network, "" if network is not None else host.lower().rstrip("."), number)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        if "/" in text:
            raise
        return None


def _check(text: str) -> str:
    parse_allowed(text)
    return text


class BackendSettings(SettingsModel):
    """Where traffic may be sent.

    Attributes:
        allowed_addresses: of what is closed to backends by default: networks, addresses and names, the latter two
            with or without a port.
        envoy_admin_ports: ports of the admin pages of the Envoys, which are closed to backends on the machine itself.
    """

    allowed_addresses: tuple[Annotated[str, AfterValidator(_check)], ...] = ()
    envoy_admin_ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = (19000,)
