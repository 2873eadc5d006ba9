"""Gateways that cannot be served to one Envoy together. Pure.

Envoy refuses a second listener on one address and port. Gateways that bind the same one are each served to
Envoys of their own; to an Envoy that takes all Gateways of a class only the older one is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from egxds.model.precedence import precedence
from egxds.model.resolved import ResolvedGateway


@dataclass(frozen=True, slots=True)
class ClassConflict:
    """An address and port that two Gateways of a class bind.

    Attributes:
        address: the address.
        port: the port.
        winner: the Gateway that is served to an Envoy of the class.
        loser: the Gateway whose listeners on the port are not.
    """

    address: str
    port: int
    winner: ResolvedGateway
    loser: ResolvedGateway


def find_class_conflicts(gateways: Iterable[ResolvedGateway]) -> tuple[ClassConflict, ...]:
    """Find the Gateways that lose an address and port to an older one of their class.

    Args:
        gateways: all that are served.

    Returns:
        The conflicts: of the losers the oldest first, one for each address and port.
    """
    owners: dict[tuple[str, str, int], ResolvedGateway] = {}
    conflicts = []
    for gateway in sorted(gateways, key=lambda gateway: precedence(gateway.gateway)):
        for address, port in _sockets(gateway):
            winner = owners.setdefault((gateway.class_name, address, port), gateway)
            if winner is not gateway:
                conflicts.append(ClassConflict(address, port, winner, gateway))
    return tuple(conflicts)


def losers(conflicts: Iterable[ClassConflict]) -> Mapping[str, frozenset[tuple[str, int]]]:
    """Return class name → (Gateway name, port) of what an Envoy of the class does not get."""
    found: dict[str, set[tuple[str, int]]] = {}
    for conflict in conflicts:
        found.setdefault(conflict.loser.class_name, set()).add((conflict.loser.name, conflict.port))
    return {class_name: frozenset(lost) for class_name, lost in sorted(found.items())}


def _sockets(gateway: ResolvedGateway) -> Iterator[tuple[str, int]]:
    ports = dict.fromkeys(listener.port for listener in gateway.listeners)
    return ((address, port) for port in ports for address in gateway.addresses)
