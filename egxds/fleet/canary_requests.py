"""Whether canary nodes answer more requests by 5xx than before, by what their Envoys count. Pure.

    share       answers of 5xx, of the requests that are completed
    theirs      the share of all canary nodes that are asked, since the candidate is served to them
    held to     the share of all other Envoys that are asked, in the same time; where these had too few requests, that
                of the canary nodes in all the time before
    a rise      theirs is above that by more than one percentage point, and by more than three times the standard
                deviation that the difference of two such shares has if both are the same

    QUIET ---- a rise, over enough requests of both ------------> ONCE
    ONCE ----- again, at the very next look --------------------> RISEN
    ONCE ----- none at the next look ---------------------------> QUIET

Once is nothing: Envoys are not asked at the same moment, and what fails for all is seen of one before it is of another.
A share is that of all requests since the change-over, so what has failed counts also where nobody asks any more, as of
clients that have given up. Counters of an Envoy that begin anew, since it was started again, are taken for what was
counted since then.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

LEAST_REQUESTS = 100
LEAST_RISE = 0.01
"""Share: one percentage point."""

_DEVIATIONS = 3.0
_TIMES = 2


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests that were counted.

    Attributes:
        completed: all of them that are over.
        failed: those that were answered by 5xx.
    """

    completed: int = 0
    failed: int = 0

    @property
    def share(self) -> float:
        """Part that failed; 0 of none. Counters are read one after the other: it is never more than all."""
        return min(1.0, self.failed / self.completed) if self.completed else 0.0

    def since(self, before: Requests) -> Requests:
        """Return what was counted since then; all of it where the counters have begun anew."""
        if self.completed < before.completed or self.failed < before.failed:
            return self
        return Requests(self.completed - before.completed, self.failed - before.failed)


@dataclass(frozen=True, slots=True)
class EnvoyRequests:
    """What an Envoy says.

    Attributes:
        node_id: who it is.
        counted: since it was started.
    """

    node_id: str
    counted: Requests


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of an Envoy: what it had counted before the candidate, by the last look, and in between."""

    node_id: str
    before: Requests
    last: Requests
    since: Requests = Requests()

    def counted(self, now: Requests) -> _Known:
        return replace(self, last=now, since=_sum((self.since, now.since(self.last))))


class FailedShare:
    """What Envoys have counted while a candidate is on trial.

    Attributes:
        risen: that 5xx of canary nodes have risen, for people; empty where they have not.
        told: what is compared with what, or why nothing is.
    """

    def __init__(self, nodes: AbstractSet[str]) -> None:
        """Know of no Envoy.

        Args:
            nodes: ids of the canary nodes.
        """
        self.risen = ""
        self.told = "no Envoy was asked yet"
        self._nodes = nodes
        self._known: dict[str, _Known] = {}
        self._is_served = False
        self._times = 0

    def look(self, envoys: Mapping[str, EnvoyRequests], *, is_served: bool) -> None:
        """Take what Envoys say.

        Args:
            envoys: address of the admin page → what is said there.
            is_served: whether canary nodes are served the candidate; what is said until that is so is of before.
        """
        self._is_served = self._is_served or is_served
        for address, envoy in envoys.items():
            known = self._known.get(address)
            if known is None or known.node_id != envoy.node_id or not self._is_served:
                self._known[address] = _Known(envoy.node_id, envoy.counted, envoy.counted)
            else:
                self._known[address] = known.counted(envoy.counted)
        if not any(each.node_id in self._nodes for each in self._known.values()):
            self.told = "5xx are not looked at: of the `envoys` in the settings none that answers is a canary node"
        elif not self._is_served:
            self.told = "5xx are looked at once it is served"
        elif any(each.node_id in self._nodes for each in envoys.values()):
            self._judge()

    def _judge(self) -> None:
        canaries = [each for each in self._known.values() if each.node_id in self._nodes]
        theirs = _sum(each.since for each in canaries)
        held_to = _sum(each.since for each in self._known.values() if each.node_id not in self._nodes)
        whose = "of the other Envoys that are asked"
        if held_to.completed < LEAST_REQUESTS:
            held_to, whose = _sum(each.before for each in canaries), "that they had before"
        self.told = f"{_percent(theirs)} of canary nodes are answered by 5xx, and {_percent(held_to)} {whose}"
        self._times = self._times + 1 if is_rise(theirs, held_to) else 0
        if self._times >= _TIMES:
            self.risen = f"5xx have risen: {self.told}"


def is_rise(theirs: Requests, held_to: Requests) -> bool:
    """Tell whether more requests fail than can be by chance.

    Args:
        theirs: what is judged.
        held_to: what it is compared with.
    """
    if min(theirs.completed, held_to.completed) < LEAST_REQUESTS:
        return False
    both = _sum((theirs, held_to)).share
    deviation = math.sqrt(both * (1 - both) * (1 / theirs.completed + 1 / held_to.completed))
    return theirs.share - held_to.share > max(LEAST_RISE, _DEVIATIONS * deviation)


def _sum(counted: Iterable[Requests]) -> Requests:
    completed = failed = 0
    for each in counted:
        completed, failed = completed + each.completed, failed + each.failed
    return Requests(completed, failed)


def _percent(counted: Requests) -> str:
    return f"{100 * counted.share:.1f} % of {counted.completed} requests"
