"""A control plane that stops half way: it answers with what it has, and says nothing to everything else."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from anyio.from_thread import BlockingPortal, start_blocking_portal
from envoy.service.discovery.v3 import discovery_pb2
from grpclib.const import Cardinality, Handler

from egxds.resources.resource import Resource
from egxds.settings.limits import XdsLimits
from egxds.snapshot.gateway import SnapshotBuilder
from egxds.snapshot.snapshot import VersionedResource
from egxds.telemetry import Metrics
from egxds.wire.grpc.arrivals import Entrance
from egxds.wire.grpc.connection_settings import configuration
from egxds.wire.grpc.limiter import Limiter
from egxds.wire.grpc.server_transport import DrainableServer
from egxds.wire.listen import bind
from egxds.wire.xds.ads import AGGREGATED
from egxds.wire.xds.refused_clients import RefusedClients
from egxds.wire.xds.strangers import Strangers
from tests.ports import free_port
from tests.revisions import by_type

_DRAIN_LIMIT_S = 0.1

if TYPE_CHECKING:
    from grpclib.server import Stream

    Call = Stream[bytes, bytes]


class SilentServer:
    """Serves one Envoy: each name once it is asked for, if there is such a resource, and what `send` says.

    Attributes:
        port: where it listens.
    """

    def __init__(self, *resources: Resource) -> None:
        """Describe it; `with` starts it, and breaks its streams off at the end.

        Args:
            resources: what it has.
        """
        self.port = free_port()
        self._resources = _versioned(resources)
        self._nonce = 0
        self._call: Call
        self._portal: BlockingPortal
        self._running = ExitStack()

    def send(self, *resources: Resource) -> None:
        """Send these unasked, a response each, and nothing with them."""
        for resource in _versioned(resources):
            self._portal.call(self._respond, self._call, resource.type_url, [resource])

    def __mapping__(self) -> dict[str, Handler]:
        """Return the one method, as grpclib asks for it."""
        return {AGGREGATED: Handler(self._serve, Cardinality.STREAM_STREAM, bytes, bytes)}

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._portal = starting.enter_context(start_blocking_portal())
            server = self._portal.call(self._start)
            starting.callback(self._portal.call, server.drain, _DRAIN_LIMIT_S)
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    async def _start(self) -> DrainableServer:
        server = DrainableServer([self], configuration(), Limiter(XdsLimits(), Metrics()), Strangers(Metrics()))
        bound = await bind("silent server", f"127.0.0.1:{self.port}")
        await server.listen(bound.socket, Entrance(RefusedClients(Metrics())))
        return server

    async def _serve(self, call: Call) -> None:
        self._call = call
        async for message in call:
            request = discovery_pb2.DeltaDiscoveryRequest.FromString(message)
            if not request.response_nonce or request.resource_names_subscribe:
                names = set(request.resource_names_subscribe)
                found = [one for one in self._resources if one.type_url == request.type_url]
                await self._respond(call, request.type_url, [one for one in found if not names or one.name in names])

    async def _respond(self, call: Call, type_url: str, resources: Iterable[VersionedResource]) -> None:
        self._nonce += 1
        response = discovery_pb2.DeltaDiscoveryResponse(type_url=type_url, nonce=str(self._nonce))
        for one in resources:
            sent = response.resources.add(name=one.name, version=one.version)
            sent.resource.type_url = type_url
            sent.resource.value = one.body
        if response.resources:
            await call.send_message(response.SerializeToString())


def _versioned(resources: Iterable[Resource]) -> list[VersionedResource]:
    types = SnapshotBuilder().build(by_type(resources)).resources.values()
    return [one for mapping in types for one in mapping.values()]
