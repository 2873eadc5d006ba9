"""How far a generation has come, by what replicas say of themselves. Pure.

    a replica at an older generation, or in the middle of taking it ----> it lags
    an Envoy of one that has it, in sync -------------------------------> it has taken it
    an Envoy of one that has it, which refuses something ----------------> it refuses
    any other ----------------------------------------------------------> it is pending

A replica that is at a later generation has had this one. What is pending may still come to something; of what is
refused nothing is awaited.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from egxds.fleet.record import ReplicaRecord


@dataclass(frozen=True, slots=True)
class Uptake:
    """How far a generation has come.

    Attributes:
        replicas: how many there are.
        lagging: those of them that do not serve it yet.
        taken: Envoys that have it.
        pending: Envoys that do not have it yet, those of replicas that lag included.
        refusing: Envoys that refuse something of it.
    """

    replicas: int
    lagging: tuple[ReplicaRecord, ...]
    taken: int
    pending: int
    refusing: int

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.replicas > 0 and not self.lagging and not self.pending

    @property
    def is_taken(self) -> bool:
        """Whether all have it."""
        return self.is_over and not self.refusing

    def __str__(self) -> str:
        """Say how far it has come, in a line."""
        envoys = self.taken + self.pending + self.refusing
        refusing = f", {self.refusing} refuse it" if self.refusing else ""
        behind = f", {len(self.lagging)} of {self.replicas} replicas are behind" if self.lagging else ""
        return f"{self.taken} of {envoys} Envoys on {self.replicas} replicas have it{refusing}{behind}"


def has_it(record: ReplicaRecord, generation: int) -> bool:
    """Tell whether a replica serves a generation, or a later one."""
    return record.generation >= generation and bool(record.served)


def uptake_of(records: Iterable[ReplicaRecord], generation: int) -> Uptake:
    """Return how far a generation has come.

    Args:
        records: what replicas say.
        generation: its number.
    """
    all_ = tuple(records)
    having = [record for record in all_ if has_it(record, generation)]
    lagging = tuple(record for record in all_ if not has_it(record, generation))
    return Uptake(
        replicas=len(all_),
        lagging=lagging,
        taken=sum(record.envoys.in_sync for record in having),
        pending=sum(record.envoys.pending for record in having) + sum(record.envoys.total for record in lagging),
        refusing=sum(record.envoys.refusing for record in having),
    )
