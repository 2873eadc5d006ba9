"""Wire room: clients that speak another protocol than incremental xDS v3. They are refused, and it is said once.

    what they speak                                     how they show themselves
    State of the World, all types or one                methods Stream… of the v3 services
    API v2                                              methods of the v2 services, or v2 types on a stream of v3
    REST                                                POST /v3/discovery:… (`wire.grpc.rest_requests`)
    incremental xDS v3 of a type that is not served     methods Delta… of further v3 services

Such a client is an Envoy whose bootstrap is wrong, and it comes back for ever. The first time, a line in the log says
who it is and what to change; after that it is counted, and said again every ten minutes with how often it came. What
it says of itself comes from a stranger: it is cut, and so is the number of those that are heard, mentioned, remembered.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio
from google.protobuf.message import DecodeError
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError

from egxds.cut_text import cut
from egxds.generated import discovery_pb2
from egxds.grpc.encoded_fields import LENGTH_DELIMITED, MAX_DEPTH, MalformedMessageError, scan
from egxds.grpc.messages import receive_message
from egxds.grpc.receive_budget import ReceiveBudget
from egxds.sessions.events import Node
from egxds.telemetry import Metrics, log
from egxds.telemetry.metrics import begin
from egxds.wire.repeated_lines import RepeatedLines

if TYPE_CHECKING:
    from grpclib.server import Stream

MAX_REQUEST_BYTES = 256 * 1024
"""Largest first request that is looked at for a node; an Envoy's is some 60 kB."""

MAX_HEARD = 64
"""Strangers that are heard at the same time; of more nobody asks who they are."""

PATIENCE_S = 1.0
"""How long a stranger may take to say who it is."""

AGAIN_S = 600.0
"""Time after which one that keeps coming is mentioned again."""

_SHOWN_CHARACTERS = 128
_NOBODY = Node("", "", "")
_STATE_OF_THE_WORLD_NODE, _INCREMENTAL_NODE = 2, 1
"""Field of the node in a DiscoveryRequest, and in a DeltaDiscoveryRequest; of v2 and v3 alike."""


class Dialect(enum.Enum):
    """What a stranger speaks; the values are the `dialect` label of a metric."""

    STATE_OF_THE_WORLD = "sotw"
    V2 = "v2"
    REST = "rest"
    OTHER_TYPE = "other_type"


_ADVICE = {
    Dialect.STATE_OF_THE_WORLD: "egxds serves incremental xDS only: write api_type: DELTA_GRPC for GRPC in the Envoy's "
    "bootstrap (ads_config, or the api_config_source of the type); `egxds bootstrap` prints one",
    Dialect.V2: "egxds serves version 3 of the xDS API only: write transport_api_version: V3 and resource_api_version: "
    "V3 in the Envoy's bootstrap, and take an Envoy of 1.18 or later, which knows no other",
    Dialect.REST: "egxds serves incremental xDS by gRPC only: write api_type: DELTA_GRPC for REST in the Envoy's "
    "bootstrap, with grpc_services for cluster_names; `egxds bootstrap` prints one",
    Dialect.OTHER_TYPE: "egxds serves listeners, routes, clusters, endpoints, secrets and configurations of filters "
    "only: take this service out of the Envoy's bootstrap, or give it another cluster",
}


@dataclass(frozen=True, slots=True)
class Stranger:
    """A client that cannot be served.

    Attributes:
        peer: address that it comes from, `unix` for a socket of this machine.
        dialect: what it speaks.
        asked: the method, path or type that it asked for.
        node: who it says it is; without a name where it said nothing.
    """

    peer: str
    dialect: Dialect
    asked: str
    node: Node = _NOBODY


class Strangers:
    """Knows who came, and mentions each now and then."""

    def __init__(self, metrics: Metrics) -> None:
        """Know nobody.

        Args:
            metrics: where they are counted.
        """
        begin(metrics.xds_strangers_total, ((dialect.value,) for dialect in Dialect))
        self._metrics = metrics
        self._lines = RepeatedLines(AGAIN_S)

    def came(self, stranger: Stranger) -> None:
        """Count a visit; say so where it is the first, or the first for a while."""
        self._metrics.xds_strangers_total.labels(dialect=stranger.dialect.value).inc()
        said = (stranger.node.id, stranger.node.cluster, stranger.node.user_agent)
        node = Node(*(cut(text, _SHOWN_CHARACTERS) for text in said))
        # Its port is another one each time.
        key = (stranger.peer.rpartition(":")[0], stranger.dialect.value, stranger.asked, node.id, node.cluster)
        unwritten = self._lines.unwritten(key, time.monotonic())
        if unwritten is None:
            return
        log.warning(
            "session.not_served",
            peer=stranger.peer,
            node=node.id,
            cluster=node.cluster,
            user_agent=node.user_agent,
            asked=stranger.asked,
            times=1 + unwritten,
            advice=_ADVICE[stranger.dialect],
        )


