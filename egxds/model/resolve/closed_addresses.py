"""Addresses that no backend may have, as traffic would reach by them what is not for it. Pure.

    the machine itself, at a port of ours     Envoy's admin page, which stops it and shows its secrets; the xDS port and
                                              the admin page of egxds
    an address that these are bound to        the same from elsewhere
    link-local addresses, and others at       the metadata of clouds, with credentials of the machine
    which clouds serve the same
    the Unix socket of the xDS port

Everything else on the machine is a backend like any other: Envoy runs beside what it serves. An address counts by what
a connection to it reaches, and not by how it is written: `0.0.0.0`, `::ffff:127.0.0.1`, `127.1` and `localhost` are
the machine itself. What a name of somebody's own resolves to is known to Envoy alone; and where a port is bound to all
addresses of the machine, those beyond loopback are not known here.

Source: Envoy Gateway, Backend API, which refuses loopback altogether.
"""

from __future__ import annotations

import ipaddress
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from egxds.model.resolve.upstreams import EndpointAddress, PipeAddress, SocketAddress
from egxds.settings.backends import AllowedAddress, BackendSettings, Network, parse_allowed

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

_UNIX = "unix:"
_LOCALHOST = ipaddress.ip_address("127.0.0.1")
_METADATA = ipaddress.ip_address("169.254.169.254")
TRANSLATED_NETWORK = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses behind NAT64 (RFC 6052)."""

CLOUD_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        (
            "169.254.0.0/16",
            "fe80::/10",
            "fd00:ec2::254/128",  # AWS
            "fd00:ec2::23/128",  # AWS, for pods
            "fd20:ce::254/128",  # Google Cloud
            "100.100.100.200/32",  # Alibaba Cloud
            "168.63.129.16/32",  # Azure
            "192.0.0.192/32",  # Oracle Cloud
        ),
    )
)
"""Where clouds serve the metadata of a machine."""

_NAMES: Mapping[str, Ip] = {
    **dict.fromkeys(
        (
            "localhost",
            "localhost4",
            "localhost6",
            "localhost.localdomain",
            "localhost4.localdomain4",
            "localhost6.localdomain6",
            "ip6-localhost",
            "ip6-loopback",
        ),
        _LOCALHOST,
    ),
    **dict.fromkeys(
        (
            "metadata",
            "metadata.google.internal",
            "metadata.goog",
            "instance-data",
            "instance-data.ec2.internal",
            "metadata.azure.internal",
            "metadata.tencentyun.com",
        ),
        _METADATA,
    ),
}
"""Names that are known to resolve to what is closed → the address that stands for it."""


@dataclass(frozen=True, slots=True)
class _OwnPort:
    what: str
    host: Ip | str
    port: int


@dataclass(frozen=True, slots=True)
class ClosedAddresses:
    """Knows which addresses are closed to backends.

    Attributes:
        ports: those of ours, and of the Envoys.
        sockets: path → what listens there.
        allowed: what is open all the same.
    """

    ports: tuple[_OwnPort, ...]
    sockets: tuple[tuple[str, str], ...]
    allowed: tuple[AllowedAddress, ...]

    @classmethod
    def of(cls, xds: str, admin: str, backends: BackendSettings, asked: Iterable[str] = ()) -> Self:
        """Take from the settings where the ports are, and what is allowed.

        Args:
            xds: address of the xDS port.
            admin: address of the admin page.
            backends: the rest.
            asked: addresses of the admin pages of Envoys that are asked.
        """
        own = [
            ("the xDS port of egxds", xds),
            ("the admin page of egxds", admin),
            *(("Envoy's admin page", each) for each in asked),
        ]
        envoys = (_OwnPort("Envoy's admin page", _LOCALHOST, port) for port in backends.envoy_admin_ports)
        sockets = ((_path(text), what) for what, text in own if text.startswith(_UNIX))
        allowed = map(parse_allowed, backends.allowed_addresses)
        return cls((*envoys, *_own_ports(own)), tuple(sockets), tuple(allowed))

    def refusal(self, address: EndpointAddress) -> str:
        """Say why a backend may not have an address; empty where it may."""
        if isinstance(address, PipeAddress):
            what = dict(self.sockets).get(_path(address.path), "")
            return f"unix:{address.path} is {what}, which traffic must not reach" if what else ""
        host = _host(address.address)
        what = self._closed(host, address.port)
        if not what or self._is_allowed(host, address):
            return ""
        written = f"[{address.address}]" if ":" in address.address else address.address
        return (
            f"{written}:{address.port} is {what}, which traffic must not reach; where that is meant, list it in "
            "backends.allowedAddresses of the settings"
        )

    def _closed(self, host: Ip | str, port: int) -> str:
        for own in self.ports:
            if own.port == port and (host == own.host or (_is_here(host) and _is_here(own.host))):
                return own.what
        if any(_is_in(host, network) for network in CLOUD_NETWORKS):
            return "a link-local address or one of a cloud's metadata"
        return ""

    def _is_allowed(self, host: Ip | str, address: SocketAddress) -> bool:
        name = _name(address.address)
        for allowed in self.allowed:
            is_meant = allowed.name == name or (allowed.network is not None and _is_in(host, allowed.network))
            if is_meant and allowed.port in (None, address.port):
                return True
        return False


def _own_ports(own: Iterable[tuple[str, str]]) -> Iterator[_OwnPort]:
    for what, text in own:
        host, _, port = text.rpartition(":")
        if port.isascii() and port.isdigit() and not text.startswith(_UNIX):
            yield _OwnPort(what, _host(host.removeprefix("[").removesuffix("]")), int(port))


def _path(text: str) -> str:
    return posixpath.normpath(text.removeprefix(_UNIX))


def _is_in(host: Ip | str, network: Network) -> bool:
    return not isinstance(host, str) and host in network


def _is_here(host: Ip | str) -> bool:
    """Tell whether a connection to an address stays on the machine; one to the unspecified address does."""
    return not isinstance(host, str) and (host.is_loopback or host.is_unspecified)


def _name(text: str) -> str:
    return text.lower().rstrip(".")


def _host(text: str) -> Ip | str:
    """Return the address that a text stands for; the name, where only Envoy knows."""
    name = _name(text)
    try:
        return _plain(ipaddress.ip_address(name))
    except ValueError:
        if name.endswith(".localhost"):
            return _LOCALHOST
        return _NAMES.get(name) or _by_numbers(name) or name


def _plain(address: Ip) -> Ip:
    """Return the IPv4 address that an IPv6 address wraps, if it wraps one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    is_compatible = 1 < int(address) < 1 << 32
    wrapped = int(address) & 0xFFFFFFFF if address in TRANSLATED_NETWORK or is_compatible else None
    return address.ipv4_mapped or (ipaddress.IPv4Address(wrapped) if wrapped is not None else address)


def _by_numbers(name: str) -> Ip | None:
    """Read what `inet_aton` takes for an address: up to four numbers in any base, the last of which fills the rest."""
    numbers = [_number(part) for part in name.split(".")]
    if len(numbers) > 4 or None in numbers:
        return None
    *first, last = (number for number in numbers if number is not None)
    room = 1 << 8 * (4 - len(first))
    if last >= room or any(number > 255 for number in first):
        return None
    return ipaddress.IPv4Address(int.from_bytes(bytes(first), "big") * room + last)


def _number(part: str) -> int | None:
    base = 16 if part.startswith("0x") else 8 if part.startswith("0") else 10
    try:
        return int(part, base) if part.isalnum() else None
    except ValueError:
        return None
