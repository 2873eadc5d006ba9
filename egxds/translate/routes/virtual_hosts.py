"""Routes under one hostname of a listener → a virtual host. Pure.

The places of its routes are kept sorted beside it. A route that comes or goes is looked up by its place; what is done
for every route of the virtual host, the interpreter does: a copy of the places, two of the routes, and the join of the
body.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace

from envoy.config.route.v3 import route_components_pb2

from egxds import names
from egxds.incremental.identity import keep_equal
from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.backend_traffic import NOTHING_ASKED, BackendTraffic
from egxds.model.resolve.effective_policies import PoliciesInForce
from egxds.resources.encoding import encode
from egxds.resources.route_configuration import VirtualHost
from egxds.translate.backend_traffic.retries import asked_retries
from egxds.translate.http_filters.table import configs_of_listener
from egxds.translate.metadata import gateway_of, origin_metadata, origin_of
from egxds.translate.routes.policy_heads import policies_of
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

    def with_head(self, other: SortedRoutes) -> SortedRoutes:
        """Return it with the head of another one, which is the same host; that costs a copy of its routes' bytes."""
        host, now = self.host, other.host
        edited = VirtualHost(
            host.name, host.domains, now.head, host.routes, now.sources, ready=(now.head, *host.frames[1:])
        )
        return SortedRoutes(keep_equal(host, edited), self.places)


def empty_virtual_host(
    gateway: ApiObject[GatewaySpec],
    listener: str,
    hostname: str,
    in_force: PoliciesInForce = (),
    to_backends: BackendTraffic = NOTHING_ASKED,
    *,
    counts: bool = False,
) -> SortedRoutes:
    """Write a virtual host without routes.

    Args:
        gateway: whose listener it belongs to.
        listener: name of the listener among all of the Gateway; the part of it that is its own says where the host
            comes from, under the Gateway also where a ListenerSet has it (Envoy Gateway's metadata).
        hostname: its only domain.
        in_force: what policies ask of its requests, where that does not stand above it.
        to_backends: what they ask of the traffic of its rules, as far as it stands here.
        counts: whether its requests are counted by themselves.
    """
    owner = names.listener_name(gateway.key.namespace, gateway.key.name, listener)
    name = names.virtual_host_name(owner, hostname)
    key = gateway_of(gateway.key, listener)
    origin = replace(origin_of(gateway, listener.rpartition("/")[2]), namespace=key.namespace, name=key.name)
    metadata = origin_metadata(origin)
    filters = configs_of_listener(in_force, f"{gateway.key.namespace}/{gateway.key.name}")
    head = route_components_pb2.VirtualHost(
        name=name,
        domains=[hostname],
        metadata=metadata,
        typed_per_filter_config=filters,
        retry_policy=asked_retries(to_backends),
        virtual_clusters=[_counted(hostname)] if counts else (),
    )
    sources = tuple(dict.fromkeys((key, *policies_of(in_force), *to_backends.policies)))
    return SortedRoutes(VirtualHost(name, (hostname,), encode(head), (), sources))


def _counted(hostname: str) -> route_components_pb2.VirtualCluster:
    """Write what counts all requests of a virtual host, under Envoy Gateway's name.

    Envoy Gateway's own asks for the hostname in front, which no request has whose hostname is a wildcard.
    """
    anybody = route_components_pb2.HeaderMatcher(name=":authority", present_match=True)
    return route_components_pb2.VirtualCluster(name=hostname.replace(".", "_"), headers=[anybody])
