"""A fleet in memory: replicas that decide for themselves by old records, and Envoys that go where they like."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from egxds.fleet.shares import LetGo, Load, Spreading

Choose = Callable[[Sequence[int], int, random.Random], int]
"""Where an Envoy goes: replicas that take it, the one that it was at, and lots."""

RECORD_AGE = 2
"""Rounds after which others know how many Envoys a replica has."""

LINGERS = 11
"""Rounds for which the record of a replica stands that has died."""

AWAY = 1
"""Rounds for which an Envoy that was let go is nowhere."""


def in_order(replicas: Sequence[int], at: int, _lots: random.Random) -> int:
    """Go to the next in the list."""
    return next((each for each in replicas if each > at), replicas[0])


def at_random(replicas: Sequence[int], _at: int, lots: random.Random) -> int:
    """Go anywhere, also back."""
    return lots.choice(replicas)


def stays(replicas: Sequence[int], at: int, lots: random.Random) -> int:
    """Go back to where it was, as by way of a load balancer that leads nowhere else."""
    return at if at in replicas else lots.choice(replicas)


@dataclass
class Replica:
    """One replica.

    Attributes:
        envoys: ids of those that are connected, and whether each is in sync.
        takes_more: whether it takes any.
        let_go: how many it has let go.
    """

    envoys: dict[str, bool] = field(default_factory=dict)
    takes_more: bool = True
    let_go: int = 0
    told: list[Load] = field(default_factory=list)
    spreading: Spreading = field(default_factory=Spreading)
    known: LetGo = field(default_factory=LetGo)

    def load(self) -> Load:
        """Return what others know of it."""
        return self.told[0]

    def tell(self) -> None:
        """Write its record, which others read some rounds later."""
        self.told = [*self.told[-RECORD_AGE:], Load(len(self.envoys), self.takes_more)]


class Fleet:
    """Replicas and Envoys.

    Attributes:
        replicas: by number; one that has gone is None.
        moves: for each Envoy that was let go, whether it was in sync.
    """

    def __init__(self, loads: Sequence[int], choose: Choose, seed: int = 0) -> None:
        self.replicas: list[Replica | None] = []
        self.moves: list[bool] = []
        self._choose = choose
        self._lots = random.Random(seed)
        self._now = 0
        self._away: list[tuple[int, str, int]] = []
        self._made = 0
        self._ghosts: list[tuple[int, Load]] = []
        for count in loads:
            self.join()
            self.connect(count, len(self.replicas) - 1)

    def join(self) -> None:
        """Have another replica."""
        self.replicas.append(Replica())
        self.replicas[-1].tell()  # type: ignore[union-attr]

    def connect(self, count: int, at: int) -> None:
        """Have more Envoys at a replica."""
        found = self.replicas[at]
        for _ in range(count if found is not None else 0):
            self._made += 1
            found.envoys[f"envoy-{self._made}"] = True  # type: ignore[union-attr]

    def die(self, at: int) -> None:
        """Have a replica end without a word: others go by its record for some time."""
        found = self.replicas[at]
        if found is not None:
            self._ghosts.append((self._now + LINGERS, found.load()))
        self.leave(at)

    def leave(self, at: int) -> None:
        """Have a replica end; its Envoys go to others."""
        found, self.replicas[at] = self.replicas[at], None
        for node in found.envoys if found is not None else ():
            self._away.append((self._now + AWAY, node, at))

    def rounds(self, count: int) -> None:
        """Have so many seconds pass."""
        for _ in range(count):
            self._now += 1
            self._arrive()
            for at, replica in enumerate(self.replicas):
                if replica is not None:
                    self._decide(at, replica)
            for _, replica in self._alive():
                replica.tell()

    def loads(self) -> list[int]:
        """Return how many Envoys each replica has."""
        return [len(replica.envoys) for _, replica in self._alive()]

    def _alive(self) -> list[tuple[int, Replica]]:
        return [(at, replica) for at, replica in enumerate(self.replicas) if replica is not None]

    def _arrive(self) -> None:
        takers = [at for at, replica in self._alive() if replica.takes_more]
        due = [each for each in self._away if each[0] <= self._now] if takers else []
        self._away = [each for each in self._away if each not in due]
        for _, node, was_at in due:
            self.replicas[self._choose(takers, was_at, self._lots)].envoys[node] = True  # type: ignore[union-attr]

    def _decide(self, at: int, replica: Replica) -> None:
        if not replica.takes_more:
            replica.spreading.rest()
            return
        others = [other.load() for number, other in self._alive() if number != at]
        others += [load for ends, load in self._ghosts if ends > self._now]
        most = replica.spreading.surplus(len(replica.envoys), others, self._now)
        may_go = [node for node, in_sync in replica.envoys.items() if in_sync and replica.known.may_go(node, self._now)]
        for node in self._lots.sample(may_go, min(most, len(may_go))):
            self.moves.append(replica.envoys.pop(node))
            replica.let_go += 1
            replica.known.went(node, self._now)
            self._away.append((self._now + AWAY, node, at))
