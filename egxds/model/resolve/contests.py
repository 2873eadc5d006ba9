"""Which of several routes has a hostname of a listener that only one of them can have. Pure; settles what changed.

Requests are looked at one by one, and so several routes share a hostname. A connection, or a datagram, goes to one
route as a whole: to the older one, then to the first by `namespace/name` (Gateway API, conflict resolution). The others
stay accepted and are counted as attached (UDPRoute and TCPRoute at one listener, as the conformance suite has it); they
get nothing, and are told to whom they lose.

Of each hostname of each listener the claimants are kept sorted, so that a route is compared with the first of each of
its hostnames. Only where one gets another owner everybody else there is told, since what they lose it to is another.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from egxds.model.resolve.precedence import Precedence
from egxds.object_key import ObjectKey


class Claim(NamedTuple):
    """A hostname of a listener that a route is for.

    Attributes:
        gateway: whose listener it is.
        listener: its name.
        hostname: `*` where nothing tells connections apart.
    """

    gateway: ObjectKey
    listener: str
    hostname: str


class LostHostname(NamedTuple):
    """A hostname that a route would have, and an older one has.

    Attributes:
        claim: the hostname, and where.
        winner: the route that has it.
    """

    claim: Claim
    winner: ObjectKey


_NO_CLAIMS: frozenset[Claim] = frozenset()
_Claimants = list[tuple[Precedence, ObjectKey]]


class HostnameContests:
    """Knows who has which hostname of which listener, of the routes that cannot share one."""

    def __init__(self) -> None:
        """Start without routes."""
        self._claims: dict[ObjectKey, tuple[Precedence, frozenset[Claim]]] = {}
        self._claimants: dict[Claim, _Claimants] = {}

    def claim(self, key: ObjectKey, age: Precedence, claims: Iterable[Claim]) -> AbstractSet[ObjectKey]:
        """Take over what a route is for now.

        Args:
            key: the route.
            age: of the route.
            claims: none where it is gone.

        Returns:
            The other routes that have or lose otherwise than before.
        """
        before, now = self._claims.pop(key, (age, _NO_CLAIMS)), (age, frozenset(claims))
        if now[1]:
            self._claims[key] = now
        if now == before:
            return frozenset()
        owners = {each: self._owner(each) for each in before[1] | now[1]}
        for each in before[1]:
            self._leave(each, (before[0], key))
        for each in now[1]:
            insort(self._claimants.setdefault(each, []), (age, key))
        renewed = (each for each, owner in owners.items() if self._owner(each) != owner)
        return frozenset(other for each in renewed for _, other in self._claimants.get(each, ())) - {key}

    def lost(self, key: ObjectKey) -> tuple[LostHostname, ...]:
        """Return what a route does not get, in order."""
        _, claims = self._claims.get(key, (None, _NO_CLAIMS))
        return tuple(self._lost(key, sorted(claims)))

    def _lost(self, key: ObjectKey, claims: Iterable[Claim]) -> Iterator[LostHostname]:
        for each in claims:
            winner = self._owner(each)
            if winner is not None and winner != key:
                yield LostHostname(each, winner)

    def _owner(self, claim: Claim) -> ObjectKey | None:
        claimants = self._claimants.get(claim)
        return claimants[0][1] if claimants else None

    def _leave(self, claim: Claim, claimant: tuple[Precedence, ObjectKey]) -> None:
        claimants = self._claimants[claim]
        del claimants[bisect_left(claimants, claimant)]
        if not claimants:
            del self._claimants[claim]
