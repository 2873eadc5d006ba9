"""Files → objects → resources: what was read and what was published, put together by Gateway. Pure.

    read        what the files say otherwise waits for each Gateway that came out otherwise by it
    published   it is told, with what Envoys are served otherwise; so is what hooks fail on, where that is something
                else than before

What a pass read that no Gateway came out otherwise by is told by itself. A run of the hooks may have been cancelled for
newer input: what waits has piled up then, and is told as one. All of it costs what changed, and is worked out behind
Envoy's way, in the order in which it happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest

from egxds.hooks.policy.outcome import HookedGateway, HookProblem
from egxds.incremental.changes import ChangeSet
from egxds.incremental.revision import Revision
from egxds.inspect.events.deliveries import Delivery
from egxds.inspect.events.event_log import Facts
from egxds.inspect.events.facts import (
    NO_OBJECTS,
    Change,
    Changed,
    ChangedObjects,
    ChangedResource,
    ChangedResources,
    HooksChanged,
)
from egxds.inspect.events.kept_bodies import ChangedBody, KeptBodies
from egxds.inspect.events.listed import LISTED, Listed
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.resources.translation import GatewayTranslation
from egxds.snapshot.snapshot import Snapshot, VersionedResource, VersionedResources

FOLLOWED = 200
"""Resources of a change of which it is followed who has taken them, and whose bodies are kept for a while."""

Translations = Revision[str, GatewayTranslation]


@dataclass(frozen=True, slots=True)
class Read:
    """One pass over the files.

    Attributes:
        before: the objects in force before it; None for the first.
        now: the objects in force.
        translations_before: what the Gateways came to before it.
        translations: what they come to.
        noticed_s: when the change was noticed, in monotonic seconds.
        read_s: when it was read.
    """

    before: GatewayState | None
    now: GatewayState
    translations_before: Translations
    translations: Translations
    noticed_s: float
    read_s: float


@dataclass(frozen=True, slots=True)
class Published:
    """What is published for a Gateway, or that it has gone.

    Attributes:
        gateway: which.
        before: what was published; None where nothing was.
        now: what is published; None where it is gone.
        snapshot_before: what its Envoys were served.
        snapshot: what they are served.
        generation: number of the newest state.
        at_s: when, in monotonic seconds.
    """

    gateway: str
    before: HookedGateway | None
    now: HookedGateway | None
    snapshot_before: Snapshot
    snapshot: Snapshot
    generation: int
    at_s: float


Note = Read | Published


@dataclass(frozen=True, slots=True)
class _Unpublished:
    objects: ChangedObjects
    noticed_s: float
    read_s: float


@dataclass(frozen=True, slots=True)
class Gathered:
    """What came of some notes.

    Attributes:
        facts: for the log of events, in order.
        deliveries: what is to be followed until Envoys have taken it.
    """

    facts: tuple[Facts, ...]
    deliveries: tuple[Delivery, ...]


class ChangeGatherer:
    """Remembers what was read for each Gateway and is not published yet."""

    def __init__(self, bodies: KeptBodies) -> None:
        """Know of nothing.

        Args:
            bodies: where those of changed resources are kept.
        """
        self._bodies = bodies
        self._unpublished: dict[str, _Unpublished] = {}

    def gather(self, notes: list[Note]) -> Gathered:
        """Put notes together.

        Args:
            notes: since the last time, in order.
        """
        facts: list[Facts] = []
        deliveries: list[Delivery] = []
        for note in notes:
            if isinstance(note, Read):
                facts.extend(self._read(note))
            else:
                facts.extend(self._published(note, deliveries))
        return Gathered(tuple(facts), tuple(deliveries))

    def _read(self, read: Read) -> Iterator[Facts]:
        objects = _changed_objects(read)
        gateways = [
            name
            for name in read.translations.changed_since(read.translations_before)
            if read.translations.get(name) is not read.translations_before.get(name)
        ]
        for gateway in gateways:
            waits = self._unpublished.get(gateway)
            both = waits.objects.followed_by(objects) if waits else objects
            noticed_s = waits.noticed_s if waits else read.noticed_s
            self._unpublished[gateway] = _Unpublished(both, noticed_s, read.read_s)
        if objects.counts and not gateways:
            read_ms = _ms(read.noticed_s, read.read_s)
            yield Changed("", None, None, objects, ChangedResources(), read_ms, None)

    def _published(self, note: Published, deliveries: list[Delivery]) -> Iterator[Facts]:
        waits = self._unpublished.pop(note.gateway, None)
        since_s = waits.noticed_s if waits else note.at_s
        differing = {type_url: names for type_url, names in _differing(note) if names}
        if waits or differing:
            followed = tuple(_followed(note, differing))
            yield Changed(
                gateway=note.gateway,
                generation=note.generation if differing else None,
                outcome=note.now.outcome if note.now else None,
                objects=waits.objects if waits else NO_OBJECTS,
                resources=_changed_resources(note, differing, followed),
                read_ms=_ms(waits.noticed_s, waits.read_s) if waits else None,
                published_ms=_ms(since_s, note.at_s) if waits else None,
            )
            if differing:
                versions = {(one.type_url, one.name): one.version for one in map(_resource_of, followed)}
                deliveries.append(Delivery(note.gateway, note.generation, since_s, note.at_s, versions))
                self._bodies.keep(note.generation, note.gateway, followed)
        yield from _hooks_changed(note)


def _changed_objects(read: Read) -> ChangedObjects:
    before = read.before if read.before is not None else GatewayState()
    changes: ChangeSet[ObjectKey] = read.now.changes_since(before)
    kinds = ((changes.added, Change.ADDED), (changes.changed, Change.CHANGED), (changes.removed, Change.REMOVED))
    listed = {key: change for keys, change in kinds for key in nsmallest(LISTED, keys)}
    first = tuple(nsmallest(LISTED, listed.items(), key=lambda entry: entry[0]))
    gone = {key: place.document.file for key in changes.removed & listed.keys() if (place := before.places.get(key))}
    places = (read.now.places.get(key) or before.places.get(key) for key, _ in first)
    files = frozenset(place.document.file for place in places if place)
    return ChangedObjects(first, Counter({change: len(keys) for keys, change in kinds if keys}), files, gone)


def _differing(note: Published) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the names of each type that Envoys are served otherwise."""
    for type_url in sorted(note.snapshot.resources.keys() | note.snapshot_before.resources.keys()):
        before, now = note.snapshot_before.of(type_url), note.snapshot.of(type_url)
        if before is not now:
            names = now.changed_since(before)
            yield type_url, frozenset(name for name in names if _version(before, name) != _version(now, name))


