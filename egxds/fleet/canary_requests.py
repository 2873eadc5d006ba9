"""Whether canary nodes answer more requests by 5xx than before, by what their Envoys count. Pure.

    share       answers of 5xx, of the requests that are completed
    theirs      the share of all canary nodes that are asked, since the candidate is served to them
    held to     the share of all other Envoys that are asked, in the same time; where these had too few requests, that
                of the canary nodes in all the time before; where that is not known, nothing
    a rise      theirs is above that by more than one percentage point, and by more than three times the standard
                deviation that the difference of two such shares has if both are the same
    of late     the last twelve looks, a minute: in each half of it, for itself, theirs is above what it is held to in
                that half by more than five percentage points, and by more than six times that deviation

    QUIET ---- a rise, or one of late, over enough requests of both --> ONCE
    ONCE ----- one or the other, at the very next look ---------------> RISEN
    ONCE ----- neither at the next look ------------------------------> QUIET

Once is nothing: Envoys are not asked at the same moment, and what fails for all is seen of one before it is of another.
A share is that of all requests since the change-over, so what has failed counts also where nobody asks any more, as of
clients that have given up. But after a day an hour in which all fails is four percent of it, and after a month nothing:
so what was counted of late is judged by itself. A day has 17,280 looks, so the bar for that is higher, and has to be
passed in both halves: requests that fail by chance, each by the same one, whichever that is, have a good candidate
taken back of late on less than one day of ten thousand. What fails at two looks in a row, and no more, is in both
halves at one look, and at the next one not.

Before is what an Envoy had counted when it was asked first, or last before the candidate was served here. Where the
candidate was there before somebody looked, as where this replica was started since, that would be of the candidate
itself, and counts for nothing; so does what an Envoy had counted that is asked for the first time later.

Counters of an Envoy that begin anew, since it was started again, are taken for what was counted since then. Who has not
answered for half of the time that is of late has not counted of late what it counted meanwhile.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

LEAST_REQUESTS = 100
LATE_LOOKS = 12
"""Looks that are of late, in two halves."""

_HALF = LATE_LOOKS // 2
_TIMES = 2


@dataclass(frozen=True, slots=True)
class Bar:
    """What a difference of shares is above that is a rise.

    Attributes:
        least: share, as 0.01 for one percentage point.
        deviations: standard deviations.
    """

    least: float
    deviations: float


SINCE = Bar(least=0.01, deviations=3.0)
OF_LATE = Bar(least=0.05, deviations=6.0)


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


_NONE = Requests()


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of an Envoy.

    Attributes:
        node_id: who it is.
        heard_at: number of the look at which it answered last.
        last: what it had counted then.
        before: what it had counted before the candidate.
        since: what it has counted since.
        late: that part of it which came with the last look; nothing of a long time.
    """

    node_id: str
    heard_at: int
    last: Requests
    before: Requests
    since: Requests = _NONE
    late: Requests = _NONE

    def counted(self, now: Requests, look: int) -> _Known:
        new = now.since(self.last)
        late = new if look - self.heard_at <= _HALF else _NONE
        return replace(self, heard_at=look, last=now, since=_sum((self.since, new)), late=late)


