"""The kinds of routes: a row for each, and nothing else in this room knows one kind from another. Pure.

What a kind of route says itself (its matches, its filters) is read by its file in `egxds.model.api` and written by its
file in `egxds.translate`. Here stands how the rest of the house sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egxds import names
from egxds.model.api.grpc_route import GRPC_ROUTE
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.api.object import Kind
from egxds.model.api.routes import RouteSpec
from egxds.model.api.tcp_route import TCP_ROUTE
from egxds.model.api.tls_route import TLS_ROUTE
from egxds.model.api.udp_route import UDP_ROUTE
from egxds.model.resolve.grpc_requests import grpc_match_text, grpc_requests
from egxds.model.resolve.http_requests import http_match_text, http_requests
from egxds.model.resolve.listener_protocols import (
    HTTP,
    HTTPS,
    TCP,
    TLS_ENDING,
    TLS_PASSING,
    UDP,
    ListenerProtocol,
    Transport,
)
from egxds.model.resolve.requests import RankedMatch
from egxds.model.resolve.upstreams import UpstreamProtocol
from egxds.object_key import GroupKind, ObjectKey

_STREAM_RULE = -1
"""Position of the one rule of a route that looks at no requests, in names (Envoy Gateway's)."""


@dataclass(frozen=True, slots=True)
class RouteKind:
    """One kind of route.

    Attributes:
        kind: its row in the table of kinds.
        protocols: of the listeners that take its routes.
        prefix: what the names of its Envoy routes, filter chains and clusters start with (Envoy Gateway's names).
        upstream: protocols by which its backends can be reached; the first where a backend does not say.
        matches: yields the matches of a rule, of which others may be served in their place (`ResolvedRule.covered`);
            there are none where its routes look at no requests.
        match_text: says for people what a match of a rule asks for, by its position.
        needs_message: whether a success is one only with a message, which no answer of a gateway's own has (gRPC).
        authorizes_connections: whether a policy for such a route says which connections are passed on.
    """

    kind: Kind[RouteSpec]
    protocols: frozenset[ListenerProtocol]
    prefix: str
    upstream: tuple[UpstreamProtocol, ...]
    matches: Callable[[Any, Any], Iterator[RankedMatch]] = lambda _rule, _covered: iter(())
    match_text: Callable[[Any, int], str] = lambda _rule, _index: ""
    needs_message: bool = False
    authorizes_connections: bool = False

    @property
    def reads_requests(self) -> bool:
        """Whether its routes choose among requests; else a connection goes to one of them as a whole."""
        return all(protocol.reads_requests for protocol in self.protocols)

    @property
    def transport(self) -> Transport:
        """What carries traffic to its backends."""
        return self.upstream[0].transport

    @property
    def denied(self) -> str:
        """What becomes of traffic that is not to go on, in words that a subject stands before."""
        return next(iter(self.protocols)).denied

    def rule_name(self, route: ObjectKey, rule: int) -> str:
        """Name a rule of a route, and so its cluster."""
        position = rule if self.reads_requests else _STREAM_RULE
        return names.rule_name(self.prefix, route.namespace, route.name, position)


ROUTE_KINDS: Mapping[GroupKind, RouteKind] = {
    row.kind.id: row
    for row in (
        RouteKind(
            HTTP_ROUTE,
            frozenset({HTTP, HTTPS}),
            "httproute",
            (UpstreamProtocol.HTTP1, UpstreamProtocol.HTTP2),
            http_requests,
            http_match_text,
        ),
        RouteKind(
            GRPC_ROUTE,
            frozenset({HTTP, HTTPS}),
            "grpcroute",
            (UpstreamProtocol.HTTP2,),
            grpc_requests,
            grpc_match_text,
            needs_message=True,
        ),
        RouteKind(
            TCP_ROUTE,
            frozenset({TCP, TLS_ENDING}),
            "tcproute",
            (UpstreamProtocol.TCP,),
            authorizes_connections=True,
        ),
        RouteKind(TLS_ROUTE, frozenset({TLS_PASSING, TLS_ENDING}), "tlsroute", (UpstreamProtocol.TCP,)),
        RouteKind(UDP_ROUTE, frozenset({UDP}), "udproute", (UpstreamProtocol.UDP,)),
    )
}
"""Group and kind → row. The order is that of `supportedKinds` in the status of a listener."""


def kinds_at(protocol: ListenerProtocol | None) -> tuple[Kind[RouteSpec], ...]:
    """Return the kinds of routes that a listener of a protocol takes; none where the protocol is not served."""
    return tuple(row.kind for row in ROUTE_KINDS.values() if protocol in row.protocols)
