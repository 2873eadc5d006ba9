"""What people are told of a fleet: log lines, metrics, problems.

That replicas differ is an error of all of them: which one is right nobody can say but people. That a replica has no
record is no more than a gap in what is told, and in how Envoys are spread; it serves on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from egxds.fleet.differing import Difference, LastingDifferences
from egxds.fleet.record import ReplicaRecord
from egxds.problems import Location, Problem, error, warning
from egxds.published.layout import Layout
from egxds.telemetry import Metrics, log

_NAME = "etcd"
_MOST_FAULTS = 10
_LASTING_S = 15.0
"""A record that is not there for less is no news: one of a process that has died goes within ten seconds."""


@dataclass(frozen=True, slots=True)
class FleetFacts:
    """How things are.

    Attributes:
        records: what replicas say.
        faults: of what is no record.
        fault: why what is known may be old; empty where it is not.
        own_fault: why this replica has no record; empty where it has.
    """

    records: Sequence[ReplicaRecord]
    faults: tuple[str, ...]
    fault: str
    own_fault: str


class FleetReport:
    """Takes note of how things are, each second.

    Attributes:
        differences: replicas that serve different resources of one generation.
    """

    def __init__(self, metrics: Metrics) -> None:
        """Know of nothing yet.

        Args:
            metrics: where it is counted.
        """
        self.differences: tuple[Difference, ...] = ()
        self._lasting = LastingDifferences()
        self._without_since_s: float | None = None
        self._without = ""
        self._faults: tuple[str, ...] = ()
        self._replicas = metrics.source_replicas.labels(_NAME)
        self._recorded = metrics.source_recorded.labels(_NAME)
        self._differ = metrics.source_replicas_differ.labels(_NAME)
        for gauge in (self._replicas, self._recorded, self._differ):
            gauge.set(0)

    def note(self, now: FleetFacts, now_s: float) -> None:
        """Take how things are.

        Args:
            now: all of it.
            now_s: monotonic seconds.
        """
        self._faults = now.faults[:_MOST_FAULTS]
        self._recorded.set(not now.own_fault)
        self._note_own(now.own_fault, now_s)
        # What was told last is as true as it was while nobody tells anything else.
        if not now.fault:
            self._replicas.set(len(now.records))
            self._note_differences(self._lasting.judge(now.records, now_s))

    def problems(self, prefix: str) -> tuple[Problem, ...]:
        """Return what is wrong with the fleet.

        Args:
            prefix: of the keys.
        """
        place = Location(f"etcd:{Layout(prefix).replicas}", 0)
        found = [
            error(place, f"{each}; `egxds hooks` says on each whether hooks fail there") for each in self.differences
        ]
        if self._without:
            found.append(warning(place, f"this replica keeps no record of itself: {self._without}"))
        return (*found, *(warning(place, fault) for fault in self._faults))

    def _note_own(self, fault: str, now_s: float) -> None:
        if not fault:
            if self._without:
                log.info("fleet.recorded")
            self._without_since_s, self._without = None, ""
            return
        if self._without_since_s is None:
            self._without_since_s = now_s
        if now_s - self._without_since_s >= _LASTING_S and not self._without:
            log.warning("fleet.not_recorded", error=fault)
            self._without = fault

    def _note_differences(self, found: tuple[Difference, ...]) -> None:
        before, self.differences = self.differences, found
        self._differ.set(bool(found))
        if found == before:
            return
        for each in found:
            log.error("fleet.differs", error=str(each))
        if not found:
            log.info("fleet.agrees")
