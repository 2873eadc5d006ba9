"""Virtual hosts that answer everything under their domains by themselves, with one status. Pure.

The one that answers 500 is what a denial is: a policy that nobody serves closes listeners by it, and the failure of a
hook whatever it would have decided on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from envoy.config.route.v3 import route_components_pb2
from google.protobuf import any_pb2

from egxds import names
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.route_configuration import Route, VirtualHost

DENIED_STATUS = 500
"""HTTP status of whatever is denied."""


def error_virtual_host(
    domains: Collection[str], sources: Iterable[ObjectKey], filters: Mapping[str, any_pb2.Any] | None = None
) -> VirtualHost:
    """Make the virtual host.

    Args:
        domains: not none.
        sources: the objects that they come from.
        filters: configuration of HTTP filters, by their names.
    """
    named = (names.ERROR_VIRTUAL_HOST, names.ERROR_ROUTE)
    return answering_virtual_host(named, DENIED_STATUS, domains, sources, filters)


def answering_virtual_host(
    named: tuple[str, str],
    status: int,
    domains: Collection[str],
    sources: Iterable[ObjectKey],
    filters: Mapping[str, any_pb2.Any] | None = None,
) -> VirtualHost:
    """Make a virtual host that answers everything.

    Args:
        named: its name, and that of its one route.
        status: HTTP status of the answer.
        domains: not none.
        sources: the objects that they come from.
        filters: configuration of HTTP filters, by their names.
    """
    name, route_name = named
    ordered = tuple(sorted(domains))
    head = route_components_pb2.VirtualHost(name=name, domains=ordered, typed_per_filter_config=filters)
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
