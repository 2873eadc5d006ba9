"""Routes of listeners that share a port → their RouteConfiguration, doing again only what changed. Pure."""

from __future__ import annotations

from collections import Counter

from egxds.incremental.memo import Memo
from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.precedence import Precedence, precedence
from egxds.model.resolve.resolved import AttachedRoute, ResolvedListener, ResolvedRoute
from egxds.resources.route_configuration import RouteConfiguration, VirtualHost
from egxds.translate.ports import HostGroup
from egxds.translate.routes.kinds import translate_route
from egxds.translate.routes.precedence import RankedRoutes
from egxds.translate.routes.served_at import ServedAt
from egxds.translate.routes.virtual_hosts import (
    join_virtual_hosts,
    kept_hostnames,
    more_specific_than,
    needs_empty_host,
    translate_virtual_host,
)


def _precedence(attached: AttachedRoute) -> Precedence:
    return precedence(attached.route.route)


class RouteTables:
    """The RouteConfigurations of one Gateway."""

    def __init__(self, work: Counter[str]) -> None:
        """Remember nothing yet; `work` counts what is written."""
        self._routes: Memo[tuple[RankedRoutes, ...]] = Memo("routes_encoded", work)
        self._virtual_hosts: Memo[VirtualHost] = Memo("virtual_hosts_encoded", work)
        self._tables: Memo[RouteConfiguration] = Memo("route_configurations_encoded", work)

    def translate(self, gateway: ApiObject[GatewaySpec], group: HostGroup) -> RouteConfiguration:
        """Return the RouteConfiguration of a group of listeners; no domain stands in it twice."""
        hosts: dict[str, VirtualHost] = {}
        for listener in group.listeners:
            for hostname, served in self._served(listener, group).items():
                # Of two listeners that come to one domain the first counts, as it does in every look; Envoy refuses a
                # domain twice.
                if hostname not in hosts:
                    hosts[hostname] = self._virtual_host(gateway, listener, hostname, tuple(served))
        virtual_hosts = tuple(hosts.values())
        return self._tables.get(
            group.name, (gateway, *virtual_hosts), lambda: join_virtual_hosts(gateway, group.name, virtual_hosts)
        )

    def forget_unused(self) -> None:
        """Drop what the translations since the last call had no use for."""
        self._routes.forget_unused()
        self._virtual_hosts.forget_unused()
        self._tables.forget_unused()

    def _served(self, listener: ResolvedListener, group: HostGroup) -> dict[str, list[RankedRoutes]]:
        """Return, for each hostname of a listener's virtual hosts, the Envoy routes of each route."""
        siblings = tuple(each.hostname for each in group.listeners)
        more_specific = more_specific_than(listener.hostname, siblings)
        served: dict[str, list[RankedRoutes]] = {}
        if needs_empty_host(listener.hostname, siblings):
            served[listener.hostname] = []
        for attached in sorted(listener.routes.values(), key=_precedence):
            hostnames = kept_hostnames(attached.hostnames, more_specific)
            routes = self._at_hostnames(attached.route, hostnames, group.served_at)
            for hostname, ranked in zip(hostnames, routes, strict=True):
                served.setdefault(hostname, []).append(ranked)
        return served

    def _at_hostnames(
        self, route: ResolvedRoute, hostnames: tuple[str, ...], served_at: ServedAt
    ) -> tuple[RankedRoutes, ...]:
        key = (route.route.key, hostnames, served_at)
        return self._routes.get(key, (route,), lambda: translate_route(route, hostnames, served_at))

    def _virtual_host(
        self,
        gateway: ApiObject[GatewaySpec],
        listener: ResolvedListener,
        hostname: str,
        served: tuple[RankedRoutes, ...],
    ) -> VirtualHost:
        return self._virtual_hosts.get(
            (listener.name, hostname),
            (gateway, *served),
            lambda: translate_virtual_host(gateway, listener.name, hostname, served),
        )
