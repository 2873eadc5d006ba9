"""Addresses that no backend may have, as ranges: for where an address is known to Envoy alone. Pure.

An address counts in every way to write it in an IPv6 address, as `closed_addresses` reads it. What is allowed by a name
is not allowed here: nobody knows which name an address was found by.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

from egxds.model.resolve.closed_addresses import CLOUD_NETWORKS, TRANSLATED_NETWORK, ClosedAddresses, Ip
from egxds.settings.backends import Network

_HERE = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "0.0.0.0/32", "::1/128", "::/128")))
"""What leads to the machine itself."""

_WRAPPING = (ipaddress.ip_network("::ffff:0:0/96"), TRANSLATED_NETWORK, ipaddress.ip_network("::/96"))
"""IPv6 networks whose addresses end with an IPv4 address that they stand for."""


class AddressRange(NamedTuple):
    """Some addresses.

    Attributes:
        network: all of them.
        port: the one that is meant; None for all.
    """

    network: Network
    port: int | None = None


class ClosedRanges(NamedTuple):
    """What is closed, but for what is open.

    Attributes:
        closed: at least one.
        open: of these, what is allowed all the same.
    """

    closed: tuple[AddressRange, ...]
    open: tuple[AddressRange, ...]


def closed_ranges(addresses: ClosedAddresses) -> ClosedRanges:
    """Return what is closed as ranges, sorted by nothing and each once."""
    own = ((network, each.port) for each in addresses.ports for network in _leading_to(each.host))
    closed = (*own, *((network, None) for network in CLOUD_NETWORKS))
    open_ = ((each.network, each.port) for each in addresses.allowed if each.network is not None)
    return ClosedRanges(
        tuple(dict.fromkeys(each for network, port in closed for each in _as_written(network, port))),
        tuple(dict.fromkeys(each for network, port in open_ for each in _as_written(network, port))),
    )


def _leading_to(host: Ip | str) -> tuple[Network, ...]:
    if isinstance(host, str):
        return ()
    return _HERE if host.is_loopback or host.is_unspecified else (ipaddress.ip_network(host),)


def _as_written(network: Network, port: int | None) -> Iterator[AddressRange]:
    """Yield a range in every way to write it."""
    yield AddressRange(network, port)
    if isinstance(network, ipaddress.IPv4Network):
        for wrapping in _WRAPPING:
            first = int(wrapping.network_address) | int(network.network_address)
            yield AddressRange(ipaddress.IPv6Network((first, network.prefixlen + wrapping.prefixlen)), port)
