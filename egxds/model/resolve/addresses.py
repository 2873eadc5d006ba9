"""Which addresses a Gateway binds. Pure; remembers what it gave from the pool.

Source: Gateway API v1.6, GatewaySpec.addresses.

From a pool each Gateway gets an address that depends on its name alone, a hash of it, as long as no other has that
one: another process, or this one after a restart, comes to the same without a file to remember it in. Where two names
want one address the later one gets the next that is free, and keeps it while it needs one: nobody is ever moved,
because clients know the address. An address that a Gateway asks for by itself is taken out of the pool first.

The pool is never listed: an IPv6 network has more addresses than can be counted through. What is taken of it is
counted: by how many each address is, whether because it was given or because it was asked for. So an edit costs the
Gateways it is about, and those that waited for what it frees; looking for a free address goes past those in its way.
"""

from __future__ import annotations

import hashlib
import ipaddress
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import accumulate

from egxds.ip_text import ip_text
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

    def __init__(self, pool: Sequence[str], given: Mapping[ObjectKey, str] | None = None) -> None:
        """Open a book.

        Args:
            pool: networks, such as `127.0.10.0/24`; without any, every Gateway binds 0.0.0.0.
            given: what Gateways have from a pool already, and keep where it is of this one; nothing where none has.
        """
        self._pool = _Pool(pool)
        self._given = {key: address for key, address in (given or {}).items() if self._pool.holds(address)}
        self._asked: dict[ObjectKey, tuple[str, ...]] = {}
        self._waiting: set[ObjectKey] = set()
        for address in self._given.values():
            self._pool.take(address)

    @property
    def given(self) -> Mapping[ObjectKey, str]:
        """What Gateways have from the pool."""
        return self._given

    def update(self, gateways: Mapping[ObjectKey, ApiObject[GatewaySpec] | None]) -> AbstractSet[ObjectKey]:
        """Decide anew for some Gateways.

        Args:
            gateways: those of ours that changed or came; None for one that is gone, or is not ours any more.

        Returns:
            All that were given an address, which may be others that waited for one.
        """
        for key, gateway in gateways.items():
            self._ask(key, tuple(_asked_for(gateway)) if gateway is not None else ())
            self._wait(key, gateway is not None and _needs_address(gateway))
        given = frozenset(self._served_in_turn())
        self._waiting -= given
        return given

    def _served_in_turn(self) -> Iterator[ObjectKey]:
        """Give addresses to those that wait, by name, as long as there are any."""
        for key in () if self._pool.is_full else sorted(self._waiting):
            if not self._give(key):
                return
            yield key

    def _ask(self, key: ObjectKey, addresses: tuple[str, ...]) -> None:
        """Take out of the pool what a Gateway asks for by itself, and put back what it asked for before."""
        for address in addresses:
            self._pool.take(address)
        for address in self._asked.pop(key, ()):
            self._pool.release(address)
        if addresses:
            self._asked[key] = addresses

    def _wait(self, key: ObjectKey, needs_address: bool) -> None:
        if needs_address and key not in self._given:
            self._waiting.add(key)
        if not needs_address:
            self._waiting.discard(key)
            if key in self._given:
                self._pool.release(self._given.pop(key))

    def _give(self, key: ObjectKey) -> bool:
        address = self._pool.find(f"{key.namespace}/{key.name}")
        if address is None:
            return False
        self._given[key] = address
        self._pool.take(address)
        return True

    def judge(self, gateway: ApiObject[GatewaySpec]) -> AddressVerdict:
        """Decide what a Gateway binds.

        Args:
            gateway: one of ours, of which the book knows.
        """
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
    return None if address.is_multicast or is_broadcast else ip_text(address)


class _Pool:
    """The addresses of some networks, each with a number; some of them are taken, by one or by several."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        ends = tuple(accumulate(_host_count(network) for network in self._networks))
        self._starts = (0, *ends[:-1])
        self._size = ends[-1] if ends else 0
        self._takers: Counter[str] = Counter()

    @property
    def is_given(self) -> bool:
        return bool(self._networks)

    @property
    def is_full(self) -> bool:
        """Whether nothing is left, as far as the number of taken addresses tells; networks may overlap."""
        return len(self._takers) >= self._size

    def take(self, address: str) -> None:
        """Take an address out; one that is not of the pool is none of its business."""
        if self.holds(address):
            self._takers[address] += 1

    def release(self, address: str) -> None:
        """Put an address back that was taken."""
        if self.holds(address):
            self._takers[address] -= 1
            if not self._takers[address]:
                del self._takers[address]

    def find(self, name: str) -> str | None:
        """Return a free address for a name: the same one each time, unless that is taken."""
        start = int.from_bytes(hashlib.sha256(name.encode()).digest()) % self._size
        # Of more addresses than are taken one is free, so the search ends there in a network of any size.
        for step in range(min(self._size, len(self._takers) + 1)):
            address = self._at((start + step) % self._size)
            if address not in self._takers:
                return address
        return None

    def holds(self, address: str) -> bool:
        """Tell whether an address is of the pool."""
        parsed = ipaddress.ip_address(address)
        return any(_is_host(parsed, network) for network in self._networks)

    def _at(self, number: int) -> str:
        position = bisect_right(self._starts, number) - 1
        network = self._networks[position]
        return ip_text(network[number - self._starts[position] + _first_host(network)])


def _is_host(address: ipaddress.IPv4Address | ipaddress.IPv6Address, network: _Network) -> bool:
    if address not in network:
        return False
    return not _first_host(network) or address not in (network[0], network[-1])


def _host_count(network: _Network) -> int:
    return network.num_addresses - 2 * _first_host(network)


def _first_host(network: _Network) -> int:
    """Leave out the first and the last address of a network that is large enough to set them aside."""
    return 1 if network.max_prefixlen - network.prefixlen >= _SHORT_PREFIX else 0
