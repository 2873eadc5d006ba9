"""What is remembered of a Gateway over a restart, as a table, and what changed of it. Pure.

A state is a table with a row for each type and name: the resource of the whole state, and the part, which mostly share
their bytes. So a change is the rows that are others than before, and revisions know where to look for them. Where
something failed, then or now, the parts are compared one by one.

The objects that a RouteConfiguration was made from are not kept: they are gathered when somebody looks, and to do so
at every change would be to go through all its routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from egxds.hooks.policy.outcome import PART_TYPES, Accepted, AcceptedPart, PublishedParts, inputs_of
from egxds.resources.resource import Key, Resource, Resources

_NONE = Resources()


@dataclass(frozen=True, slots=True)
class SavedState:
    """What is remembered of a Gateway.

    Attributes:
        gateway: `<namespace>/<name>`.
        accepted: its last state that all hooks accepted, whole.
        failing_since: since when each extension that holds it has been failing: name → seconds since 1970.
    """

    gateway: str
    accepted: Accepted
    failing_since: Mapping[str, float] = field(default_factory=dict)

    def is_still(self, before: SavedState | None) -> bool:
        """Tell at once whether nothing changed; where that would take a comparison, it may have."""
        if before is None or self.failing_since != before.failing_since:
            return False
        now, then = self.accepted, before.accepted
        if now.resources is not then.resources:
            return False
        if isinstance(now.parts, PublishedParts) and isinstance(then.parts, PublishedParts):
            is_same = now.parts.resources is then.parts.resources
            return is_same and now.parts.translation is then.parts.translation
        return now.parts is then.parts


@dataclass(frozen=True, slots=True)
class Row:
    """What a state has under one type and name.

    Attributes:
        whole: the resource of the whole state.
        part: the newest that was accepted on its own.
    """

    whole: Resource | None
    part: AcceptedPart | None


def row_of(state: SavedState, key: Key) -> Row:
    """Return what a state has under a type and name."""
    type_url, name = key
    resources = state.accepted.resources
    whole = resources.get(type_url, _NONE).get(name) if resources is not None else None
    return Row(whole and _without_gathering(whole), state.accepted.parts.get(key))


def keys_of(state: SavedState) -> set[Key]:
    """Return all types and names of a state."""
    groups = state.accepted.resources or {}
    return {(type_url, name) for type_url, group in groups.items() for name in group} | set(state.accepted.parts)


def changed_keys(before: SavedState, now: SavedState) -> set[Key]:
    """Return the keys whose rows may differ."""
    then, new = before.accepted, now.accepted
    if then.resources is None or new.resources is None:
        return keys_of(before) | keys_of(now)
    types = {*then.resources, *new.resources}
    changed = [(kind, new.resources.get(kind, _NONE).changed_since(then.resources.get(kind))) for kind in types]
    found = {(kind, name) for kind, group in changed for name in group}
    return found | _changed_parts(then.parts, new.parts)


def _changed_parts(before: Mapping[Key, AcceptedPart], now: Mapping[Key, AcceptedPart]) -> set[Key]:
    if not isinstance(before, PublishedParts) or not isinstance(now, PublishedParts):
        # Something failed, then or now.
        return set(before) | set(now)
    inputs = [(kind, inputs_of(now.translation, kind), inputs_of(before.translation, kind)) for kind in PART_TYPES]
    # Not only the inputs: while a hook fails, what others made of them is not that of the whole state.
    made = [(kind, now.resources.get(kind, _NONE), before.resources.get(kind)) for kind in PART_TYPES]
    return {(kind, name) for kind, group, former in (*inputs, *made) for name in group.changed_since(former)}


def _without_gathering(resource: Resource) -> Resource:
    return resource if isinstance(resource.sources, tuple) else replace(resource, sources=())
