"""The kinds of routes: a row for each, and nothing else in this room knows one kind from another. Pure.

What a kind of route says itself (its matches, its filters) is read by its file in `egxds.model.api` and written by its
file in `egxds.translate.routes`. Here stands how the rest of the house sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egxds.model.api.grpc_route import GRPC_ROUTE
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.api.object import Kind
from egxds.model.api.routes import RouteSpec
from egxds.model.resolve.resolved import UpstreamProtocol
from egxds.object_key import GroupKind

_HTTP_LISTENERS = frozenset({"HTTP", "HTTPS"})


@dataclass(frozen=True, slots=True)
class RouteKind:
    """One kind of route.

    Attributes:
        kind: its row in the table of kinds.
        protocols: of the listeners that take its routes.
        prefix: what the names of its Envoy routes and clusters start with (Envoy Gateway's names).
        upstream: protocols by which its backends can be reached; the first where a backend does not say.
    """

    kind: Kind[RouteSpec]
    protocols: frozenset[str]
    prefix: str
    upstream: tuple[UpstreamProtocol, ...]


ROUTE_KINDS: Mapping[GroupKind, RouteKind] = {
    row.kind.id: row
    for row in (
        RouteKind(HTTP_ROUTE, _HTTP_LISTENERS, "httproute", (UpstreamProtocol.HTTP1, UpstreamProtocol.HTTP2)),
        RouteKind(GRPC_ROUTE, _HTTP_LISTENERS, "grpcroute", (UpstreamProtocol.HTTP2,)),
    )
}
"""Group and kind → row. The order is that of `supportedKinds` in the status of a listener."""


def kinds_at(protocol: str) -> tuple[Kind[RouteSpec], ...]:
    """Return the kinds of routes that a listener of a protocol takes; none where the protocol is not served."""
    return tuple(row.kind for row in ROUTE_KINDS.values() if protocol in row.protocols)
