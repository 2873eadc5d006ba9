"""The facts of events, with a limit to all that is listed: what is left out is counted. Pure."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import islice

from egxds.cut_text import cut
from egxds.hooks.policy.outcome import HookProblem, Outcome
from egxds.inspect.events.event_log import Json, LocateOne
from egxds.inspect.events.listed import LISTED, Listed
from egxds.inspect.refusals import RefusedResource
from egxds.names import SHORT_NAMES
from egxds.object_key import ObjectKey
from egxds.problems import Location, Problem

LISTED_FILES = 10

_SHOWN_CHARACTERS = 500


class Change(enum.Enum):
    """What became of something."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


_BOTH: Mapping[tuple[Change, Change], Change | None] = {
    (Change.ADDED, Change.CHANGED): Change.ADDED,
    (Change.ADDED, Change.REMOVED): None,
    (Change.REMOVED, Change.ADDED): Change.CHANGED,
}
"""What two changes of one thing are together, where that is not the later one; None where nothing is left of them."""


@dataclass(frozen=True, slots=True)
class ChangedObjects:
    """Objects that are others than before.

    Attributes:
        first: some of them, each with what became of it, sorted.
        counts: how many there are in all.
        files: where those stand, or stood.
        places_before: of what is gone, where it stood.
    """

    first: tuple[tuple[ObjectKey, Change], ...] = ()
    counts: Mapping[Change, int] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    places_before: Mapping[ObjectKey, str] = field(default_factory=dict)

    def followed_by(self, later: ChangedObjects) -> ChangedObjects:
        """Return both; what is not listed of either may count twice."""
        listed, counts = dict(self.first), Counter(self.counts)
        counts.update(later.counts)
        for key, change in later.first:
            before = listed.pop(key, None)
            both = change if before is None else _BOTH.get((before, change), change)
            if before is not None:
                counts.subtract((before, change))
                counts.update((both,) if both is not None else ())
            if both is not None:
                listed[key] = both
        first = tuple(nsmallest(LISTED, listed.items(), key=lambda entry: entry[0]))
        places = {**self.places_before, **later.places_before}
        return ChangedObjects(first, counts, self.files | later.files, places)

    def to_json(self, locate: LocateOne) -> Json:
        """Return them, with what is left out as a number."""
        items = [_changed_object(key, change, locate(key), self.places_before.get(key)) for key, change in self.first]
        return {**_counts(self.counts), "items": items, "omitted": _omitted(self.counts, items)}


NO_OBJECTS = ChangedObjects()


@dataclass(frozen=True, slots=True)
class ChangedResource:
    """A resource that Envoys are served otherwise than before.

    Attributes:
        type_url: its type.
        name: its name.
        change: what became of it.
        version: of now; empty where it is gone.
    """

    type_url: str
    name: str
    change: Change
    version: str


@dataclass(frozen=True, slots=True)
class ChangedResources:
    """Resources that Envoys are served otherwise than before.

    Attributes:
        first: some of them.
        counts: how many there are in all.
        types: of all of them, how many of which type.
    """

    first: tuple[ChangedResource, ...] = ()
    counts: Mapping[Change, int] = field(default_factory=dict)
    types: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> Json:
        """Return them, with what is left out as a number."""
        items = [
            {"change": one.change.value, "type": _short(one.type_url), "name": one.name, "version": one.version}
            for one in self.first[:LISTED]
        ]
        types = {_short(type_url): count for type_url, count in self.types.items()}
        return {**_counts(self.counts), "types": types, "items": items, "omitted": _omitted(self.counts, items)}


NO_RESOURCES = ChangedResources()


@dataclass(frozen=True, slots=True)
class Changed:
    """Files → objects → resources: what came of an edit, or of hooks, for one Gateway.

    Attributes:
        gateway: which; empty where no Gateway came out otherwise.
        generation: number of the state that is published by it; None where nothing is served otherwise.
        outcome: what the hooks came to; None where no Gateway is published by it.
        objects: that are others than before; none where the hooks alone did it.
        resources: that Envoys are served otherwise.
        read_ms: from the moment in which the change was noticed until it was read; None where nothing was.
        published_ms: until it was published.
    """

    gateway: str
    generation: int | None
    outcome: Outcome | None
    objects: ChangedObjects
    resources: ChangedResources
    read_ms: float | None
    published_ms: float | None

    kind = "change"

    def to_json(self, locate: LocateOne) -> Json:
        """Return the facts."""
        return {
            "gateway": self.gateway,
            "generation": self.generation,
            "outcome": self.outcome.value if self.outcome else None,
            "files": sorted(self.objects.files)[:LISTED_FILES],
            "objects": self.objects.to_json(locate),
            "resources": self.resources.to_json(),
            "readMs": self.read_ms,
            "publishedMs": self.published_ms,
        }


