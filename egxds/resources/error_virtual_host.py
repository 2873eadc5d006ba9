"""The one virtual host of a RouteConfiguration that answers 500 to everything under its domains.

A policy that nobody serves closes listeners by it, and the failure of a hook whatever it would have decided on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from envoy.config.route.v3 import route_components_pb2

from egxds import names
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.route_configuration import Route, VirtualHost

DENIED_STATUS = 500
"""HTTP status of whatever is denied."""


def error_virtual_host(domains: Collection[str], sources: Iterable[ObjectKey]) -> VirtualHost:
    """Make the virtual host.

    Args:
        domains: not none.
        sources: the objects that they come from.
    """
    ordered = tuple(sorted(domains))
    head = route_components_pb2.VirtualHost(name=names.ERROR_VIRTUAL_HOST, domains=ordered)
    route = route_components_pb2.Route(name=names.ERROR_ROUTE)
    route.match.prefix = "/"
    route.direct_response.status = DENIED_STATUS
    return VirtualHost(
        name=names.ERROR_VIRTUAL_HOST,
        domains=ordered,
        head=encode(head),
        routes=(Route(names.ERROR_ROUTE, encode(route)),),
        sources=tuple(sorted(sources)),
    )
