"""Which matches of rules take no request, since another one that wants the same is tried first. Pure.

Routes share the hostnames of a listener, and of those of their matches that want the same requests the first by
precedence takes all of them (`match_order`, then the older route, its name, the order of its rules). The others are
shadowed. That is no fault of the route, which stays accepted; it is told, since nobody who wrote a rule wants it to do
nothing, and it serves as soon as the other one goes away, with nobody touching its file.

Of each hostname of each listener the matches are kept by the requests that they want (`requests`), sorted, so that a
match is compared with the first of its own requests and with nothing else. Only where those get another first one
everybody else who wants them is told, since what takes them is another: an edit costs its own matches and hostnames,
and those who lose by it, or to somebody else by it. Two matches of one rule are no contest, since the rule takes the
requests.

Hostnames are compared as they are written: where one covers the other, Envoy looks for a route under the narrower one
alone, and those under the wider one are no contest for it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from egxds.model.resolve.contests import Claim
from egxds.model.resolve.match_order import Rank
from egxds.model.resolve.precedence import Precedence, precedence
from egxds.model.resolve.requests import Requests
from egxds.model.resolve.resolved import ResolvedRoute
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.object_key import ObjectKey


class RankedRule(NamedTuple):
    """A rule among those that want the same requests: what sorts before takes them.

    Attributes:
        rank: of its match.
        age: of the route.
        rule: its position in the route.
        match: position of the match in the rule, the first one of those that want the same.
        route: the route.
        name: of the rule; empty where it has none.
    """

    rank: Rank
    age: Precedence
    rule: int
    match: int
    route: ObjectKey
    name: str


class Shadow(NamedTuple):
    """Requests that a rule does not get.

    Attributes:
        claim: hostname and listener.
        loser: the rule.
        winner: the one that takes them.
    """

    claim: Claim
    loser: RankedRule
    winner: RankedRule


Wanted = Mapping[tuple[int, Requests], RankedRule]
"""Position of a rule, and requests that it wants → how it stands among those that want them."""


@dataclass(frozen=True, slots=True)
class _Held:
    claims: frozenset[Claim]
    wanted: Wanted


_Entries = AbstractSet[tuple[tuple[int, Requests], RankedRule]]
_NOTHING = _Held(frozenset(), {})
_Standing = dict[Requests, list[RankedRule]]


def wanted_by(route: ResolvedRoute) -> Wanted:
    """Return what the rules of a route want; of two matches that want the same, the one that is tried first counts."""
    kind, age = ROUTE_KINDS[route.route.key.group_kind], precedence(route.route)
    found: dict[tuple[int, Requests], RankedRule] = {}
    for index in (rule.index for rule in route.rules):
        rule = route.route.content.rules[index]
        for match in kind.matches(rule):
            at = index, match.requests
            standing = RankedRule(match.rank, age, index, match.position, route.route.key, rule.name or "")
            found[at] = min(found.get(at, standing), standing)
    return found


class Shadows:
    """Knows which rules take the requests that several want."""

    def __init__(self) -> None:
        """Start without routes."""
        self._held: dict[ObjectKey, _Held] = {}
        self._standing: dict[Claim, _Standing] = {}

    def claim(self, key: ObjectKey, claims: Iterable[Claim], wanted: Wanted) -> AbstractSet[ObjectKey]:
        """Take over what a route wants now.

        Args:
            key: the route.
            claims: hostnames of listeners that it is for.
            wanted: what its rules want; nothing where it is gone.

        Returns:
            The other routes that have or lose otherwise than before.
        """
        before, now = self._held.pop(key, _NOTHING), _Held(frozenset(claims), wanted)
        if now.claims and now.wanted:
            self._held[key] = now
        if now == before:
            return frozenset()
        others: set[ObjectKey] = set()
        for claim in before.claims | now.claims:
            was = before.wanted if claim in before.claims else _NOTHING.wanted
            wants = now.wanted if claim in now.claims else _NOTHING.wanted
            others.update(self._move(claim, was.items() - wants.items(), wants.items() - was.items()))
        return others - {key}

    def of(self, key: ObjectKey) -> tuple[Shadow, ...]:
        """Return what a route does not get, in order."""
        return tuple(self._of(self._held.get(key, _NOTHING)))

    def _of(self, held: _Held) -> Iterator[Shadow]:
        for claim in sorted(held.claims):
            standing = self._standing[claim]
            for (_, requests), rule in held.wanted.items():
                first = standing[requests][0]
                if first != rule:
                    yield Shadow(claim, rule, first)

    def _move(self, claim: Claim, gone: _Entries, come: _Entries) -> Iterator[ObjectKey]:
        """Take some rules out of a hostname and put others in; yield the routes that want what another one takes."""
        standing = self._standing.setdefault(claim, {})
        firsts = {requests: _first(standing, requests) for (_, requests), _ in (*gone, *come)}
        for (_, requests), rule in gone:
            _leave(standing, requests, rule)
        for (_, requests), rule in come:
            insort(standing.setdefault(requests, []), rule)
        for requests, first in firsts.items():
            if _first(standing, requests) != first:
                yield from (rule.route for rule in standing.get(requests, ()))
        if not standing:
            del self._standing[claim]


def _first(standing: _Standing, requests: Requests) -> RankedRule | None:
    rules = standing.get(requests)
    return rules[0] if rules else None


def _leave(standing: _Standing, requests: Requests, rule: RankedRule) -> None:
    rules = standing[requests]
    del rules[bisect_left(rules, rule)]
    if not rules:
        del standing[requests]