def _followed(note: Published, differing: Mapping[str, frozenset[str]]) -> Iterator[ChangedBody]:
    """Yield some of the resources that differ: of each type as many."""
    for type_url, names in differing.items():
        before, now = note.snapshot_before.of(type_url), note.snapshot.of(type_url)
        for name in nsmallest(FOLLOWED // len(differing), names):
            yield ChangedBody(type_url, name, before.get(name), now.get(name))


def _changed_resources(
    note: Published, differing: Mapping[str, frozenset[str]], followed: tuple[ChangedBody, ...]
) -> ChangedResources:
    counts = Counter[Change]()
    for type_url, names in differing.items():
        before, now = note.snapshot_before.of(type_url).keys(), note.snapshot.of(type_url).keys()
        there = names & now
        counts[Change.ADDED] += len(there - before)
        counts[Change.CHANGED] += len(there & before)
        counts[Change.REMOVED] += len(names - now)
    types = {type_url: len(names) for type_url, names in differing.items()}
    return ChangedResources(tuple(map(_resource_of, followed))[:LISTED], counts, types)


def _resource_of(body: ChangedBody) -> ChangedResource:
    now = body.now
    if now is None:
        return ChangedResource(body.type_url, body.name, Change.REMOVED, "")
    change = Change.CHANGED if body.before is not None else Change.ADDED
    return ChangedResource(body.type_url, body.name, change, now.version)


def _hooks_changed(note: Published) -> Iterator[HooksChanged]:
    before, now = _failing(note.before), _failing(note.now)
    outcome_before, outcome = (each.outcome if each else None for each in (note.before, note.now))
    begun = tuple(problem for call, problem in now.items() if call not in before)
    over = tuple(problem for call, problem in before.items() if call not in now)
    # That a Gateway comes, or goes, and no hook fails is no news of hooks.
    is_news = note.before is not None and note.now is not None and outcome_before is not outcome
    if begun or over or is_news:
        yield HooksChanged(note.gateway, outcome_before, outcome, Listed.of(begun), Listed.of(over), len(now))


def _failing(hooked: HookedGateway | None) -> Mapping[tuple[str, str, str], HookProblem]:
    failures = (*hooked.late, *hooked.failures) if hooked is not None else ()
    return {(one.manager, one.hook.value, one.subject): one for one in failures}


def _version(resources: VersionedResources, name: str) -> str:
    found: VersionedResource | None = resources.get(name)
    return found.version if found is not None else ""


def _ms(since_s: float, until_s: float) -> float:
    return round((until_s - since_s) * 1000, 1)
