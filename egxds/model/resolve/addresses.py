"""Which addresses a Gateway binds. Pure; remembers what it gave from the pool.

Source: Gateway API v1.6, GatewaySpec.addresses.

From a pool each Gateway gets an address that depends on its name alone, a hash of it, as long as no other has that
one: another process, or this one after a restart, comes to the same without a file to remember it in. Where two names
want one address the later one gets the next that is free, and keeps it while it needs one: nobody is ever moved,
because clients know the address. An address that a Gateway asks for by itself is taken out of the pool first.

The pool is never listed: an IPv6 network has more addresses than can be counted through.
"""

from __future__ import annotations

import hashlib
import ipaddress
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from egxds.model.api.gateway import GatewayAddress, GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.faults import Fault, Reason
from egxds.object_key import ObjectKey

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 — what a Gateway binds that asks for nothing else
IP_ADDRESS = "IPAddress"

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SHORT_PREFIX = 2
"""Networks of fewer host bits than this have no addresses that are set aside."""


@dataclass(frozen=True, slots=True)
class AddressVerdict:
    """What a Gateway binds.

    Attributes:
        addresses: in the Gateway's own order.
        refusal: an address of a type that is not served; nothing where there is none.
        faults: why not every address that was asked for is bound.
    """

    addresses: tuple[str, ...]
    refusal: Fault | None = None
    faults: tuple[Fault, ...] = ()


class AddressBook:
    """Gives Gateways addresses; one that has an address from the pool keeps it as long as it needs one."""

    def __init__(self, pool: Sequence[str]) -> None:
        """Open a book.

        Args:
            pool: networks, such as `127.0.10.0/24`; without any, every Gateway binds 0.0.0.0.
        """
        self._pool = _Pool(pool)
        self._given: dict[ObjectKey, str] = {}

    def assign(self, gateways: Iterable[ApiObject[GatewaySpec]]) -> Mapping[ObjectKey, AddressVerdict]:
        """Decide for all Gateways at once.

        Args:
            gateways: all that are ours, sorted by name.
        """
        wanting = {gateway.key: gateway for gateway in gateways}
        taken = {address for gateway in wanting.values() for address in _asked_for(gateway)}
        self._given = {
            key: address for key, address in self._given.items() if key in wanting and _needs_address(wanting[key])
        }
        taken |= set(self._given.values())
        for key, gateway in wanting.items():
            if _needs_address(gateway) and key not in self._given:
                self._give(key, taken)
        return {key: self._judge(gateway) for key, gateway in wanting.items()}

    def _give(self, key: ObjectKey, taken: set[str]) -> None:
        address = self._pool.find(f"{key.namespace}/{key.name}", taken)
        if address is not None:
            self._given[key] = address
            taken.add(address)

    def _judge(self, gateway: ApiObject[GatewaySpec]) -> AddressVerdict:
        wanted = gateway.content.addresses or (GatewayAddress(),)
        addresses: dict[str, None] = {}
        faults: list[Fault] = []
        for position, address in enumerate(wanted):
            if address.type != IP_ADDRESS:
                message = f"addresses of type {address.type} are not served; write an IPAddress"
                path = ("spec", "addresses", position)
                return AddressVerdict((), Fault(Reason.UNSUPPORTED_ADDRESS, message, path))
            found = self._one(gateway, address, position)
            if isinstance(found, Fault):
                faults.append(found)
            else:
                addresses[found] = None
        return AddressVerdict(tuple(addresses), None, tuple(faults))

    def _one(self, gateway: ApiObject[GatewaySpec], address: GatewayAddress, position: int) -> str | Fault:
        path = ("spec", "addresses", position)
        if address.value:
            usable = _usable(address.value)
            message = f"address {address.value} cannot be bound: it is not the IP address of one machine"
            return usable or Fault(Reason.ADDRESS_NOT_USABLE, message, path)
        if not self._pool.is_given:
            return EVERY_ADDRESS
        message = "every address of the pool is taken; widen addresses.pool in the settings, or set spec.addresses"
        return self._given.get(gateway.key) or Fault(Reason.ADDRESS_NOT_ASSIGNED, message, path)


def _needs_address(gateway: ApiObject[GatewaySpec]) -> bool:
    return any(not address.value for address in gateway.content.addresses or (GatewayAddress(),))


def _asked_for(gateway: ApiObject[GatewaySpec]) -> Iterator[str]:
    for address in gateway.content.addresses:
        usable = _usable(address.value or "") if address.type == IP_ADDRESS else None
        if usable:
            yield usable


def _usable(value: str) -> str | None:
    """Return an address in its one spelling, None where it is none that a socket can be bound to."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return None
    is_broadcast = address == ipaddress.IPv4Address("255.255.255.255")
    return None if address.is_multicast or is_broadcast else str(address)


class _Pool:
    """The addresses of some networks, each with a number."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        ends = tuple(accumulate(_host_count(network) for network in self._networks))
        self._starts = (0, *ends[:-1])
        self._size = ends[-1] if ends else 0

    @property
    def is_given(self) -> bool:
        return bool(self._networks)

    def find(self, name: str, taken: set[str]) -> str | None:
        """Return a free address for a name: the same one each time, unless that is taken."""
        if not self._size:
            return None
        start = int.from_bytes(hashlib.sha256(name.encode()).digest()) % self._size
        # Of more addresses than are taken one is free, so the search ends there in a network of any size.
        for step in range(min(self._size, len(taken) + 1)):
            address = self._at((start + step) % self._size)
            if address not in taken:
                return address
        return None

    def _at(self, number: int) -> str:
        position = bisect_right(self._starts, number) - 1
        network = self._networks[position]
        return str(network[number - self._starts[position] + _first_host(network)])


def _host_count(network: _Network) -> int:
    return network.num_addresses - 2 * _first_host(network)


def _first_host(network: _Network) -> int:
    """Leave out the first and the last address of a network that is large enough to set them aside."""
    return 1 if network.max_prefixlen - network.prefixlen >= _SHORT_PREFIX else 0
