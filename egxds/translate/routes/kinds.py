"""Who writes the Envoy routes of which kind of route: a row for each. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from egxds.model.api.grpc_route import GRPC_ROUTE
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.resolve.backend_traffic import BackendTraffic
from egxds.model.resolve.resolved import AttachedRoute
from egxds.object_key import GroupKind
from egxds.translate.routes.grpc import GRPC
from egxds.translate.routes.http import HTTP
from egxds.translate.routes.precedence import PlacedRoutes
from egxds.translate.routes.rules import RouteWriter, write_route
from egxds.translate.routes.served_at import ServedAt

WRITERS: Mapping[GroupKind, RouteWriter] = {HTTP_ROUTE.id: HTTP, GRPC_ROUTE.id: GRPC}
"""Kind of a route → its writer."""


def translate_route(
    attached: AttachedRoute, hostnames: tuple[str, ...], served_at: ServedAt, to_backends: BackendTraffic
) -> tuple[PlacedRoutes, ...]:
    """Write the Envoy routes of a route.

    Args:
        attached: the route, of any kind, at the listener.
        hostnames: domains of the virtual hosts it goes to.
        served_at: the listener.
        to_backends: what is asked there of the traffic of rules that have no policy of their own for that.

    Returns:
        For each hostname, in order, the routes for its virtual host.
    """
    return write_route(attached, hostnames, served_at, to_backends, WRITERS[attached.route.route.key.group_kind])
