"""The rules that want requests of one hostname of a listener: who takes them, and who is to be told. Pure.

    wants the same    rules are kept by the requests that they want, sorted; the first takes them
    wants more        a regular expression that leaves the end of a path open (`/api/.*`) is tried before every prefix,
                      and so takes all that is wanted of paths below, whatever else is asked for there

What else goes first seldom wants more: an exact path has no more than itself; of two prefixes the longer one goes
first, of two matches on one path the one that asks for more. So whoever wants the same stands under one key, and an
open end is looked for by the beginnings of one's own path.

The other way round, what is wanted below an open end is found in the sorted paths. That is a walk over these, and
happens only where another rule leaves the end open, or none any more: most of them are told then.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from operator import attrgetter
from typing import NamedTuple

from egxds.model.resolve.match_order import PathRank, Rank
from egxds.model.resolve.precedence import Precedence
from egxds.model.resolve.requests import PathForm, Requests
from egxds.object_key import ObjectKey


class RankedRule(NamedTuple):
    """A rule among those that want some requests: what sorts before takes them.

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


_PATH = attrgetter("path")
_LAST = "\U0010ffff"


class Contenders:
    """Those at one hostname of one listener."""

    __slots__ = ("_by_path", "_open_ended", "_renewed", "_renewed_below", "_rules")

    def __init__(self) -> None:
        """Start without any."""
        self._rules: dict[Requests, list[RankedRule]] = {}
        self._by_path: list[Requests] = []
        self._open_ended: dict[Requests, RankedRule] = {}
        self._renewed: set[Requests] = set()
        self._renewed_below: set[Requests] = set()

    def __bool__(self) -> bool:
        return bool(self._rules)

    def winner(self, requests: Requests, rule: RankedRule) -> RankedRule | None:
        """Return the rule that takes what another one wants; None where that one takes it itself.

        Args:
            requests: what it wants.
            rule: how it stands among those who want the same.
        """
        first = self._rules[requests][0]
        if self._open_ended:
            first = min((first, *self._open_ended_for(requests)))
        return first if (first.route, first.rule) != (rule.route, rule.rule) else None

    def replace(self, gone: Sequence[tuple[Requests, RankedRule]], come: Sequence[tuple[Requests, RankedRule]]) -> None:
        """Take some rules out and put others in."""
        before = {requests: self._first(requests) for requests, _ in (*gone, *come)}
        for requests, rule in gone:
            self._leave(requests, rule)
        for requests, rule in come:
            self._enter(requests, rule)
        for requests, first in before.items():
            if self._first(requests) != first:
                self._note_open_end(requests)
                # Where nobody was, whoever comes is judged by itself.
                self._renewed.update((requests,) if first is not None else ())

    def concerned(self) -> AbstractSet[ObjectKey]:
        """Return the routes that want what another one takes than when this was asked the last time."""
        below = (self._below(requests) for requests in self._renewed_below)
        wanted = self._renewed.union(*below)
        self._renewed, self._renewed_below = set(), set()
        return {rule.route for requests in wanted for rule in self._rules.get(requests, ())}

    def _note_open_end(self, requests: Requests) -> None:
        """Note whether the first of those that want the same leaves the end of a path open."""
        first, was = self._first(requests), self._open_ended.pop(requests, None)
        if first is not None and _is_open_ended(requests, first):
            self._open_ended[requests] = first
        if was is not self._open_ended.get(requests):
            self._renewed_below.add(requests)

    def _below(self, requests: Requests) -> Iterator[Requests]:
        """Yield what is wanted of paths below an open end, as far as that is asked for there."""
        first, last = (bisect_left(self._by_path, path, key=_PATH) for path in (requests.path, requests.path + _LAST))
        return (below for below in self._by_path[first:last] if requests in _wider(below, requests.path))

    def _open_ended_for(self, requests: Requests) -> Iterator[RankedRule]:
        """Yield the rules with an open end that take all of some requests, of those that want just these the first."""
        for length in range(len(requests.path) + 1):
            for each in _wider(requests, requests.path[:length]):
                if each in self._open_ended:
                    yield self._open_ended[each]

    def _first(self, requests: Requests) -> RankedRule | None:
        rules = self._rules.get(requests)
        return rules[0] if rules else None

    def _enter(self, requests: Requests, rule: RankedRule) -> None:
        if requests not in self._rules:
            self._rules[requests] = []
            insort(self._by_path, requests, key=_PATH)
        insort(self._rules[requests], rule)

    def _leave(self, requests: Requests, rule: RankedRule) -> None:
        rules = self._rules[requests]
        del rules[bisect_left(rules, rule)]
        if not rules:
            del self._rules[requests]
            first = bisect_left(self._by_path, requests.path, key=_PATH)
            del self._by_path[self._by_path.index(requests, first)]


def _is_open_ended(requests: Requests, first: RankedRule) -> bool:
    return requests.form is PathForm.STARTS_WITH and first.rank.path is PathRank.REGULAR_EXPRESSION


def _wider(requests: Requests, start: str) -> Collection[Requests]:
    """Return what takes all of some requests, as it has this start and asks for no more; not all that there may be."""
    if requests.form is PathForm.FITS:
        return ()
    method, headers, parameters = requests.method, requests.headers, requests.parameters
    asked = ((method, headers, parameters), (None, headers, parameters), (method, (), ()), (None, (), ()))
    return dict.fromkeys(Requests(PathForm.STARTS_WITH, start, *each) for each in asked)
