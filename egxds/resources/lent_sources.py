"""Keeps track of which objects a resource was made from when others give it back. Pure.

Values are built and not copied with `dataclasses.replace`, which takes three times as long: this runs for every
route of a Gateway whenever anything in it changes.
"""

from __future__ import annotations

from egxds.resources.route_configuration import Route, RouteConfiguration, VirtualHost, VirtualHosts


def lend_host_sources(edited: VirtualHost, before: VirtualHost) -> VirtualHost:
    """Give a virtual host, and its routes by name, the sources they had; new routes have none of their own."""
    known = {route.name: route for route in before.routes}
    routes = tuple(_lend_route_sources(route, known.get(route.name)) for route in edited.routes)
    return VirtualHost(edited.name, edited.domains, edited.head, routes, before.sources)


def lend_sources(edited: RouteConfiguration, before: RouteConfiguration) -> RouteConfiguration:
    """Give a RouteConfiguration, and its virtual hosts by name, the sources they had."""
    known = before.virtual_hosts.by_name
    hosts = (lend_host_sources(host, known[host.name]) if host.name in known else host for host in edited.virtual_hosts)
    return RouteConfiguration(edited.name, edited.head, VirtualHosts(hosts), before.sources)


def _lend_route_sources(edited: Route, before: Route | None) -> Route:
    if before is None:
        return edited
    return Route(
        edited.name,
        edited.body,
        before.sources,
        before.extension_resources,
        before.hostnames,
        before.extension_policies,
        belongs_to=before.belongs_to,
    )