def is_v2_type(type_url: str) -> bool:
    """Tell whether a type is one of API v2."""
    return type_url.startswith("type.googleapis.com/envoy.api.v2.")


class StrangerService:
    """The methods of discovery that are not served: each says so."""

    def __init__(self, strangers: Strangers, budget: ReceiveBudget) -> None:
        """Prepare to refuse.

        Args:
            strangers: is told who came.
            budget: of what all clients may have the server hold.
        """
        self._strangers = strangers
        self._budget = budget
        self._heard = 0

    def __mapping__(self) -> dict[str, Handler]:
        """Return the methods by path, as grpclib asks for them."""
        return {
            path: Handler(partial(self._refuse, path, dialect), Cardinality.STREAM_STREAM, bytes, bytes)
            for path, dialect in METHODS.items()
        }

    async def _refuse(self, path: str, dialect: Dialect, call: Stream[bytes, bytes]) -> None:
        field = _INCREMENTAL_NODE if "/Delta" in path else _STATE_OF_THE_WORLD_NODE
        self._strangers.came(Stranger(peer_of(call), dialect, path, await self._hear(call, field)))
        raise GRPCError(Status.UNIMPLEMENTED, _ADVICE[dialect])

    async def _hear(self, call: Stream[bytes, bytes], field: int) -> Node:
        if self._heard >= MAX_HEARD:
            return _NOBODY
        self._heard += 1
        try:
            return await self._node_of(call, field)
        finally:
            self._heard -= 1

    async def _node_of(self, call: Stream[bytes, bytes], field: int) -> Node:
        """Return who says to be there; nobody where the first request does not come, or is none."""
        try:
            with anyio.move_on_after(PATIENCE_S):
                read = partial(_read_node, field)
                return await receive_message(call, MAX_REQUEST_BYTES, self._budget, read) or _NOBODY
        except (GRPCError, MalformedMessageError, DecodeError):
            pass
        return _NOBODY


def peer_of(call: Stream[bytes, bytes]) -> str:
    """Return where a call comes from."""
    return address_text(call.peer.addr())


def address_text(address: tuple[str, int] | None) -> str:
    """Write the address of the other end of a connection."""
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else "unix"


async def _read_node(field: int, message: bytes) -> Node:
    for found in scan(message, MAX_DEPTH):
        if (found.number, found.wire_type) == (field, LENGTH_DELIMITED):
            node = discovery_pb2.Node.FromString(message[found.value : found.end])
            return Node(node.id, node.cluster, node.user_agent_name)
    return _NOBODY


METHODS: Mapping[str, Dialect] = {
    f"/{service}/{way}{what}": dialect
    for dialect, ways, services in (
        (
            Dialect.STATE_OF_THE_WORLD,
            ("Stream",),
            (
                ("envoy.service.discovery.v3.AggregatedDiscoveryService", "AggregatedResources"),
                ("envoy.service.listener.v3.ListenerDiscoveryService", "Listeners"),
                ("envoy.service.route.v3.RouteDiscoveryService", "Routes"),
                ("envoy.service.cluster.v3.ClusterDiscoveryService", "Clusters"),
                ("envoy.service.endpoint.v3.EndpointDiscoveryService", "Endpoints"),
                ("envoy.service.secret.v3.SecretDiscoveryService", "Secrets"),
                ("envoy.service.extension.v3.ExtensionConfigDiscoveryService", "ExtensionConfigs"),
            ),
        ),
        (
            Dialect.V2,
            ("Stream", "Delta"),
            (
                ("envoy.service.discovery.v2.AggregatedDiscoveryService", "AggregatedResources"),
                ("envoy.api.v2.ListenerDiscoveryService", "Listeners"),
                ("envoy.api.v2.RouteDiscoveryService", "Routes"),
                ("envoy.api.v2.ClusterDiscoveryService", "Clusters"),
                ("envoy.api.v2.EndpointDiscoveryService", "Endpoints"),
                ("envoy.service.discovery.v2.SecretDiscoveryService", "Secrets"),
            ),
        ),
        (
            Dialect.OTHER_TYPE,
            ("Stream", "Delta"),
            (
                ("envoy.service.route.v3.ScopedRoutesDiscoveryService", "ScopedRoutes"),
                ("envoy.service.route.v3.VirtualHostDiscoveryService", "VirtualHosts"),
                ("envoy.service.runtime.v3.RuntimeDiscoveryService", "Runtime"),
                ("envoy.service.load_stats.v3.LoadReportingService", "LoadStats"),
            ),
        ),
    )
    for way in ways
    for service, what in services
}
"""Method that is not served → what who calls it speaks."""
