"""Which rules send to which endpoints, over all Gateways. Pure.

A change of addresses is one in the table of endpoints, and no route is another for it. So it is looked up here who has
to write them again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from egxds.model.resolve.resolved import ResolvedRoute
from egxds.model.resolve.upstreams import EndpointsKey
from egxds.object_key import ObjectKey


class RuleKey(NamedTuple):
    """What identifies a rule.

    Attributes:
        route: the route it is in.
        rule: its position there, 0 for the first.
    """

    route: ObjectKey
    rule: int


_User = tuple[ObjectKey, RuleKey]
"""A Gateway, and a rule of a route that is attached to it."""


class EndpointUsers:
    """Endpoints → the rules that send to them, each at each Gateway that it is attached to."""

    def __init__(self) -> None:
        # Most endpoints have one user: a set for each would be a fiftieth of what is kept of a route.
        self._users: dict[EndpointsKey, _User | set[_User]] = {}

    def add(self, gateway: ObjectKey, route: ResolvedRoute) -> None:
        """Note that a route is attached to a Gateway."""
        for key, rule in _uses(route):
            user = (gateway, rule)
            users = self._users.setdefault(key, user)
            if isinstance(users, set):
                users.add(user)
            elif users != user:
                self._users[key] = {users, user}

    def remove(self, gateway: ObjectKey, route: ResolvedRoute) -> None:
        """Note that a route which was attached to a Gateway is so no more."""
        for key, rule in _uses(route):
            users = self._users.get(key)
            if isinstance(users, set):
                users.discard((gateway, rule))
            if not users or users == (gateway, rule):
                self._users.pop(key, None)

    def of(self, endpoints: Iterable[EndpointsKey]) -> Mapping[ObjectKey, set[RuleKey]]:
        """Return Gateways → the rules at them that send to any of some endpoints."""
        found: defaultdict[ObjectKey, set[RuleKey]] = defaultdict(set)
        for key in endpoints:
            users = self._users.get(key, set())
            for gateway, rule in users if isinstance(users, set) else (users,):
                found[gateway].add(rule)
        return found


def _uses(route: ResolvedRoute) -> Iterator[tuple[EndpointsKey, RuleKey]]:
    for rule in route.rules:
        for endpoints in rule.endpoints:
            yield endpoints, RuleKey(route.route.key, rule.index)
