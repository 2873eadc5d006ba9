"""Gateways that cannot be served to one Envoy together. Pure; settles again what changed.

Envoy refuses a second listener on one address and port, and is left with whichever came first. Gateways that bind the
same one are each served to Envoys of their own; to an Envoy that takes all Gateways of a class only the older one is.
Addresses are compared literally, as Envoy does: 0.0.0.0 and 127.0.0.1 on one port are two.

Who wins must not change by itself. An age is often not known, as files need not have one, and among those the name
decides; a new Gateway whose name sorts first would take the port of one in service. So it is remembered who has it.

Of each socket the claimants are kept sorted, so that a Gateway which changes is compared with the first of each of its
sockets. Only where a socket gets another owner everybody else there is told, since what they lose it to is another.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from egxds.model.resolve.listener_protocols import Transport
from egxds.model.resolve.precedence import Precedence, precedence
from egxds.model.resolve.resolved import ResolvedGateway
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class ClassConflict:
    """An address and port that two Gateways of a class bind.

    Attributes:
        class_name: the class.
        address: the address.
        port: the port.
        transport: what the port is numbered for.
        winner: the Gateway that is served to an Envoy of the class.
        loser: the Gateway whose listeners on the port are not.
    """

    class_name: str
    address: str
    port: int
    transport: Transport
    winner: ObjectKey
    loser: ObjectKey


Socket = tuple[str, str, int, Transport]
"""(GatewayClass, address, port, what that is numbered for)."""

Lost = Mapping[str, frozenset[tuple[str, int, Transport]]]
"""Class name → (Gateway name, port, its transport)."""


class SocketBook:
    """Remembers which Gateway has which address and port, so that a newcomer takes none of them away.

    Attributes:
        lost: what an Envoy of a class does not get; never changed, but replaced.
    """

    def __init__(self, owners: Mapping[Socket, ObjectKey] | None = None) -> None:
        """Open a book.

        Args:
            owners: who has what already; nothing where nobody has.
        """
        self.lost: Lost = {}
        self._owners = dict(owners or {})
        self._claims: dict[ObjectKey, _Claim] = {}
        self._claimants: dict[Socket, list[tuple[Precedence, ObjectKey]]] = {}
        self._conflicts: dict[ObjectKey, tuple[ClassConflict, ...]] = {}

    @property
    def owners(self) -> Mapping[Socket, ObjectKey]:
        """Which Gateway has which address and port of a class."""
        return self._owners

    def update(self, gateways: Mapping[ObjectKey, ResolvedGateway | None]) -> AbstractSet[ObjectKey]:
        """Settle the addresses and ports of some Gateways.

        The older one has it (Gateway API, conflict resolution). Of two whose age is not known, the one that had it
        before keeps it, and else the first by namespace and name has it.

        Args:
            gateways: those that changed or came; None for one that is not served any more.

        Returns:
            The Gateways that lose otherwise than before.
        """
        claims = {key: _claim(gateway) for key, gateway in gateways.items()}
        changed = {key: claim for key, claim in claims.items() if claim != self._claims.get(key, _NO_CLAIM)}
        sockets = [socket for key, claim in changed.items() for socket in self._move(key, claim)]
        # A socket in two of them is settled once.
        concerned = {*changed, *(key for socket in dict.fromkeys(sockets) for key in self._settle(socket))}
        before = {key: self.conflicts(key) for key in concerned}
        now = {key: found for key in concerned if (found := self._note(key)) != before[key]}
        if now:
            self.lost = _lost(self.lost, [before[key] for key in now], now.values())
        return now.keys()

    def conflicts(self, key: ObjectKey) -> tuple[ClassConflict, ...]:
        """Return what a Gateway loses to others of its class, one for each address and port."""
        return self._conflicts.get(key, ())

    def _move(self, key: ObjectKey, claim: _Claim) -> Iterator[Socket]:
        """Take over what a Gateway binds, and yield what it did and does."""
        before = self._claims.pop(key, _NO_CLAIM)
        for socket in before.sockets:
            claimants = self._claimants[socket]
            del claimants[bisect_left(claimants, (before.precedence, key))]
        if claim.sockets:
            self._claims[key] = claim
        for socket in claim.sockets:
            insort(self._claimants.setdefault(socket, []), (claim.precedence, key))
        yield from (*before.sockets, *claim.sockets)

    def _settle(self, socket: Socket) -> Iterable[ObjectKey]:
        """Decide who has an address and port; return all that want it where that is another one than before."""
        claimants, before = self._claimants[socket], self._owners.pop(socket, None)
        if not claimants:
            del self._claimants[socket]
            return ()
        oldest, first = claimants[0]
        claim = self._claims.get(before, _NO_CLAIM) if before is not None else _NO_CLAIM
        keeps = before is not None and socket in claim.sockets and claim.precedence[0] == oldest[0]
        owner = self._owners[socket] = before if before is not None and keeps else first
        return () if owner == before else [key for _, key in claimants]

    def _note(self, key: ObjectKey) -> tuple[ClassConflict, ...]:
        """Note what a Gateway loses, and return it."""
        found = tuple(
            ClassConflict(*socket, self._owners[socket], key)
            for socket in self._claims.get(key, _NO_CLAIM).sockets
            if self._owners[socket] != key
        )
        if found:
            self._conflicts[key] = found
        else:
            self._conflicts.pop(key, None)
        return found


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a Gateway binds, and how old it is."""

    precedence: Precedence
    sockets: tuple[Socket, ...]


_NO_CLAIM = _Claim((datetime.min.replace(tzinfo=UTC), "", "", ""), ())


def _claim(gateway: ResolvedGateway | None) -> _Claim:
    if gateway is None or not gateway.listeners:
        return _NO_CLAIM
    ports = dict.fromkeys((listener.port, listener.protocol.transport) for listener in gateway.listeners)
    sockets = ((gateway.class_name, address, *port) for port in ports for address in gateway.addresses)
    return _Claim(precedence(gateway.gateway), tuple(sockets))


def _lost(lost: Lost, before: Iterable[tuple[ClassConflict, ...]], now: Iterable[tuple[ClassConflict, ...]]) -> Lost:
    """Return what is lost in each class after some Gateways lose otherwise than before."""
    gone, come = _by_class(before), _by_class(now)
    edited = {name: lost.get(name, frozenset()).difference(gone[name]).union(come[name]) for name in {*gone, *come}}
    return {name: found for name, found in {**lost, **edited}.items() if found}


def _by_class(conflicts: Iterable[tuple[ClassConflict, ...]]) -> defaultdict[str, set[tuple[str, int, Transport]]]:
    found: defaultdict[str, set[tuple[str, int, Transport]]] = defaultdict(set)
    for conflict in chain.from_iterable(conflicts):
        loser = f"{conflict.loser.namespace}/{conflict.loser.name}"
        found[conflict.class_name].add((loser, conflict.port, conflict.transport))
    return found
