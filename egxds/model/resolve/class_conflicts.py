"""Gateways that cannot be served to one Envoy together. Pure.

Envoy refuses a second listener on one address and port, and is left with whichever came first. Gateways that bind the
same one are each served to Envoys of their own; to an Envoy that takes all Gateways of a class only the older one is.
Addresses are compared literally, as Envoy does: 0.0.0.0 and 127.0.0.1 on one port are two.

Who wins must not change by itself. An age is often not known, as files need not have one, and among those the name
decides; a new Gateway whose name sorts first would take the port of one in service. So it is remembered who has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from egxds.model.resolve.precedence import precedence
from egxds.model.resolve.resolved import ResolvedGateway
from egxds.object_key import ObjectKey


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


_Socket = tuple[str, str, int]
"""(GatewayClass, address, port)."""


class SocketBook:
    """Remembers which Gateway has which address and port, so that a newcomer takes none of them away."""

    def __init__(self) -> None:
        self._owners: dict[_Socket, ObjectKey] = {}

    def settle(self, gateways: Iterable[ResolvedGateway]) -> tuple[ClassConflict, ...]:
        """Find the Gateways that lose an address and port to another one of their class.

        The older one has it (Gateway API, conflict resolution). Of two whose age is not known, the one that had it
        before keeps it, and else the first by namespace and name has it.

        Args:
            gateways: all that are served.

        Returns:
            The conflicts: of the losers the oldest first, one for each address and port.
        """
        in_order = sorted(gateways, key=lambda gateway: precedence(gateway.gateway))
        claims = [(gateway, socket) for gateway in in_order for socket in _sockets(gateway)]
        claimants: dict[_Socket, list[ResolvedGateway]] = {}
        for gateway, socket in claims:
            claimants.setdefault(socket, []).append(gateway)
        winners = {socket: self._winner(socket, found) for socket, found in claimants.items()}
        self._owners = {socket: winner.gateway.key for socket, winner in winners.items()}
        return tuple(
            ClassConflict(socket[1], socket[2], winners[socket], gateway)
            for gateway, socket in claims
            if winners[socket] is not gateway
        )

    def _winner(self, socket: _Socket, found: Sequence[ResolvedGateway]) -> ResolvedGateway:
        owner = self._owners.get(socket)
        oldest = precedence(found[0].gateway)[0]
        peers = [gateway for gateway in found if precedence(gateway.gateway)[0] == oldest]
        return next((gateway for gateway in peers if gateway.gateway.key == owner), found[0])


def losers(conflicts: Iterable[ClassConflict]) -> Mapping[str, frozenset[tuple[str, int]]]:
    """Return class name → (Gateway name, port) of what an Envoy of the class does not get."""
    found: dict[str, set[tuple[str, int]]] = {}
    for conflict in conflicts:
        found.setdefault(conflict.loser.class_name, set()).add((conflict.loser.name, conflict.port))
    return {class_name: frozenset(lost) for class_name, lost in sorted(found.items())}


def _sockets(gateway: ResolvedGateway) -> list[_Socket]:
    ports = dict.fromkeys(listener.port for listener in gateway.listeners)
    return [(gateway.class_name, address, port) for port in ports for address in gateway.addresses]
