"""Which matches of rules take no request, since another one that takes all that they want is tried first. Pure.

Routes share the hostnames of a listener, and of those of their matches that want the same requests the first by
precedence takes all of them (`match_order`, then the older route, its name, the order of its rules). The others are
shadowed. That is no fault of the route, which stays accepted; it is told, since nobody who wrote a rule wants it to do
nothing, and it serves as soon as the other one goes away, with nobody touching its file.

Of each hostname of each listener those who want something are kept (`contenders`), so that a match is compared with
those that can take what it wants and with nothing else. Only where somebody else takes it everybody who wants it is
told: an edit costs its own matches and hostnames, and those who lose by it, or to somebody else by it. Two matches of
one rule are no contest, since the rule takes the requests.

Hostnames are compared as they are written: where one covers the other, Envoy looks for a route under the narrower one
alone, and those under the wider one are no contest for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from egxds.model.resolve.contenders import Contenders, RankedRule
from egxds.model.resolve.contests import Claim
from egxds.model.resolve.cookie_requests import ranked_with_cookies
from egxds.model.resolve.effective_policies import PoliciesInForce
from egxds.model.resolve.features.upgrades import HTTP_UPGRADE, Upgrades
from egxds.model.resolve.precedence import precedence
from egxds.model.resolve.requests import Requests
from egxds.model.resolve.resolved import ResolvedRoute
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.object_key import ObjectKey


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


def wanted_by(route: ResolvedRoute) -> Wanted:
    """Return what the rules of a route want; of two matches that want the same, the one that is tried first counts.

    A rule that is for tunnels is no contest for others, whose paths such requests do not have.
    """
    kind, age = ROUTE_KINDS[route.route.key.group_kind], precedence(route.route)
    found: dict[tuple[int, Requests], RankedRule] = {}
    for resolved in route.rules:
        if _takes_tunnels(resolved.in_force):
            continue
        rule = route.route.content.rules[resolved.index]
        for match in ranked_with_cookies(kind.matches(rule, resolved.covered), resolved.cookies):
            at = resolved.index, match.requests
            standing = RankedRule(match.rank, age, resolved.index, match.position, route.route.key, rule.name or "")
            found[at] = min(found.get(at, standing), standing)
    return found


class Shadows:
    """Knows which rules take the requests that several want."""

    def __init__(self) -> None:
        """Start without routes."""
        self._held: dict[ObjectKey, _Held] = {}
        self._contenders: dict[Claim, Contenders] = {}
        self._touched: set[Claim] = set()

    def claim(self, key: ObjectKey, claims: Iterable[Claim], wanted: Wanted) -> None:
        """Take over what a route wants now.

        Args:
            key: the route.
            claims: hostnames of listeners that it is for.
            wanted: what its rules want; nothing where it is gone.
        """
        before, now = self._held.pop(key, _NOTHING), _Held(frozenset(claims), wanted)
        if now.claims and now.wanted:
            self._held[key] = now
        for claim in before.claims | now.claims if now != before else ():
            was = before.wanted if claim in before.claims else _NOTHING.wanted
            wants = now.wanted if claim in now.claims else _NOTHING.wanted
            gone, come = was.items() - wants.items(), wants.items() - was.items()
            self._contenders.setdefault(claim, Contenders()).replace(_without_rules(gone), _without_rules(come))
            self._touched.add(claim)

    def concerned(self) -> AbstractSet[ObjectKey]:
        """Return the routes that have or lose otherwise than when this was asked the last time.

        Asked once for many claims: a thousand that come in the wrong order are not told a thousand times.
        """
        found = frozenset[ObjectKey]().union(*(self._contenders[claim].concerned() for claim in self._touched))
        for claim in self._touched:
            if not self._contenders[claim]:
                del self._contenders[claim]
        self._touched = set()
        return found

    def of(self, key: ObjectKey) -> tuple[Shadow, ...]:
        """Return what a route does not get, in order."""
        return tuple(self._of(self._held.get(key, _NOTHING)))

    def _of(self, held: _Held) -> Iterator[Shadow]:
        for claim in sorted(held.claims):
            contenders = self._contenders[claim]
            for (_, requests), rule in held.wanted.items():
                winner = contenders.winner(requests, rule)
                if winner is not None:
                    yield Shadow(claim, rule, winner)


def _takes_tunnels(in_force: PoliciesInForce) -> bool:
    """Tell whether policies of a rule have it take requests for tunnels, and no others."""
    asked = (each.settings.get(HTTP_UPGRADE.field) for each in in_force)
    return any(isinstance(each, Upgrades) and each.tunnel is not None for each in asked)


def _without_rules(entries: _Entries) -> list[tuple[Requests, RankedRule]]:
    return [(requests, rule) for (_, requests), rule in entries]