@dataclass(frozen=True, slots=True)
class _Counted:
    """What was counted in some time, by canary nodes and by all others."""

    theirs: Requests = _NONE
    others: Requests = _NONE


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What is compared: theirs, what it is held to, and whose that is."""

    theirs: Requests
    held_to: Requests
    whose: str

    def is_rise(self, bar: Bar) -> bool:
        return is_rise(self.theirs, self.held_to, bar)

    def __str__(self) -> str:
        told = f"{_percent(self.theirs)} of canary nodes are answered by 5xx"
        if self.held_to.completed >= LEAST_REQUESTS:
            return f"{told}, and {_percent(self.held_to)} {self.whose}"
        return f"{told}, held to nothing: no {LEAST_REQUESTS} requests of other Envoys, or of before, are known"


class FailedShare:
    """What Envoys have counted while a candidate is on trial.

    Attributes:
        risen: that 5xx of canary nodes have risen, for people; empty where they have not.
        told: what is compared with what, or why nothing is.
    """

    def __init__(self, nodes: AbstractSet[str], *, was_there: bool = False) -> None:
        """Know of no Envoy.

        Args:
            nodes: ids of the canary nodes.
            was_there: these may have been served the candidate before somebody looked.
        """
        self.risen = ""
        self.told = "no Envoy was asked yet"
        self._nodes = nodes
        self._known: dict[str, _Known] = {}
        self._looks = 0
        self._late: deque[_Counted] = deque(maxlen=LATE_LOOKS)
        self._is_before = not was_there
        self._is_served = False
        self._times = 0

    def look(self, envoys: Mapping[str, EnvoyRequests], *, is_served: bool) -> None:
        """Take what Envoys say.

        Args:
            envoys: address of the admin page → what is said there.
            is_served: whether canary nodes are served the candidate; what is said until that is so is of before, as is
                what is said at the first look.
        """
        self._looks += 1
        self._is_served = self._is_served or is_served
        for address, envoy in envoys.items():
            self._known[address] = self._heard(self._known.get(address), envoy)
        if self._is_served:
            self._is_before = False
            self._late.append(self._counted(lambda each: each.late if each.heard_at == self._looks else _NONE))
        if not any(each.node_id in self._nodes for each in self._known.values()):
            self.told = "5xx are not looked at: of the `envoys` in the settings none that answers is a canary node"
        elif not self._is_served:
            self.told = "5xx are looked at once it is served"
        elif any(each.node_id in self._nodes for each in envoys.values()):
            self._judge()

    def _heard(self, known: _Known | None, envoy: EnvoyRequests) -> _Known:
        if known is not None and known.node_id == envoy.node_id and self._is_served:
            return known.counted(envoy.counted, self._looks)
        return _Known(envoy.node_id, self._looks, envoy.counted, envoy.counted if self._is_before else _NONE)

    def _judge(self) -> None:
        since = self._compared(self._counted(lambda each: each.since))
        late = tuple(self._late)
        halves = [self._compared(_together(half)) for half in (late[:_HALF], late[_HALF:])]
        is_late = all(half.is_rise(OF_LATE) for half in halves)
        self.told = str(since)
        self._times = self._times + 1 if since.is_rise(SINCE) or is_late else 0
        if self._times >= _TIMES:
            of_late = f"5xx have risen of late: {self._compared(_together(late))}"
            self.risen = f"5xx have risen: {since}" if since.is_rise(SINCE) else of_late

    def _counted(self, what: Callable[[_Known], Requests]) -> _Counted:
        known = self._known.values()
        theirs = _sum(what(each) for each in known if each.node_id in self._nodes)
        return _Counted(theirs, _sum(what(each) for each in known if each.node_id not in self._nodes))

    def _compared(self, counted: _Counted) -> _Comparison:
        if counted.others.completed >= LEAST_REQUESTS:
            return _Comparison(counted.theirs, counted.others, "of the other Envoys that are asked")
        before = _sum(each.before for each in self._known.values() if each.node_id in self._nodes)
        return _Comparison(counted.theirs, before, "that they had before")


def is_rise(theirs: Requests, held_to: Requests, bar: Bar = SINCE) -> bool:
    """Tell whether more requests fail than can be by chance.

    Args:
        theirs: what is judged.
        held_to: what it is compared with.
        bar: how much more that is.
    """
    if min(theirs.completed, held_to.completed) < LEAST_REQUESTS:
        return False
    both = _sum((theirs, held_to)).share
    deviation = math.sqrt(both * (1 - both) * (1 / theirs.completed + 1 / held_to.completed))
    return theirs.share - held_to.share > max(bar.least, bar.deviations * deviation)


def _together(counted: Iterable[_Counted]) -> _Counted:
    all_ = tuple(counted)
    return _Counted(_sum(each.theirs for each in all_), _sum(each.others for each in all_))


def _sum(counted: Iterable[Requests]) -> Requests:
    completed = failed = 0
    for each in counted:
        completed, failed = completed + each.completed, failed + each.failed
    return Requests(completed, failed)


def _percent(counted: Requests) -> str:
    return f"{100 * counted.share:.1f} % of {counted.completed} requests"
