"""Routes, grouped by the hostname they serve → virtual hosts and RouteConfigurations. Pure.

Gateway API's listener isolation is kept here: of the listeners on one port, a request belongs to the one with the most
specific hostname that covers its host, and to no other, even where that one has no route for it.

Envoy knows no listeners inside of a RouteConfiguration, only domains, of which the most specific one takes a request.
With HTTP listeners `*.a.test` and `b.a.test` on one port:

- a route of `*.a.test` for `b.a.test` is left out there: the other listener has that host (`kept_hostnames`);
- `b.a.test` gets a virtual host though it may have no route: without one the domain `*.a.test` of the other listener
  would answer for it (`needs_empty_host`). Empty, it answers 404.

So no domain stands in two virtual hosts of a RouteConfiguration either, which Envoy would refuse as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from envoy.config.route.v3 import route_components_pb2, route_pb2

from egxds import names
from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.hostnames import covers
from egxds.resources.encoding import encode
from egxds.resources.route_configuration import RouteConfiguration, VirtualHost, VirtualHosts
from egxds.translate.metadata import origin_metadata, origin_of
from egxds.translate.routes.precedence import RankedRoutes

_by_rank = attrgetter("rank")


def more_specific_than(hostname: str, others: Iterable[str]) -> tuple[str, ...]:
    """Return the listener hostnames, of those on the same port, that take requests away from a listener."""
    return tuple(other for other in others if other != hostname and covers(hostname, other))


def kept_hostnames(hostnames: tuple[str, ...], more_specific: tuple[str, ...]) -> tuple[str, ...]:
    """Return the hostnames that no more specific listener takes."""
    if not more_specific:
        return hostnames
    return tuple(name for name in hostnames if not any(covers(narrower, name) for narrower in more_specific))


def needs_empty_host(hostname: str, others: Iterable[str]) -> bool:
    """Whether a listener without a route for its own hostname must answer 404 by a virtual host of its own.

    It must where a listener with a wider hostname would answer otherwise.
    """
    return any(other != hostname and covers(other, hostname) for other in others)


def translate_virtual_host(
    gateway: ApiObject[GatewaySpec], listener: str, hostname: str, served: tuple[RankedRoutes, ...]
) -> VirtualHost:
    """Write one virtual host.

    Args:
        gateway: whose listener it belongs to.
        listener: name of the listener in the Gateway.
        hostname: its only domain.
        served: the Envoy routes of each route, the oldest route first.
    """
    ranked = sorted((route for routes in served for route in routes), key=_by_rank)
    routes = tuple(item.route for item in ranked)
    owner = names.listener_name(gateway.key.namespace, gateway.key.name, listener)
    name = names.virtual_host_name(owner, hostname)
    metadata = origin_metadata(origin_of(gateway, listener))
    head = route_components_pb2.VirtualHost(name=name, domains=[hostname], metadata=metadata)
    return VirtualHost(name, (hostname,), encode(head), routes, (gateway.key,))


def join_virtual_hosts(
    gateway: ApiObject[GatewaySpec], name: str, virtual_hosts: tuple[VirtualHost, ...]
) -> RouteConfiguration:
    """Write the RouteConfiguration of some virtual hosts.

    Args:
        gateway: whose listeners they belong to.
        name: of the RouteConfiguration.
        virtual_hosts: no domain stands in two of them.
    """
    head = route_pb2.RouteConfiguration(name=name, ignore_port_in_host_matching=True)
    return RouteConfiguration(name, encode(head), VirtualHosts(virtual_hosts), (gateway.key,))
