"""All clusters and endpoints of a Gateway, doing again only what changed. Pure.

A route may be attached to several listeners of a Gateway, and has its clusters once: they go when the last listener
lets it go. Where policies ask something else of it at some listeners, it has others beside these there
(`model.resolve.backend_traffic`). A route that is another one has its clusters written again, all of them; a change of
addresses those of the rules that use them. What comes out equal is the object of before, so that a change of addresses
alone ends up as other endpoints, or as another cluster where Envoy resolves names, and as nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import compress, repeat
from operator import attrgetter, is_not
from typing import TypeVar

from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.model.resolve.backend_traffic import NOTHING_ASKED, BackendTraffic
from egxds.model.resolve.resolved import AttachedRoute, ResolvedListener, ResolvedRoute
from egxds.model.resolve.rule_traffic import traffic_of_rule
from egxds.model.resolve.upstreams import EndpointTable
from egxds.object_key import ObjectKey
from egxds.resources.resource import ExtensionResources, Resource, Resources
from egxds.translate.backends.endpoint_users import EndpointUsers, RuleKey
from egxds.translate.backends.fetched_secrets import Edit, FetchedSecrets
from egxds.translate.backends.rules import ClientTls, WrittenCluster, cluster_names, write_clusters
from egxds.translate.proxies.cluster_stats import ClusterStats

ValueT = TypeVar("ValueT")

Attached = Revision[ObjectKey, AttachedRoute]
"""The routes of a listener."""

_At = tuple[tuple[str, AttachedRoute], ...]
"""A route at the listeners that take it, sorted by their names."""


class Backends:
    """The clusters and endpoints of one Gateway.

    Attributes:
        clusters: all of them.
        endpoints: of those clusters that are not resolved by DNS.
        named: cluster name → the objects of extensions that its rule names as filters, and as backends of this
            cluster; only where there are any.
        belongs_to: cluster name → SHA-256 of what the other objects say that its rule is made from.
    """

    def __init__(self, gateway: ObjectKey, users: EndpointUsers) -> None:
        """Start without any route.

        Args:
            gateway: the Gateway.
            users: is told of the routes that are attached to it.
        """
        self.clusters: Resources = Revision()
        self.endpoints: Resources = Revision()
        self.named: Revision[str, ExtensionResources] = Revision()
        self.belongs_to: Revision[str, bytes] = Revision()
        self._fetched = FetchedSecrets()
        self._client = ClientTls()
        self._stats = ClusterStats()
        self._gateway = gateway
        self._users = users
        self._asked: dict[str, BackendTraffic] = {}
        self._attached: dict[ObjectKey, _At] = {}
        self._routes: dict[ObjectKey, ResolvedRoute] = {}
        self._apart: dict[ObjectKey, frozenset[str]] = {}
        self._pending: dict[ObjectKey, None] = {}
        self._reasked: set[ObjectKey] = set()
        self._anew: list[RuleKey] = []

    def hear(self, listeners: Mapping[str, ResolvedListener]) -> None:
        """Note what policies ask of the traffic at all listeners, by name.

        Where that is another thing for clusters, those of the routes there are written again.
        """
        told = map(is_not, map(attrgetter("to_backends"), listeners.values()), repeat(NOTHING_ASKED))
        asking = {name: listeners[name].to_backends for name in compress(listeners, told)}
        asked = {name: each for name, each in asking.items() if each.apart or each.of_clusters}
        for name in asked.keys() | self._asked.keys():
            now, before = asked.get(name, NOTHING_ASKED), self._asked.get(name, NOTHING_ASKED)
            if name in listeners and not now.is_same_for_clusters(before):
                self._reasked |= listeners[name].routes.keys()
        self._asked = asked

    def attach(self, listener: str, before: Attached, now: Attached) -> None:
        """Note the routes of a listener; what that comes to is written by `update`.

        Args:
            listener: its name.
            before: what it had; empty where it is new.
            now: what it has; empty where it is gone.
        """
        for key in now.changed_since(before):
            known, attached = self._attached.pop(key, ()), now.get(key)
            at = tuple(each for each in known if each[0] != listener)
            if attached is not None:
                at = tuple(sorted((*at, (listener, attached)), key=_listener))
            if at:
                self._attached[key] = at
            if key in self._apart or self._is_asked(at):
                self._reasked.add(key)
            self._pending[key] = None

    def speak(self, client: ClientTls) -> None:
        """Have backends spoken to by TLS otherwise: all clusters are written again, where that is another way."""
        if client != self._client:
            self._client = client
            self._write_all()

    def count(self, stats: ClusterStats) -> None:
        """Have other things counted of clusters: all are written again, where they are others."""
        if stats != self._stats:
            self._stats = stats
            self._write_all()

    def _write_all(self) -> None:
        self._anew = [RuleKey(key, rule.index) for key, route in self._routes.items() for rule in route.rules]

    def update(
        self,
        table: EndpointTable,
        moved: Iterable[RuleKey],
        beside: Iterable[WrittenCluster] = (),
        beside_gone: Iterable[str] = (),
    ) -> Edit:
        """Write what the routes came to that have been attached or let go since the last time.

        Args:
            table: the endpoints of all backends.
            moved: the rules of which they are others than before.
            beside: clusters that are no rule's, of those that may be others than before.
            beside_gone: names of such clusters that are needed no more.

        Returns:
            Secrets that are others than before, and the names of those that nobody needs any more.
        """
        gone = [*beside_gone]
        rules = {*moved, *self._anew}
        self._anew = []
        for key in self._pending.keys() | self._reasked:
            at = self._attached.get(key)
            if at is None:
                gone += self._let_go(key)
            elif at[0][1].route is not self._routes.get(key) or key in self._reasked:
                gone += self._let_go(key)
                self._take(key, at)
                rules.update(RuleKey(key, rule.index) for rule in self._routes[key].rules)
        self._pending, self._reasked = {}, set()
        return self._edit([*beside, *(found for rule in rules for found in self._written(rule, table))], gone)

    @property
    def secrets(self) -> Mapping[str, Resource]:
        """What Envoy fetches for TLS to backends: whom they are trusted by, and what they are shown."""
        return self._fetched.by_name

    def forget(self) -> None:
        """Take back what the users of endpoints were told."""
        for route in self._routes.values():
            self._users.remove(self._gateway, route)

    def _is_asked(self, at: _At) -> bool:
        """Tell whether policies may ask something else of a route at some of its listeners than at others."""
        return any(attached.merged or listener in self._asked for listener, attached in at)

    def _take(self, key: ObjectKey, at: _At) -> None:
        route = self._routes[key] = at[0][1].route
        apart = frozenset(found.apart for listener, _ in at if (found := self._asked.get(listener)) and found.apart)
        if apart:
            self._apart[key] = apart
        self._users.add(self._gateway, route)

    def _let_go(self, key: ObjectKey) -> list[str]:
        """Forget a route, if it is there, and return the names of its clusters."""
        route, apart = self._routes.pop(key, None), self._apart.pop(key, frozenset[str]())
        if route is None:
            return []
        self._users.remove(self._gateway, route)
        return [name for each in ("", *apart) for name in cluster_names(route, each)]

    def _written(self, key: RuleKey, table: EndpointTable) -> Iterator[WrittenCluster]:
        route = self._routes.get(key.route)
        # One that is gone since, with its route or without, has nothing to write.
        if route is None or key.rule >= len(route.rules):
            return
        rule, asked = route.rules[key.rule], dict[str, BackendTraffic]()
        for listener, attached in self._attached[key.route]:
            found = traffic_of_rule(rule, attached, self._asked.get(listener, NOTHING_ASKED))
            asked.setdefault(found.apart, found)
        for each in asked.values():
            yield from write_clusters(route, rule, table, self._client, each, self._stats)

    def _edit(self, written: list[WrittenCluster], gone: list[str]) -> Edit:
        clusters = _kept(self.clusters, {each.cluster.name: each.cluster for each in written})
        with_endpoints = ((each.cluster.name, each.endpoints) for each in written)
        endpoints = _kept(self.endpoints, {name: found for name, found in with_endpoints if found is not None})
        named = _kept(self.named, {each.cluster.name: each.named for each in written if each.named})
        self.clusters = self.clusters.edited(clusters, gone)
        self.endpoints = self.endpoints.edited(endpoints, gone)
        self.named = self.named.edited(named, gone)
        belongs_to = _kept(self.belongs_to, {each.cluster.name: each.belongs_to for each in written})
        self.belongs_to = self.belongs_to.edited(belongs_to, gone)
        found = {each.cluster.name: each.secrets for each in written}
        return self._fetched.edit({**dict.fromkeys(gone, ()), **found})


def _kept(before: Mapping[str, ValueT], now: Mapping[str, ValueT]) -> dict[str, ValueT]:
    """Return the values of now, with the objects of before where they are equal."""
    return {name: keep_equal(before.get(name), value) for name, value in now.items()}


def _listener(at: tuple[str, AttachedRoute]) -> str:
    return at[0]
