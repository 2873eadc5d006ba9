"""Routes under one hostname of a listener → a virtual host. Pure.

The places of its routes are kept sorted beside it. A route that comes or goes is looked up by its place; what is done
for every route of the virtual host, the interpreter does: a copy of the places, two of the routes, and the join of the
body.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

from envoy.config.route.v3 import route_components_pb2

from egxds import names
from egxds.incremental.identity import keep_equal
from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.resources.encoding import encode
from egxds.resources.route_configuration import VirtualHost
from egxds.translate.metadata import origin_metadata, origin_of
from egxds.translate.routes.precedence import Place, PlacedRoute


@dataclass(frozen=True, slots=True)
class SortedRoutes:
    """A virtual host with the places of its routes.

    Attributes:
        host: the virtual host.
        places: of its routes, in their order.
    """

    host: VirtualHost
    places: tuple[Place, ...] = ()

    def edited(self, removed: Iterable[PlacedRoute], added: Iterable[PlacedRoute]) -> SortedRoutes:
        """Return it with some routes taken out, which are in it, and then others put in."""
        places, routes, frames = list(self.places), list(self.host.routes), list(self.host.frames)
        for place, _ in removed:
            at = bisect_left(places, place)
            del places[at], routes[at], frames[1 + 2 * at : 3 + 2 * at]
        # In order, so that many that come to an empty host are appended.
        for place, route in sorted(added):
            at = bisect_left(places, place)
            places.insert(at, place)
            routes.insert(at, route)
            frames[1 + 2 * at : 1 + 2 * at] = route.prefix, route.body
        host = self.host
        edited = VirtualHost(host.name, host.domains, host.head, tuple(routes), host.sources, ready=tuple(frames))
        # A route may change its place and stand where it stood.
        return SortedRoutes(keep_equal(host, edited), tuple(places))


def empty_virtual_host(gateway: ApiObject[GatewaySpec], listener: str, hostname: str) -> SortedRoutes:
    """Write a virtual host without routes.

    Args:
        gateway: whose listener it belongs to.
        listener: name of the listener among all of the Gateway; the part of it that is its own says where the host
            comes from, under the Gateway also where a ListenerSet has it (Envoy Gateway's metadata).
        hostname: its only domain.
    """
    owner = names.listener_name(gateway.key.namespace, gateway.key.name, listener)
    name = names.virtual_host_name(owner, hostname)
    metadata = origin_metadata(origin_of(gateway, listener.rpartition("/")[2]))
    head = route_components_pb2.VirtualHost(name=name, domains=[hostname], metadata=metadata)
    return SortedRoutes(VirtualHost(name, (hostname,), encode(head), (), (gateway.key,)))
