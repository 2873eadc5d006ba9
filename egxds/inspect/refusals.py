"""What connected Envoys refuse at this moment, and since when. Pure.

A refusal belongs to a stream: it ends when the Envoy takes the resource, when there is nothing more to refuse (it is
gone, or another version goes out), and when the Envoy leaves. What is said about it, in the status of an object or by a
readiness check, holds for as long as any Envoy that was given the resource refuses it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from egxds.cut_text import cut
from egxds.names import SECRET, SHORT_NAMES
from egxds.object_key import ObjectKey

_SHOWN_CHARS = 300


@dataclass(frozen=True, slots=True)
class RefusedResource:
    """One resource that one Envoy refuses.

    Attributes:
        node_id: which Envoy.
        gateways: those it is served.
        type_url: type of the resource.
        name: its name.
        message: what the Envoy said.
        sources: the objects that it was made from.
        since_s: when that began, in seconds since 1970.
        version: of the resource.
        is_canary: the Envoy is served a candidate, and not the head.
        selects: its `node.cluster`.
    """

    node_id: str
    gateways: tuple[str, ...]
    type_url: str
    name: str
    message: str
    sources: Sequence[ObjectKey]
    since_s: float
    version: str = ""
    is_canary: bool = False
    selects: str = ""

    @property
    def reason(self) -> str:
        """What the Envoy said, in a bearable length; of a secret nothing, since it may quote it."""
        if self.type_url == SECRET:
            return "its log says why"
        # What is refused by name is one of several, each on a line of its own or behind a comma.
        own = self.message.rpartition(f" {self.name}: ")[2] or self.message
        line = own.strip().split("\n", 1)[0]
        return cut(line, _SHOWN_CHARS)

    def __str__(self) -> str:
        """Say who refuses what, and why."""
        kind = SHORT_NAMES.get(self.type_url, self.type_url)
        canary = " (canary)" if self.is_canary else ""
        return f"Envoy {self.node_id!r}{canary} refuses {kind} {self.name}: {self.reason}"


RefusedResources = tuple[RefusedResource, ...]


def of_head(refused: RefusedResources) -> RefusedResources:
    """Return what Envoys refuse that are served the head; the same object where that is all.

    What is refused of a candidate says nothing of the objects in force.
    """
    return tuple(one for one in refused if not one.is_canary) if any(one.is_canary for one in refused) else refused


def of_candidate(refused: RefusedResources) -> RefusedResources:
    """Return what Envoys refuse that are served a candidate."""
    return tuple(one for one in refused if one.is_canary)


_Place = tuple[str, str]
"""Type URL and name."""

_NodeType = tuple[str, str]
"""Node id and type URL."""


@dataclass(frozen=True, slots=True)
class RefusalChanges:
    """What is different since the last look at a stream.

    Attributes:
        begun: what was not refused before.
        over: what is not refused any more.
    """

    begun: RefusedResources = ()
    over: RefusedResources = ()


@dataclass(frozen=True, slots=True)
class RefusedType:
    """What one Envoy refuses of one type.

    Attributes:
        node_id: which Envoy.
        type_url: the type.
        count: how many resources, of all its streams.
        since_s: since when there has been any, in seconds since 1970.
    """

    node_id: str
    type_url: str
    count: int
    since_s: float


class RefusalBook:
    """Remembers what each stream refuses."""

    def __init__(self) -> None:
        """Know of nothing."""
        self._streams: dict[int, dict[_Place, RefusedResource]] = {}
        self._all: RefusedResources = ()
        self._types: dict[_NodeType, RefusedType] = {}
        self._subscribers: list[Callable[[RefusedResources], None]] = []

    def all(self) -> RefusedResources:
        """Return what is refused, by any Envoy; the same object while nothing changes."""
        return self._all

    def types(self) -> list[RefusedType]:
        """Return what is refused by Envoy and type, counted as it comes and goes; the longest first."""
        return sorted(self._types.values(), key=attrgetter("since_s"))

    def subscribe(self, callback: Callable[[RefusedResources], None]) -> None:
        """Have something called with all that is refused, whenever that changes; it is to return at once."""
        self._subscribers.append(callback)

    def update(self, stream: int, refused: Iterable[RefusedResource]) -> RefusalChanges:
        """Take what an Envoy refuses now; of what it refused before, the first time counts.

        Args:
            stream: number of its stream.
            refused: all of it; nothing where the stream has ended.
        """
        before = self._streams.pop(stream, {})
        now = {(one.type_url, one.name): one for one in refused}
        for place, one in now.items():
            known = before.get(place)
            if known is not None:
                same = dataclasses.replace(one, since_s=known.since_s)
                now[place] = known if same == known else same
        if now:
            self._streams[stream] = now
        if now != before:
            self._all = tuple(one for each in self._streams.values() for one in each.values())
            for callback in self._subscribers:
                callback(self._all)
        changes = RefusalChanges(
            tuple(one for place, one in now.items() if place not in before),
            tuple(one for place, one in before.items() if place not in now),
        )
        # What comes first: a type of which one resource takes the place of another has been refused all along.
        for one in changes.begun:
            self._count(one, 1)
        for one in changes.over:
            self._count(one, -1)
        return changes

    def _count(self, one: RefusedResource, difference: int) -> None:
        key = (one.node_id, one.type_url)
        known = self._types.pop(key, RefusedType(*key, 0, one.since_s))
        if known.count + difference:
            self._types[key] = dataclasses.replace(known, count=known.count + difference)
