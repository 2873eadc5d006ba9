"""At which Gateways backends are used, by the routes that are taken there. Pure; counts up and down as routes change.

Source: Gateway API v1.6, PolicyAncestorStatus: the ancestors of a policy for a backend are the Gateways whose traffic
it is for. Looked up at the routes, each edit of one would cost all that use the same backend.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from egxds.model.resolve.attachment import ParentVerdict
from egxds.model.resolve.references import backend_target
from egxds.model.resolve.rule_references import Route, mirrors_of
from egxds.model.resolve.verdicts import RouteVerdict
from egxds.object_key import ObjectKey


class Use(NamedTuple):
    """A way in which a backend is used.

    Attributes:
        gateway: where.
        listener: of the Gateway itself, as the route names it; empty where it names none, or a ListenerSet.
        port: of the backend; None where that has none.
    """

    gateway: ObjectKey
    listener: str
    port: int | None


class BackendAncestors:
    """Knows where every backend is used that a route refers to, whether it is there or not."""

    def __init__(self) -> None:
        """Start without routes."""
        self._uses: defaultdict[ObjectKey, Counter[Use]] = defaultdict(Counter)

    def move(self, before: RouteVerdict | None, now: RouteVerdict | None) -> AbstractSet[ObjectKey]:
        """Take over what is decided about a route, and return the backends that are used elsewhere than before."""
        was, is_ = set(_uses(before)), set(_uses(now))
        moved = [(entry, -1) for entry in was - is_] + [(entry, 1) for entry in is_ - was]
        return frozenset(backend for (backend, use), step in moved if self._count(backend, use, step))

    def of(self, backend: ObjectKey) -> Iterable[Use]:
        """Return the ways in which a backend is used, sorted."""
        return sorted(self._uses.get(backend, ()), key=lambda use: (use.gateway, use.listener, use.port or 0))

    def _count(self, backend: ObjectKey, use: Use, step: int) -> bool:
        """Count a route; tell whether it is the first one, or was the last."""
        uses = self._uses[backend]
        was_there = bool(uses[use])
        uses[use] += step
        is_there = bool(uses[use])
        if not is_there:
            del uses[use]
        if not uses:
            del self._uses[backend]
        return was_there is not is_there


def _uses(verdict: RouteVerdict | None) -> Iterator[tuple[ObjectKey, Use]]:
    if verdict is None:
        return
    taken = [(each.gateway, _listener(each)) for each in verdict.parents if each.refusal is None]
    for backend, port in _backends(verdict.route) if taken else ():
        yield from ((backend, Use(gateway, listener, port)) for gateway, listener in taken)


def _listener(parent: ParentVerdict) -> str:
    return parent.ref.section_name or "" if parent.key == parent.gateway else ""


def _backends(route: Route) -> Iterator[tuple[ObjectKey, int | None]]:
    for rule in route.content.rules:
        mirrors = (mirror.backend_ref for _, _, mirror in mirrors_of(rule))
        yield from ((backend_target(route.key, ref), ref.port) for ref in (*rule.backend_refs, *mirrors))
