"""Which policies stand below others of their kind, and replace them or are merged over them there. Pure.

Source: Envoy Gateway v1.9, its conditions Overridden and Merged.

    below a policy of               stand those of
    a Gateway                       its listeners, its ListenerSets and their listeners, routes at any of these
    a listener of a Gateway         routes that name it, or all of the Gateway, in a parentRef
    a ListenerSet                   its listeners, routes at any of these
    a listener of a ListenerSet     routes that name it, or all of the set, in a parentRef
    a route                         rules of it

What a policy at one object adds is taken back when it changes; a Gateway's policy is told of a new one, or of one that
is gone, and of no other change of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from egxds.incremental.revision import Revision
from egxds.model.api.gateway import GATEWAY
from egxds.model.api.listener_set import LISTENER_SET
from egxds.model.resolve.attachment import RouteParent
from egxds.model.resolve.faults import Reason
from egxds.model.resolve.parents import LISTENER_OWNERS
from egxds.model.status.policy_reaches import Reach, Standing
from egxds.object_key import GroupKind, ObjectKey


class Below(NamedTuple):
    """A policy below others.

    Attributes:
        policy: the policy.
        key: of the object that it is for.
        section: listener of it that it is for; empty where all of it is meant, and of a route.
        at: of a route the listener that it names in its parentRef; else empty.
        is_in_set: whether it is below a Gateway by one of its ListenerSets.
    """

    policy: ObjectKey
    key: ObjectKey
    section: str = ""
    at: str = ""
    is_in_set: bool = False


Above = tuple[GroupKind, ObjectKey]
"""Kind of the policies, and the Gateway or the ListenerSet that those above are for."""

Scope = Revision[Below, AbstractSet[ObjectKey]]
"""What is below, each with the policies that it is merged over."""

EMPTY: Scope = Revision()
Added = Mapping[Above, Mapping[Below, AbstractSet[ObjectKey]]]
_Entry = tuple[ObjectKey, Below, AbstractSet[ObjectKey]]
"""The Gateway or ListenerSet above, what is below it, and what that is merged over."""

_NOT_THERE = frozenset({Reason.TARGET_NOT_FOUND, Reason.CONFLICTED})
"""Of policies that replace nothing."""


class PolicyScopes:
    """Knows what is below Gateways and ListenerSets."""

    def __init__(self) -> None:
        """Start without policies."""
        self._scopes: dict[Above, Scope] = {}
        self._added: dict[tuple[ObjectKey, ObjectKey], Added] = {}

    def put(self, policy: ObjectKey, key: ObjectKey, added: Added) -> AbstractSet[Above]:
        """Take over what a policy at an object adds, in the place of what it added before.

        Returns:
            The scopes that are others than before.
        """
        before = self._added.pop((policy, key), {})
        if added:
            self._added[policy, key] = added
        return {above for above in before.keys() | added.keys() if self._edit(above, before, added)}

    def of(self, above: Above) -> Scope:
        """Return what is below."""
        return self._scopes.get(above, EMPTY)

    def _edit(self, above: Above, before: Added, now: Added) -> bool:
        scope, was, is_ = self.of(above), before.get(above, {}), now.get(above, {})
        if was == is_:
            return False
        edited = scope.edited(is_, was.keys() - is_.keys())
        if edited:
            self._scopes[above] = edited
        else:
            self._scopes.pop(above, None)
        return True


def added_by(policy: ObjectKey, reaches: Iterable[Reach], parents: Mapping[ObjectKey, RouteParent]) -> Added:
    """Return what a policy adds below others at one of its objects.

    Args:
        policy: the policy.
        reaches: what came of its targets there.
        parents: Gateways and ListenerSets, as routes see them.
    """
    found: dict[Above, dict[Below, AbstractSet[ObjectKey]]] = {}
    for reach in reaches:
        standings = [each for each in reach.standings if not any(fault.reason in _NOT_THERE for fault in each.faults)]
        is_of_listeners = reach.target.key.group_kind in LISTENER_OWNERS
        added = (
            _of_listeners(policy, reach, parents) if is_of_listeners else _of_route(policy, reach, standings, parents)
        )
        for key, below, merged_over in added if standings else ():
            found.setdefault((policy.group_kind, key), {})[below] = merged_over
    return found


def _of_listeners(policy: ObjectKey, reach: Reach, parents: Mapping[ObjectKey, RouteParent]) -> Iterator[_Entry]:
    key, section = reach.target.key, reach.target.section
    below = Below(policy, key, section)
    if section:
        yield key, below, frozenset()
    if key in parents and parents[key].gateway != key:
        yield parents[key].gateway, below._replace(is_in_set=True), frozenset()


def _of_route(
    policy: ObjectKey, reach: Reach, standings: Iterable[Standing], parents: Mapping[ObjectKey, RouteParent]
) -> Iterator[_Entry]:
    key = reach.target.key
    if reach.target.section:
        yield key, Below(policy, key, reach.target.section), frozenset()
    for standing in standings:
        parent, merged_over = standing.ancestor.key, frozenset(standing.merged_over)
        yield parent, Below(policy, key, at=standing.ancestor.section), merged_over
        if parent in parents and parents[parent].gateway != parent:
            yield parents[parent].gateway, Below(policy, key, is_in_set=True), merged_over


_SHOWN = 20
_WORDS_OF_ROUTES = ("routes", "route rules")
_WORDS_OF: Mapping[GroupKind, tuple[str, str]] = {
    GATEWAY.id: ("gateways", "gateway listeners"),
    LISTENER_SET.id: ("listenersets", "listenerset listeners"),
}
"""What policies are for as a whole, and the sections of it, in Envoy Gateway's words."""

_WORDS = tuple(word for words in (*_WORDS_OF.values(), _WORDS_OF_ROUTES) for word in words)


def overridden_text(below: Iterable[Below]) -> str:
    """List policies below for people, as Envoy Gateway has it; empty where there are none."""
    found: dict[str, set[str]] = {}
    for each in below:
        word, name = _named(each)
        found.setdefault(word, set()).add(name)
    return " and ".join(f"these {word}: [{_listed(found[word])}]" for word in _WORDS if word in found)


def _named(below: Below) -> tuple[str, str]:
    key, name = below.key, f"{below.key.namespace}/{below.key.name}"
    whole, part = _WORDS_OF.get(key.group_kind, _WORDS_OF_ROUTES)
    if not below.section:
        return whole, name
    return part, below.section if part == "route rules" else f"{name}/{below.section}"


def _listed(names: AbstractSet[str]) -> str:
    shown = sorted(names)[:_SHOWN]
    return " ".join((*shown, *([f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else [])))
