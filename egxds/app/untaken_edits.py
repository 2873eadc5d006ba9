"""Which edits are behind what an Envoy refuses: those that nobody has taken yet. Pure.

An edit is followed by what is published for it, a step: which objects were edited, with what was in force of them
before, and which resources have other versions than before. A step says of each of these in which versions the edit is.

    published otherwise for an edit -------------------------> a step of that Gateway
    a resource of it is published once more, for whatever ---> that version counts for the step, too
    an Envoy has taken one of these versions, or it is gone -> that step, and all before it, are done with the resource
    they are done with all resources, or there are too many -> forgotten

So what is behind a resource that is refused are the edits of the newest steps that have it, back to the first one that
somebody has taken; of an object that was edited more than once, what was in force before the first of these counts. It
is told from what streams know anyway (`DeltaSession.uptake`): nothing is noted while Envoys are served, and no edit
looks at more than itself. Of resources that were made of many objects, only those of an edit are looked at.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from egxds.hooks.policy.outcome import Outcome
from egxds.model.store.rolled_back import WrittenObject
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.resources.resource import Key
from egxds.sessions.open_streams import Client
from egxds.sessions.status import Uptake
from egxds.snapshot.snapshot import Snapshot

MOST_STEPS = 64
MOST_EDITS = 20_000
"""Edited objects that are remembered, with what they said before; the oldest steps make room."""

_MOST_VERSIONS = 8
"""Of a resource in one step; those of hooks that change their mind."""

Edits = dict[ObjectKey, WrittenObject | None]
"""Edited object → what was in force of it before; None where that was nothing."""


@dataclass(slots=True)
class _Step:
    edits: Edits
    versions: dict[Key, list[str]]
    """Resource → the versions of it that they are in, the newest last."""


class UntakenEdits:
    """What was edited and published, and what of it nobody has taken."""

    def __init__(self) -> None:
        """Know of no edit."""
        self._unpublished: defaultdict[str, Edits] = defaultdict(dict)
        self._steps: deque[_Step] = deque()

    def __bool__(self) -> bool:
        """Tell whether anything is remembered."""
        return bool(self._steps)

    def edited(self, gateways: Iterable[str], before: GatewayState | None, now: GatewayState) -> None:
        """Take note of an edit.

        Args:
            gateways: those that come out otherwise by it.
            before: the objects in force before it; None at a start that knows of nothing before, which is no edit.
            now: the objects in force.
        """
        if before is None:
            return
        is_next = bool(now.steps) and now.steps[-1][0] is before.mark
        changes = now.changes if is_next else now.changes_since(before)
        # What is rolled back now nobody has edited.
        edited = [key for key in changes if key not in now.rolled_back] if now.rolled_back else changes
        found = {key: None if key in changes.added else in_force(key, before) for key in edited}
        for gateway in gateways if found else ():
            # Of an object that was edited before, what was in force before that counts.
            self._unpublished[gateway] = found | self._unpublished[gateway]

    def published(self, gateway: str, before: Snapshot, now: Snapshot, outcome: Outcome | None) -> None:
        """Take note of what is published for a Gateway.

        Args:
            gateway: its name.
            before: what its Envoys were served before.
            now: what they are served now.
            outcome: of its hooks; of what is held edits are not a part yet. None where the Gateway has gone.
        """
        differing = _differing(before, now)
        if not differing and outcome is Outcome.HELD:
            return
        versions = {place: version for place, version in differing.items() if version}
        for place in differing.keys() - versions.keys():
            self._forget(place)
        edits = self._unpublished.pop(gateway, None)
        if edits and versions:
            self._steps.append(_Step(edits, {place: [version] for place, version in versions.items()}))
            self._make_room()
        elif versions:
            self._follow(versions)

    def behind(self, place: Key, clients: Collection[Client]) -> Edits:
        """Return the edits behind a resource that nobody has taken, whatever the resource was made from.

        Args:
            place: type and name of the resource.
            clients: the open streams.
        """
        found: Edits = {}
        for step in reversed(self._steps):
            versions = step.versions.get(place)
            if versions is None:
                continue
            if _is_taken(place, versions, clients):
                break
            # An older step goes further back with what was in force before.
            found = {**found, **step.edits}
        return found

    def is_unpublished(self, key: ObjectKey, gateways: Iterable[str]) -> bool:
        """Tell whether an object was edited, and that is still with the hooks of one of some Gateways."""
        return any(key in self._unpublished[gateway] for gateway in gateways if gateway in self._unpublished)

    def is_open(self, keys: Collection[ObjectKey], clients: Collection[Client]) -> bool:
        """Tell whether some objects were edited, and an Envoy has still to say something to that.

        Args:
            keys: the objects.
            clients: the open streams.
        """
        if any(self.is_unpublished(key, self._unpublished) for key in keys):
            return True
        newest: dict[Key, str] = {}
        for step in reversed(self._steps):
            newest = {**{place: versions[-1] for place, versions in step.versions.items()}, **newest}
            is_about = not step.edits.keys().isdisjoint(keys)
            if is_about and any(is_awaited(place, newest[place], clients) for place in step.versions):
                return True
        return False

    def forget_taken(self, clients: Collection[Client]) -> None:
        """Forget what Envoys have taken; it looks at all that is remembered."""
        done: set[Key] = set()
        for step in reversed(self._steps):
            for place in [place for place in step.versions if place not in done]:
                if _is_taken(place, step.versions[place], clients):
                    done.add(place)
            for place in done & step.versions.keys():
                del step.versions[place]
        self._steps = deque(step for step in self._steps if step.versions)

    def _follow(self, versions: Mapping[Key, str]) -> None:
        """Count versions for the newest steps that have their resources: whoever takes them takes the edits there."""
        left = set(versions)
        for step in reversed(self._steps):
            for place in left & step.versions.keys():
                step.versions[place] = [*step.versions[place], versions[place]][-_MOST_VERSIONS:]
            left -= step.versions.keys()

    def _forget(self, place: Key) -> None:
        for step in self._steps:
            step.versions.pop(place, None)

    def _make_room(self) -> None:
        while len(self._steps) > MOST_STEPS or sum(len(step.edits) for step in self._steps) > MOST_EDITS:
            self._steps.popleft()


def in_force(key: ObjectKey, state: GatewayState) -> WrittenObject | None:
    """Return what is in force of an object with its text; of one that is rolled back, what an Envoy took of it last.

    Args:
        key: the object.
        state: the objects in force.
    """
    rolled_back = state.rolled_back.get(key)
    if rolled_back is not None:
        return rolled_back.bar.former
    item = state.find(key)
    return WrittenObject(item, state.places[key].document) if item is not None else None


def _differing(before: Snapshot, now: Snapshot) -> dict[Key, str]:
    """Return what is published otherwise, with its version; with none where it is gone."""
    found: dict[Key, str] = {}
    for type_url in before.resources.keys() | now.resources.keys():
        was, resources = before.of(type_url), now.of(type_url)
        for name in resources.changed_since(was):
            resource, known = resources.get(name), was.get(name)
            version = resource.version if resource is not None else ""
            if version != (known.version if known is not None else ""):
                found[type_url, name] = version
    return found


def _is_taken(place: Key, versions: Iterable[str], clients: Iterable[Client]) -> bool:
    """Tell whether anybody has taken a version that some edits are in."""
    return any(client.session.uptake(*place, version) is Uptake.TAKEN for client in clients for version in versions)


def is_awaited(place: Key, version: str, clients: Iterable[Client]) -> bool:
    """Tell whether somebody has still to say something to the version that counts now, and nobody has taken it."""
    uptakes = [(client, client.session.uptake(*place, version)) for client in clients]
    if any(uptake is Uptake.TAKEN for _, uptake in uptakes):
        return False
    return any(uptake is Uptake.NOT_TAKEN and not _refuses(client, place, version) for client, uptake in uptakes)


def _refuses(client: Client, place: Key, version: str) -> bool:
    """Tell whether an Envoy refuses a version of a resource, whatever comes beside it."""
    refused = (each.resource for each in client.session.pending())
    return any(((each.type_url, each.name), each.version) == (place, version) for each in refused)
