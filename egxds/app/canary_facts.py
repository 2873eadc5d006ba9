"""What the judge of a candidate is told: what it is, how it is served here, and who writes what becomes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from egxds.fleet.envoys import EnvoyRow
from egxds.inspect.refusals import RefusedResource, RefusedResources


@dataclass(frozen=True, slots=True)
class TakenBack:
    """That a candidate was taken back.

    Attributes:
        why: for people.
        at: when, by the clock of whoever did it.
        by: name of a replica, or of a person.
    """

    why: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class CandidateFacts:
    """The candidate that stands in the store.

    Attributes:
        put_at: revision of the store that put it there.
        generation: the number that it is to have.
        published_by: whose it is; empty where that is not known.
        nodes: ids of the canary nodes.
        promote_after_s: seconds without a fault after which it is promoted; 0 where somebody is to say so.
        is_settled: whether all of it is served to canary nodes here.
        served: digest of all its resources in their versions here; empty while that changes.
        fault: why it is not served here; empty where it is, or is about to be.
        taken_back: that it was; None where it is on trial.
        was_there: it was put before the store was followed here, so its nodes may have been served it elsewhere.
    """

    put_at: int
    generation: int
    published_by: str
    nodes: frozenset[str]
    promote_after_s: int
    is_settled: bool = False
    served: str = ""
    fault: str = ""
    taken_back: TakenBack | None = None
    was_there: bool = False


@dataclass(frozen=True, slots=True)
class CanaryParts:
    """Whom the judge asks, and who acts for it.

    Attributes:
        candidate: returns what stands in the store; None where there is nothing, or it cannot be read.
        uptakes: returns how some Envoys stand that are connected and select something, each by what it is served.
        resumed: returns how many of these came with what they had from another connection; others were started since.
        refusals: returns what connected Envoys refuse.
        is_of_candidate: tells whether a version that is refused is one that only the candidate has.
        told: returns who refuses what, where that is written, and why.
        promote: takes the revision that put the candidate there, and brings it into force for all. Returns whether that
            was done here: somebody else may have been first. Raises `EtcdError`.
        take_back: takes the revision, and why; writes that, likewise.
    """

    candidate: Callable[[], CandidateFacts | None]
    uptakes: Callable[[AbstractSet[str]], Iterable[EnvoyRow]]
    resumed: Callable[[AbstractSet[str]], int]
    refusals: Callable[[], RefusedResources]
    is_of_candidate: Callable[[RefusedResource], bool]
    told: Callable[[RefusedResource], str]
    promote: Callable[[int], Awaitable[bool]]
    take_back: Callable[[int, str], Awaitable[bool]]
