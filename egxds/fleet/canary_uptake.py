"""How far a candidate has come, by what replicas say of it (`CanaryStand`). Pure.

    a replica that takes Envoys and does not serve all of it ----> it lags
    a canary node that has taken all of it ----------------------> it has taken it
    a canary node that has refused something of it --------------> it refuses
    any other canary node that is connected ---------------------> it is pending

Of what is refused nothing is awaited, and without a canary node that is connected nobody knows anything yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from egxds.fleet.record import CanaryStand, ReplicaRecord


@dataclass(frozen=True, slots=True)
class CanaryUptake:
    """How far a candidate has come.

    Attributes:
        replicas: how many there are.
        lagging: those of them that are awaited, and why if they say so, by their names.
        connected: canary nodes.
        taken: those of them that have all of it.
        refusing: canary nodes that refuse something of it.
    """

    replicas: int
    lagging: tuple[tuple[str, str], ...]
    connected: int
    taken: int
    refusing: int

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for."""
        return bool(self.refusing) or self.is_taken

    @property
    def is_taken(self) -> bool:
        """Whether all canary nodes that are connected have it."""
        is_everywhere = self.replicas > 0 and not self.lagging
        return is_everywhere and not self.refusing and 0 < self.connected == self.taken

    def __str__(self) -> str:
        """Say how far it has come, in a line."""
        if not self.connected:
            return f"no canary node is connected to any of {self.replicas} replicas"
        refusing = f", {self.refusing} refuse it" if self.refusing else ""
        behind = f", {len(self.lagging)} of {self.replicas} replicas are behind" if self.lagging else ""
        return f"{self.taken} of {self.connected} canary nodes on {self.replicas} replicas have it{refusing}{behind}"


def canary_uptake(records: Iterable[ReplicaRecord], put_at: int) -> CanaryUptake:
    """Return how far a candidate has come.

    Args:
        records: what replicas say.
        put_at: revision of the change that put it there.
    """
    all_ = tuple(records)
    stands = [(record, stand_of(record, put_at)) for record in all_]
    there = [stand for _, stand in stands if stand is not None]
    return CanaryUptake(
        replicas=len(all_),
        lagging=tuple(
            (record.name, stand.fault if stand is not None else "")
            for record, stand in stands
            if record.takes_envoys and not (stand is not None and stand.is_served)
        ),
        connected=sum(stand.connected for stand in there),
        taken=sum(stand.taken for stand in there),
        refusing=sum(stand.refused for stand in there),
    )


def stand_of(record: ReplicaRecord, put_at: int) -> CanaryStand | None:
    """Return how far a candidate has come at a replica; None where it has it not."""
    stand = record.canary
    return stand if stand is not None and stand.put_at == put_at else None