@dataclass(frozen=True, slots=True)
class Taken:
    """Envoys that have taken all of a generation that they ask for.

    Attributes:
        gateway: of which.
        generation: which.
        nodes: their ids, each with the milliseconds since the change was noticed.
        slowest_ms: the most milliseconds of all.
    """

    gateway: str
    generation: int
    nodes: Listed[tuple[str, float]]
    slowest_ms: float

    kind = "taken"

    def to_json(self, _locate: LocateOne) -> Json:
        """Return the facts."""
        items = [{"node": node, "ms": ms} for node, ms in self.nodes.first]
        count = self.nodes.count
        shared = {"gateway": self.gateway, "generation": self.generation, "slowestMs": self.slowest_ms}
        return {**shared, "count": count, "items": items, "omitted": count - len(items)}


@dataclass(frozen=True, slots=True)
class Refused:
    """What Envoys have begun to refuse, and what they refuse no more."""

    begun: Listed[RefusedResource]
    over: Listed[RefusedResource]

    kind = "refused"

    def to_json(self, locate: LocateOne) -> Json:
        """Return the facts."""
        return {
            "begun": [{**_refused(one), "sources": _places(one.sources, locate)} for one in self.begun.first],
            "begunCount": self.begun.count,
            "over": [_refused(one) for one in self.over.first],
            "overCount": self.over.count,
        }


@dataclass(frozen=True, slots=True)
class HooksChanged:
    """What hooks fail on in a Gateway is something else than before.

    Attributes:
        gateway: which.
        before: what was published; None where it is new.
        outcome: what is published.
        begun: what fails now, and did not.
        over: what failed, and does not any more.
        failing: how much fails now.
    """

    gateway: str
    before: Outcome | None
    outcome: Outcome | None
    begun: Listed[HookProblem]
    over: Listed[HookProblem]
    failing: int

    kind = "hooks"

    def to_json(self, locate: LocateOne) -> Json:
        """Return the facts."""
        return {
            "gateway": self.gateway,
            "before": self.before.value if self.before else None,
            "outcome": self.outcome.value if self.outcome else None,
            "begun": [{**_failure(one), "sources": _places(one.objects, locate)} for one in self.begun.first],
            "begunCount": self.begun.count,
            "over": [_failure(one) for one in self.over.first],
            "overCount": self.over.count,
            "failing": self.failing,
        }


@dataclass(frozen=True, slots=True)
class ProblemsChanged:
    """Problems of the input that came or went."""

    appeared: Listed[Problem]
    solved: Listed[Problem]

    kind = "problems"

    def to_json(self, _locate: LocateOne) -> Json:
        """Return the facts."""
        return {
            "appeared": [problem_json(one) for one in self.appeared.first],
            "appearedCount": self.appeared.count,
            "solved": [problem_json(one) for one in self.solved.first],
            "solvedCount": self.solved.count,
        }


@dataclass(frozen=True, slots=True)
class EnvoysChanged:
    """Envoys that came or left.

    Attributes:
        connected: node ids.
        left: likewise.
        total: how many are connected.
    """

    connected: Listed[str]
    left: Listed[str]
    total: int

    kind = "envoys"

    def to_json(self, _locate: LocateOne) -> Json:
        """Return the facts."""
        return {
            "connected": list(self.connected.first),
            "connectedCount": self.connected.count,
            "left": list(self.left.first),
            "leftCount": self.left.count,
            "total": self.total,
        }


def problem_json(problem: Problem) -> Json:
    """Return a problem with its object and its place."""
    return {
        "severity": problem.severity.value,
        "object": cut(problem.subject, _SHOWN_CHARACTERS),
        "message": cut(problem.message, _SHOWN_CHARACTERS),
        "source": place_json(problem.location),
    }


def place_json(place: Location | None) -> Json | None:
    """Return a place; None where there is none."""
    return {"file": place.file, "line": place.line} if place is not None else None


def _changed_object(key: ObjectKey, change: Change, place: Location | None, file_before: str | None) -> Json:
    was = {"file": file_before, "line": 0} if file_before else None
    named = {"kind": key.kind, "namespace": key.namespace, "name": key.name}
    return {"change": change.value, **named, "source": place_json(place) or was}


def _refused(one: RefusedResource) -> Json:
    told = {"node": one.node_id, "type": _short(one.type_url), "name": one.name, "error": one.reason}
    return {**told, "canary": one.is_canary}


def _failure(one: HookProblem) -> Json:
    return {
        "manager": one.manager,
        "hook": one.hook.value,
        "subject": cut(one.subject, _SHOWN_CHARACTERS),
        "reason": one.reason.value,
        "onFailure": one.policy,
        "error": cut(one.message, _SHOWN_CHARACTERS),
    }


def _places(keys: Sequence[ObjectKey], locate: LocateOne) -> list[Json]:
    found = (place_json(locate(key)) for key in islice(keys, LISTED_FILES))
    return [place for place in found if place is not None]


def _counts(counts: Mapping[Change, int]) -> Json:
    return {change.value: counts.get(change, 0) for change in Change}


def _omitted(counts: Mapping[Change, int], items: Sequence[object]) -> int:
    return max(sum(counts.values()) - len(items), 0)


def _short(type_url: str) -> str:
    return SHORT_NAMES.get(type_url, type_url)
