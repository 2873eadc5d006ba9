"""Replicas that serve different resources though the same generation is in force on them. Pure.

Equal input is to come to equal bytes. Where it does not, hooks have answered one replica otherwise than another, or
fail there; a replica serves something else in the place of what is refused; or egxds is of different versions. An
Envoy that goes from one to the other is sent the difference each time.

Replicas are never at one moment where they are: what each says is a second old, and hooks come back to one before the
other. So it counts once it has been so for some time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from egxds.fleet.record import ReplicaRecord

LASTING_S = 5.0

Served = tuple[tuple[str, tuple[str, ...]], ...]
"""Digest → names of the replicas that serve it, sorted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Replicas at one generation, by what they serve.

    Attributes:
        generation: its number.
        served: who serves what; more than one digest.
    """

    generation: int
    served: Served

    def __str__(self) -> str:
        """Say who serves what."""
        told = "; ".join(f"{', '.join(names)} serve {digest[:12]}" for digest, names in self.served)
        return f"replicas serve different resources of generation {self.generation}: {told}"


def differences(records: Iterable[ReplicaRecord]) -> tuple[Difference, ...]:
    """Return where replicas differ now, by generation."""
    by_generation: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for record in records:
        if record.is_ready and record.served and record.generation:
            by_generation[record.generation].append((record.name, record.served))
    found = (Difference(generation, by_digest(each)) for generation, each in sorted(by_generation.items()))
    return tuple(each for each in found if len(each.served) > 1)


def by_digest(serving: Iterable[tuple[str, str]]) -> Served:
    """Return who serves the same.

    Args:
        serving: names of replicas, each with the digest of what it serves.
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, digest in serving:
        found[digest].append(name)
    return tuple((digest, tuple(sorted(names))) for digest, names in sorted(found.items()))


class LastingDifferences:
    """Differences that last."""

    def __init__(self) -> None:
        """Know of none."""
        self._since_s: Mapping[int, float] = {}

    def judge(self, records: Iterable[ReplicaRecord], now_s: float) -> tuple[Difference, ...]:
        """Return where replicas have differed for long enough.

        Args:
            records: what they say.
            now_s: monotonic seconds; to be asked again until there is none.
        """
        found = differences(records)
        self._since_s = {each.generation: self._since_s.get(each.generation, now_s) for each in found}
        return tuple(each for each in found if now_s - self._since_s[each.generation] >= LASTING_S)
