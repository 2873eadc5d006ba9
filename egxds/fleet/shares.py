"""How many Envoys a replica lets go, so that all replicas have about as many. Pure.

    share       all Envoys, by the records of all replicas, divided by those that take some; rounded up
    too many    more than the share, and by more than a tenth of it; or more than the share while another replica
                lacks more than a tenth of it, as one does that has just come

    LEFT ALONE ---- too many for 3 s, and for 15 s there
                    are not more of them in all ------------> LETTING GO: some each second, fewer the fewer are left
    LETTING GO ---- no more than the share ----------------> LEFT ALONE

The record of a replica that has died stands for some seconds, and its Envoys are counted twice meanwhile: there seem to
be more of them in all. Where Envoys do no more than to change over there are not, and nobody waits for that.

Who has no more than the share does nothing, so that a balanced fleet is at rest; who lets go stops at the share and not
at the edge of what would begin it again. What others say is a second old, and an Envoy on its way is counted nowhere:
so the largest number of Envoys of the last seconds counts, and none goes for want of those.

It is decided by each replica for itself: all have the same records. Where an Envoy goes is its own choice. One that
comes back at once, by a load balancer that leads nowhere else or since it knows no other replica, is not let go again
before a minute has passed, and each further time before twice as long.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

STEADY_S = 3.0
GROWTH_S = 15.0
"""Longer than the record of a replica that has died stands."""

EVERY_S = 1.0

_TOLERANCE = 10
"""Part of the share."""

_MEMORY_S = 5.0
_ROUNDS = 5
"""In which what is too much goes down to a third, about."""

_FEW = 10
_PART_OF_ALL = 20
"""More than a few go at once only as this part of all."""

_COOL_S = 60.0
_COOLEST_S = 3600.0
_MOST_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Load:
    """What a replica has.

    Attributes:
        envoys: how many are connected.
        takes_more: whether it is ready for some, and not about to end.
    """

    envoys: int
    takes_more: bool


class Spreading:
    """Decides for one replica."""

    def __init__(self) -> None:
        """Leave all alone."""
        self._totals: list[tuple[float, int]] = []
        self._grown_at_s = -math.inf
        self._too_many_since_s: float | None = None
        self._is_letting_go = False

    def surplus(self, own: int, others: Iterable[Load], now_s: float) -> int:
        """Return how many Envoys are to go in this round; asked once each second.

        Args:
            own: Envoys that are connected here.
            others: what other replicas have.
            now_s: monotonic seconds.
        """
        loads = tuple(others)
        takers = [own, *(load.envoys for load in loads if load.takes_more)]
        total = self._largest(own + sum(load.envoys for load in loads), now_s)
        share = math.ceil(total / len(takers))
        if own <= share or len(takers) == 1:
            self.rest()
            return 0
        if not self._is_letting_go:
            has_lasted = self._has_lasted(_is_too_many(own, takers, total), now_s)
            self._is_letting_go = has_lasted and now_s - self._grown_at_s >= GROWTH_S
        if not self._is_letting_go:
            return 0
        return min(math.ceil((own - share) / _ROUNDS), max(_FEW, own // _PART_OF_ALL))

    def rest(self) -> None:
        """Leave all alone until there are too many again."""
        self._is_letting_go, self._too_many_since_s = False, None

    def _has_lasted(self, is_too_many: bool, now_s: float) -> bool:
        if not is_too_many:
            self._too_many_since_s = None
            return False
        if self._too_many_since_s is None:
            self._too_many_since_s = now_s
        return now_s - self._too_many_since_s >= STEADY_S

    def _largest(self, total: int, now_s: float) -> int:
        self._totals = [(at_s, each) for at_s, each in self._totals if now_s - at_s < GROWTH_S]
        if total > max((each for _, each in self._totals), default=-1):
            self._grown_at_s = now_s
        self._totals.append((now_s, total))
        return max(each for at_s, each in self._totals if now_s - at_s < _MEMORY_S)


def _is_too_many(own: int, takers: list[int], total: int) -> bool:
    share = math.ceil(total / len(takers))
    tolerance = share // _TOLERANCE
    return own - share > tolerance or total // len(takers) - min(takers) > tolerance


class LetGo:
    """Which Envoys were let go, so that none is again and again."""

    def __init__(self) -> None:
        """Know of none."""
        self._known: dict[str, tuple[float, float]] = {}

    def may_go(self, node_id: str, now_s: float) -> bool:
        """Tell whether an Envoy may be let go.

        Args:
            node_id: which.
            now_s: monotonic seconds.
        """
        at_s, cool_s = self._known.get(node_id, (-math.inf, 0.0))
        return now_s - at_s >= cool_s

    def went(self, node_id: str, now_s: float) -> None:
        """Take note that an Envoy was let go."""
        at_s, cool_s = self._known.pop(node_id, (-math.inf, 0.0))
        is_again = now_s - at_s < _COOLEST_S
        self._known[node_id] = (now_s, min(_COOLEST_S, 2 * cool_s) if is_again else _COOL_S)
        if len(self._known) > _MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
