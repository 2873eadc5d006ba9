"""All clusters and endpoints of a Gateway, doing again only what changed. Pure.

A route may be attached to several listeners of a Gateway, and has its clusters once: they go when the last listener
lets it go. A route that is another one has its clusters written again, all of them; a change of addresses those of the
rules that use them. What comes out equal is the object of before, so that a change of addresses alone ends up as other
endpoints, or as another cluster where Envoy resolves names, and as nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeVar

from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.model.resolve.resolved import AttachedRoute, ResolvedRoute
from egxds.model.resolve.upstreams import EndpointTable
from egxds.object_key import ObjectKey
from egxds.resources.resource import ExtensionResources, Resource, Resources
from egxds.translate.backends.authorities import Edit, TrustedAuthorities
from egxds.translate.backends.endpoint_users import EndpointUsers, RuleKey
from egxds.translate.backends.rules import ClientCertificate, WrittenCluster, cluster_names, write_clusters

ValueT = TypeVar("ValueT")

Attached = Revision[ObjectKey, AttachedRoute]
"""The routes of a listener."""


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
        self._trusted = TrustedAuthorities()
        self._certificate = ClientCertificate()
        self._gateway = gateway
        self._users = users
        self._listeners: Counter[ObjectKey] = Counter()
        self._routes: dict[ObjectKey, ResolvedRoute] = {}
        self._pending: dict[ObjectKey, ResolvedRoute | None] = {}
        self._shown: list[RuleKey] = []

    def attach(self, before: Attached, now: Attached) -> None:
        """Note the routes of a listener; what that comes to is written by `update`.

        Args:
            before: what the listener had; empty where it is new.
            now: what it has; empty where it is gone.
        """
        for key in now.changed_since(before):
            attached = now.get(key)
            self._listeners[key] += (attached is not None) - (key in before)
            if attached is not None:
                self._pending[key] = attached.route
            else:
                self._pending.setdefault(key, None)

    def show(self, certificate: ClientCertificate) -> None:
        """Have backends shown another certificate: all clusters are written again, where it is another one."""
        if certificate != self._certificate:
            self._certificate = certificate
            self._shown = [RuleKey(key, rule.index) for key, route in self._routes.items() for rule in route.rules]

    def update(self, table: EndpointTable, moved: Iterable[RuleKey]) -> Edit:
        """Write what the routes came to that have been attached or let go since the last time.

        Args:
            table: the endpoints of all backends.
            moved: the rules of which they are others than before.

        Returns:
            Authorities that are others than before, and the names of those that nobody needs any more.
        """
        gone: list[str] = []
        rules = {*moved, *self._shown}
        self._shown = []
        for key, route in self._pending.items():
            if not self._listeners[key]:
                del self._listeners[key]
                gone += self._let_go(key)
            elif route is not None and route is not self._routes.get(key):
                gone += self._let_go(key)
                self._take(key, route)
                rules.update(RuleKey(key, rule.index) for rule in route.rules)
        self._pending = {}
        return self._edit([found for rule in rules for found in self._written(rule, table)], gone)

    @property
    def authorities(self) -> Mapping[str, Resource]:
        """Who the certificates of backends are to be issued by, as Envoy fetches them."""
        return self._trusted.by_name

    def forget(self) -> None:
        """Take back what the users of endpoints were told."""
        for route in self._routes.values():
            self._users.remove(self._gateway, route)

    def _take(self, key: ObjectKey, route: ResolvedRoute) -> None:
        self._routes[key] = route
        self._users.add(self._gateway, route)

    def _let_go(self, key: ObjectKey) -> list[str]:
        """Forget a route, if it is there, and return the names of its clusters."""
        route = self._routes.pop(key, None)
        if route is None:
            return []
        self._users.remove(self._gateway, route)
        return cluster_names(route)

    def _written(self, key: RuleKey, table: EndpointTable) -> Iterable[WrittenCluster]:
        route = self._routes.get(key.route)
        # One that is gone since, with its route or without, has nothing to write.
        if route is None or key.rule >= len(route.rules):
            return ()
        return write_clusters(route, route.rules[key.rule], table, self._certificate)

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
        found = {each.cluster.name: each.authorities for each in written}
        return self._trusted.edit({**dict.fromkeys(gone), **found})


def _kept(before: Mapping[str, ValueT], now: Mapping[str, ValueT]) -> dict[str, ValueT]:
    """Return the values of now, with the objects of before where they are equal."""
    return {name: keep_equal(before.get(name), value) for name, value in now.items()}
