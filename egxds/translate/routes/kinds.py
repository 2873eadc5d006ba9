"""Who writes the Envoy routes of which kind of route: a row for each. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from egxds.model.api.grpc_route import GRPC_ROUTE
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.resolve.resolved import ResolvedRoute
from egxds.object_key import GroupKind
from egxds.translate.routes.grpc import GRPC
from egxds.translate.routes.http import HTTP
from egxds.translate.routes.precedence import PlacedRoutes
from egxds.translate.routes.rules import RouteWriter, write_route
from egxds.translate.routes.served_at import ServedAt

WRITERS: Mapping[GroupKind, RouteWriter] = {HTTP_ROUTE.id: HTTP, GRPC_ROUTE.id: GRPC}
"""Kind of a route → its writer."""


def translate_route(route: ResolvedRoute, hostnames: tuple[str, ...], served_at: ServedAt) -> tuple[PlacedRoutes, ...]:
    """Write the Envoy routes of a route.

    Args:
        route: the route, of any kind.
        hostnames: domains of the virtual hosts it goes to.
        served_at: the listener.

    Returns:
        For each hostname, in order, the routes for its virtual host.
    """
    return write_route(route, hostnames, served_at, WRITERS[route.route.key.group_kind])
