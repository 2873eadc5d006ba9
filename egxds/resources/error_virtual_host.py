"""Virtual hosts that answer everything under their domains by themselves, with one status. Pure.

The one that answers 500 is what a denial is: a policy that nobody serves closes listeners by it, and the failure of a
hook whatever it would have decided on.
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
    return answering_virtual_host((names.ERROR_VIRTUAL_HOST, names.ERROR_ROUTE), DENIED_STATUS, domains, sources)


def answering_virtual_host(
    named: tuple[str, str], status: int, domains: Collection[str], sources: Iterable[ObjectKey]
) -> VirtualHost:
    """Make a virtual host that answers everything.

    Args:
        named: its name, and that of its one route.
        status: HTTP status of the answer.
        domains: not none.
        sources: the objects that they come from.
    """
    name, route_name = named
    ordered = tuple(sorted(domains))
    head = route_components_pb2.VirtualHost(name=name, domains=ordered)
    route = route_components_pb2.Route(name=route_name)
    route.match.prefix = "/"
    route.direct_response.status = status
    return VirtualHost(
        name=name,
        domains=ordered,
        head=encode(head),
        routes=(Route(route_name, encode(route)),),
        sources=tuple(sorted(sources)),
    )
