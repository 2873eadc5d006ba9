"""What stands in for traffic that a failed hook would have decided on: an answer 500, inside RDS. Pure.

Error states belong into RouteConfigurations: an RDS update drains no connection, while nearly any change of a listener
drains all of them. And names stay, so that recovery has nothing to repair in Envoy: the same RDS names get their
routes back. A control plane that took the routes into the listener instead had Envoy drop its RDS subscription, and
answer 404 when the listener came back, since nobody sent what had not changed (envoyproxy/gateway 5595).

A denied route keeps its match and its place, so that it answers for what it answered for and nothing behind it does;
all else of it goes, so that nothing is left that could fail or lead elsewhere. `kept_denials` sees to it that later
hooks leave it so. Denied virtual hosts are merged into
one, since the domains of a RouteConfiguration are unique, and several hooks may deny one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2

from egxds import names
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode, field_bytes
from egxds.resources.error_virtual_host import DENIED_STATUS, error_virtual_host
from egxds.resources.references import is_from_here, route_references
from egxds.resources.resource import Resource
from egxds.resources.route_configuration import Route, RouteConfiguration, VirtualHost, VirtualHosts
from egxds.resources.walk import Walk

_NAME_FIELD = 1
_REMEMBERED_LISTENERS = 64
CONNECTION_MANAGERS = Walk("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager")


def deny_route(route: Route) -> Route:
    """Let a route match what it matched, and answer 500.

    Nothing else of it is kept, so that nothing is left that could fail. No hook is called for it any more.
    """
    before = route_components_pb2.Route.FromString(route.body)
    denied = route_components_pb2.Route(name=before.name, match=before.match)
    denied.direct_response.status = DENIED_STATUS
    body = denied.SerializeToString(deterministic=True)
    return replace(route, body=body, extension_resources=(), extension_policies=(), is_denied=True)


def deny_users(configuration: RouteConfiguration, clusters: Collection[str]) -> RouteConfiguration:
    """Deny the routes that use any of some clusters."""
    using = (
        (host.name, [at for at, route in enumerate(host.routes) if _uses(route, clusters)])
        for host in configuration.virtual_hosts
    )
    hosts = configuration.virtual_hosts
    denied = {name: _deny_routes(hosts.by_name[name], positions) for name, positions in using if positions}
    return replace(configuration, virtual_hosts=hosts.edited(denied))


def _deny_routes(host: VirtualHost, positions: Collection[int]) -> VirtualHost:
    routes = list(host.routes)
    for at in positions:
        routes[at] = deny_route(routes[at])
    return replace(host, routes=tuple(routes))


def _uses(route: Route, clusters: Collection[str]) -> bool:
    used = route_references(route.body)
    return any(type_url == names.CLUSTER and name in clusters for type_url, name in used)


def has_routes_out_of_reach(listener: Resource) -> bool:
    """Tell whether any traffic of a listener is routed by what a denial in RDS does not reach.

    That is what stands in the listener itself, and what Envoy fetches from elsewhere: a file, another server.
    """
    return _has_routes_out_of_reach(listener.body)


@lru_cache(maxsize=_REMEMBERED_LISTENERS)
def _has_routes_out_of_reach(body: bytes) -> bool:
    return not all(map(is_reached, CONNECTION_MANAGERS.find(listener_pb2.Listener.FromString(body))))


def is_reached(manager: Any) -> bool:
    """Tell whether a connection manager asks for its routes from here, where a denial reaches them."""
    return manager.HasField("rds") and is_from_here(manager.rds.config_source)


def deny_in_place(listener: Resource) -> Resource:
    """Let what a denial in RDS does not reach answer 500 from inside the listener; what it asks for from here stays.

    Nothing else can deny it, although it replaces filter chains and so drains their connections.
    """
    denying = route_pb2.RouteConfiguration.FromString(
        deny_configuration(names.ERROR_ROUTE_CONFIGURATION, listener.sources).encode()
    )

    def deny(manager: Any) -> None:
        if not is_reached(manager):
            manager.route_config.CopyFrom(denying)

    message = listener_pb2.Listener.FromString(listener.body)
    CONNECTION_MANAGERS.edit(message, deny)
    return replace(listener, body=encode(message))


def deny_virtual_hosts(configuration: RouteConfiguration, denied: Iterable[VirtualHost]) -> RouteConfiguration:
    """Move the domains of virtual hosts into the RouteConfiguration's one `error_vhost`.

    Args:
        configuration: holds the virtual hosts, and the `error_vhost` of earlier denials if there were any.
        denied: the virtual hosts to take out.
    """
    gone = {host.name: host for host in denied}
    if not gone:
        return configuration
    kept = replace(configuration, virtual_hosts=configuration.virtual_hosts.edited({}, gone))
    domains = {domain for host in gone.values() for domain in host.domains}
    return deny_domains(kept, domains, {source for host in gone.values() for source in host.all_sources()})


def deny_domains(configuration: RouteConfiguration, domains: set[str], sources: set[ObjectKey]) -> RouteConfiguration:
    """Deny domains, together with those that the RouteConfiguration's `error_vhost` has.

    Args:
        configuration: has no other virtual host with any of the domains.
        domains: not none.
        sources: the objects that they come from.
    """
    before = configuration.virtual_hosts.by_name.get(names.ERROR_VIRTUAL_HOST)
    if before is not None:
        domains, sources = domains | set(before.domains), sources | set(before.sources)
    denied = {names.ERROR_VIRTUAL_HOST: error_virtual_host(domains, sources)}
    return replace(configuration, virtual_hosts=configuration.virtual_hosts.edited(denied))


def deny_configuration(name: str, sources: Iterable[ObjectKey]) -> RouteConfiguration:
    """Make a RouteConfiguration that answers 500 to everything."""
    return RouteConfiguration(
        name=name,
        head=field_bytes(_NAME_FIELD, name.encode()),
        virtual_hosts=VirtualHosts([error_virtual_host({"*"}, sources)]),
    )
