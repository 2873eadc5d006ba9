"""What is decided about each route. Pure; decides again what read something that changed.

A route is judged in two steps. Its references are followed: backends, objects of extensions, policies on it. Then it is
attached to the listeners of its parents. Each step has its own readers (`dependents`): a change behind a reference
does both for the routes that hold it, a change of a Gateway attaches its routes again and follows nothing. Where only
one route can have a hostname, those that get or lose it by the change are attached anew, too (`contests`); where
several share it, those of which a rule gets or loses requests are told (`shadows`). What policies ask of a rule that
are to be merged over those of a listener is another thing at each: such a route reads the policies of its parents.

The routes of a listener are a revision, of which an edit changes the entries of the routes concerned. How many there
are is its length. They are kept for each listener that a route names, served or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.model.api.core import NAMESPACE
from egxds.model.resolve.attachment import ParentVerdict, RouteParent, attach
from egxds.model.resolve.backend_ancestors import BackendAncestors
from egxds.model.resolve.connection_access import asked_of_route
from egxds.model.resolve.contests import Claim, HostnameContests
from egxds.model.resolve.dependents import Changed, Dependents, Query
from egxds.model.resolve.effective_policies import PoliciesInForce
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.parents import LISTENER_OWNERS, parent_of_route, strange_parents
from egxds.model.resolve.precedence import precedence
from egxds.model.resolve.references import not_found
from egxds.model.resolve.resolved import AttachedRoute
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.route_references import FollowedRoute, follow_route, route_queries
from egxds.model.resolve.rule_references import ResolveContext, Route
from egxds.model.resolve.shadows import Shadows, Wanted, wanted_by
from egxds.model.resolve.verdicts import Place, RouteVerdict
from egxds.object_key import ObjectKey

AttachedRoutes = Revision[ObjectKey, AttachedRoute]

NO_ROUTES: AttachedRoutes = Revision()

_NOBODY: AbstractSet[ObjectKey] = frozenset()
_Places = Mapping[Place, dict[ObjectKey, AttachedRoute | None]]

_Parents = tuple[tuple[int, ObjectKey], ...]
"""Positions of parentRefs that name a Gateway or a ListenerSet, with those."""


@dataclass(frozen=True, slots=True)
class RouteEdit:
    """What changed about routes.

    Attributes:
        judged: route → what is decided about it now, None where it is gone.
        places: listeners of which the routes are others.
        backends: those that are used at other Gateways than before.
    """

    judged: Mapping[ObjectKey, RouteVerdict | None]
    places: AbstractSet[Place]
    backends: AbstractSet[ObjectKey]


class RouteBook:
    """Knows what is decided about every route.

    Attributes:
        routes_followed: how many times the references of a route were followed since the start.
        ancestors: knows where backends are used.
    """

    def __init__(self, context: ResolveContext, named: Mapping[ObjectKey, RouteParent]) -> None:
        """Start without routes.

        Args:
            context: what routes are followed in.
            named: every Gateway of ours, and every ListenerSet for one, always as of now.
        """
        self.routes_followed = 0
        self.ancestors = BackendAncestors()
        self._moved_backends: set[ObjectKey] = set()
        self._context = context
        self._named = named
        self._verdicts: dict[ObjectKey, RouteVerdict] = {}
        self._references: Dependents[ObjectKey] = Dependents()
        self._parents: Dependents[ObjectKey] = Dependents()
        self._merging: Dependents[ObjectKey] = Dependents()
        self._attached: dict[Place, AttachedRoutes] = {}
        self._contests = HostnameContests()
        self._shadows = Shadows()

    def update(
        self,
        changed: Changed,
        shapes: AbstractSet[Query],
        policies: AbstractSet[ObjectKey],
        parents: AbstractSet[ObjectKey],
    ) -> RouteEdit:
        """Decide again about the routes that read something that changed.

        Args:
            changed: objects and questions.
            shapes: endpoints that have another shape.
            policies: objects on which other policies are in force, or come to something else.
            parents: Gateways and ListenerSets that routes see otherwise than before.
        """
        own, placed = changed.of(ROUTE_KINDS), parents | changed.of([NAMESPACE.id])
        behind = self._references.readers(changed.queries | shapes | policies)
        followed = own | behind | (policies & self._verdicts.keys())
        attached = self._parents.readers(placed) - followed
        judged: dict[ObjectKey, RouteVerdict | None] = {}
        places: defaultdict[Place, dict[ObjectKey, AttachedRoute | None]] = defaultdict(dict)
        contested: set[ObjectKey] = set()
        for key in sorted(followed | attached):
            verdict, others = self._judge(key, key in followed)
            contested |= others
            self._take(key, verdict, judged, places)
        contested |= self._shadows.concerned() | self._merging.readers(changed.queries | policies)
        # Without those that went after they had been told.
        for key in sorted(contested & self._verdicts.keys()):
            self._take(key, self._settled(self._verdicts[key]), judged, places)
        moved, self._moved_backends = frozenset(self._moved_backends), set()
        taken = frozenset(place for place, edits in places.items() if self._attach(place, edits))
        return RouteEdit(judged, taken, moved)

    def verdict(self, key: ObjectKey) -> RouteVerdict | None:
        """Return what is decided about a route, None where there is none."""
        return self._verdicts.get(key)

    def at(self, gateway: ObjectKey, listener: str) -> AttachedRoutes:
        """Return the routes that a listener takes."""
        return self._attached.get((gateway, listener), NO_ROUTES)

    def _take(
        self, key: ObjectKey, now: RouteVerdict | None, judged: dict[ObjectKey, RouteVerdict | None], places: _Places
    ) -> None:
        """Take over what is decided about a route, and note what that changes."""
        before = self._verdicts.get(key)
        if now is not before:
            judged[key] = now
            self._put(key, before, now)
            for place, route in _moves(before, now):
                places[place][key] = route

    def _judge(self, key: ObjectKey, is_followed: bool) -> tuple[RouteVerdict | None, AbstractSet[ObjectKey]]:
        """Decide about a route; the verdict before where it comes out the same, None where the route is gone.

        Returns:
            The verdict; and other routes that get or lose hostnames by it.
        """
        route = self._context.index.state.of(ROUTE_KINDS[key.group_kind].kind).get(key)
        before = self._verdicts.get(key)
        if route is None:
            self._references.forget(key)
            self._parents.forget(key)
            self._merging.forget(key)
            return None, self._claim(key, before.route, (), {}) if before is not None else _NOBODY
        followed = before.followed if before is not None and not is_followed else self._follow(route, before)
        return self._attach_to_parents(followed, before)

    def _follow(self, route: Route, before: RouteVerdict | None) -> FollowedRoute:
        self.routes_followed += 1
        self._references.note(route.key, route_queries(route, self._context.index))
        return follow_route(route, self._context, before.followed if before is not None else None)

    def _attach_to_parents(
        self, followed: FollowedRoute, before: RouteVerdict | None
    ) -> tuple[RouteVerdict, AbstractSet[ObjectKey]]:
        route = followed.resolved.route
        targets = tuple(_targets(route))
        # Noted even where the verdict comes out the same: a listener may ask for labels that did not before.
        self._parents.note(route.key, self._parent_queries(route, targets))
        namespace = self._context.index.state.of(NAMESPACE).get(_namespace(route))
        parents = tuple(
            attach(route, position, self._named[target], namespace)
            for position, target in targets
            if target in self._named
        )
        is_same = before is not None and before.followed.resolved is followed.resolved
        wanted = before.wanted if before is not None and is_same else wanted_by(followed.resolved)
        others = self._claim(route.key, route, _claims(parents), wanted)
        known = before.attached if before is not None else {}
        verdict = RouteVerdict(followed, parents, tuple(self._orphaned(route, targets)), known, wanted=wanted)
        return keep_equal(before, self._settled(verdict)), others

    def _claim(self, key: ObjectKey, route: Route, claims: Iterable[Claim], wanted: Wanted) -> AbstractSet[ObjectKey]:
        """Take over what a route is for; return the other routes that get or lose connections by it."""
        if ROUTE_KINDS[key.group_kind].reads_requests:
            self._shadows.claim(key, claims, wanted)
            return _NOBODY
        return self._contests.claim(key, precedence(route), claims)

    def _settled(self, verdict: RouteVerdict) -> RouteVerdict:
        """Return a verdict with what the route has by now of what it is for; the same one where that is as it was."""
        lost = self._contests.lost(verdict.route.key)
        taken = {each.claim for each in lost}
        resolved = verdict.followed.resolved
        merged = self._merged(verdict) if any(rule.is_merging for rule in resolved.rules) else {}
        attached = {
            place: keep_equal(
                verdict.attached.get(place),
                AttachedRoute(
                    resolved,
                    tuple(each for each in hostnames if Claim(*place, each) not in taken),
                    merged.get(place, {}),
                ),
            )
            for place, hostnames in _hostnames(verdict.parents)
        }
        shadows = self._shadows.of(verdict.route.key)
        return keep_equal(verdict, replace(verdict, attached=attached, lost=lost, shadows=shadows))

    def _merged(self, verdict: RouteVerdict) -> Mapping[Place, Mapping[int, PoliciesInForce]]:
        """Merge what policies ask of the rules of a route over what is in force at each of its listeners."""
        route, effective = verdict.route.key, self._context.effective
        merging = [rule for rule in verdict.followed.resolved.rules if rule.is_merging]
        found: dict[Place, Mapping[int, PoliciesInForce]] = {}
        queries: dict[Query, None] = {}
        for parent, listener in _listeners_of(verdict.parents):
            names = {
                key: [entry.listener.name for entry in self._named[key].listeners]
                for key in (parent.gateway, parent.key)
            }
            above = effective.at_listener(parent.gateway, parent.key, listener.rpartition("/")[2], names)
            queries |= dict.fromkeys((parent.gateway, parent.key))
            own = (each for rule in merging for each in rule.in_force if each.is_merging)
            queries |= dict.fromkeys(query for each in own for query in effective.merged_queries(each, above))
            found[parent.gateway, listener] = {
                rule.index: asked_of_route(route, effective.all_merged(rule.in_force, above)) for rule in merging
            }
        self._merging.note(route, queries)
        return found

    def _orphaned(self, route: Route, targets: _Parents) -> Iterator[Fault]:
        """Find parentRefs that cannot have been meant: nothing stands behind them."""
        if not route.content.parent_refs:
            message = "has no parentRefs, so no Gateway takes it; name one under spec.parentRefs"
            yield Fault(Reason.NO_MATCHING_PARENT, message)
        for position, target in targets:
            if target not in self._context.index.state.of(LISTENER_OWNERS[target.group_kind].kind):
                yield not_found(Reason.NO_MATCHING_PARENT, target, ("spec", "parentRefs", position))
        yield from strange_parents(route.content.parent_refs)

    def _put(self, key: ObjectKey, before: RouteVerdict | None, now: RouteVerdict | None) -> None:
        used = before.followed.endpoints if before is not None else ()
        self._context.endpoints.use(used, now.followed.endpoints if now is not None else ())
        self._moved_backends |= self.ancestors.move(before, now)
        if now is None:
            del self._verdicts[key]
        else:
            self._verdicts[key] = now

    def _parent_queries(self, route: Route, targets: _Parents) -> Iterator[Query]:
        for _, target in targets:
            yield target
            if target in self._named and self._named[target].selects_namespaces:
                yield _namespace(route)

    def _attach(self, place: Place, edits: Mapping[ObjectKey, AttachedRoute | None]) -> bool:
        """Edit the routes of a listener; tell whether they are others than before."""
        before = self.at(*place)
        put = {key: route for key, route in edits.items() if route is not None}
        now = before.edited(put, (key for key, route in edits.items() if route is None))
        if now:
            self._attached[place] = now
        else:
            self._attached.pop(place, None)
        return now is not before


def _targets(route: Route) -> Iterator[tuple[int, ObjectKey]]:
    """Yield the positions of a route's parentRefs that name a Gateway or a ListenerSet, with those."""
    for position, ref in enumerate(route.content.parent_refs):
        target = parent_of_route(route.key, ref)
        if target is not None:
            yield position, target


def _namespace(route: Route) -> ObjectKey:
    return NAMESPACE.key("", route.key.namespace)


def _hostnames(parents: Iterable[ParentVerdict]) -> Iterator[tuple[Place, tuple[str, ...]]]:
    for parent in parents:
        for listener, hostnames in parent.hostnames.items():
            yield (parent.gateway, listener), hostnames


def _listeners_of(parents: Iterable[ParentVerdict]) -> Iterator[tuple[ParentVerdict, str]]:
    """Yield the listeners that take a route, each with the parent that it is one of."""
    return ((parent, listener) for parent in parents for listener in parent.hostnames)


def _claims(parents: Iterable[ParentVerdict]) -> Iterator[Claim]:
    """Yield the hostnames that a route is for, each with its listener."""
    return (Claim(*place, hostname) for place, hostnames in _hostnames(parents) for hostname in hostnames)


def _moves(before: RouteVerdict | None, now: RouteVerdict | None) -> Iterator[tuple[Place, AttachedRoute | None]]:
    """Yield the places where a route was or is, with how it is attached there now."""
    was = before.attached if before is not None else {}
    is_ = now.attached if now is not None else {}
    yield from ((place, None) for place in was if place not in is_)
    yield from is_.items()
