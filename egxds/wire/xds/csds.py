"""Wire room: the client status discovery service (envoy.service.status.v3), which says what each Envoy took.

It says what `/api/v1/clients` says, for tools that speak Envoy's protocol, such as `grpcdebug`. Bodies are never sent,
nor are errors about secrets: who may fetch its own configuration over this port may not see that of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import anyio
from anyio.lowlevel import checkpoint
from envoy.admin.v3 import config_dump_shared_pb2
from envoy.service.status.v3 import csds_pb2
from google.protobuf.message import DecodeError
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError

from egxds import names
from egxds.grpc.messages import receive_message
from egxds.sessions.open_streams import Client, Clients
from egxds.sessions.status import ResourceStatus, TypeStatus

if TYPE_CHECKING:
    from grpclib.server import Stream

_MAX_REQUEST_BYTES = 1024 * 1024
SERVICE = "envoy.service.status.v3.ClientStatusDiscoveryService"


class ClientStatusService:
    """Answers from the open streams."""

    def __init__(self, clients: Clients) -> None:
        """Prepare to answer.

        Args:
            clients: the open streams.
        """
        self._clients = clients
        self._streams: set[anyio.CancelScope] = set()
        self._is_ending = False

    def __mapping__(self) -> dict[str, Handler]:
        """Return the methods by path, as grpclib asks for them."""
        return {
            f"/{SERVICE}/FetchClientStatus": Handler(self._fetch, Cardinality.UNARY_UNARY, bytes, bytes),
            f"/{SERVICE}/StreamClientStatus": Handler(self._stream, Cardinality.STREAM_STREAM, bytes, bytes),
        }

    def end(self) -> None:
        """End every stream, and refuse new ones."""
        self._is_ending = True
        for scope in self._streams:
            scope.cancel()

    async def _fetch(self, call: Stream[bytes, bytes]) -> None:
        message = await receive_message(call, _MAX_REQUEST_BYTES)
        if message is None:
            raise GRPCError(Status.INVALID_ARGUMENT, "the request is missing")
        await call.send_message(await self._answer(message))

    async def _stream(self, call: Stream[bytes, bytes]) -> None:
        """Answer every request of a stream with how things are then."""
        with anyio.CancelScope() as scope:
            self._streams.add(scope)
            try:
                await self._converse(call)
            finally:
                self._streams.discard(scope)
        if scope.cancelled_caught:
            raise GRPCError(Status.UNAVAILABLE, "the server is shutting down")

    async def _converse(self, call: Stream[bytes, bytes]) -> None:
        if self._is_ending:
            raise GRPCError(Status.UNAVAILABLE, "the server is shutting down")
        while (message := await receive_message(call, _MAX_REQUEST_BYTES)) is not None:
            await call.send_message(await self._answer(message))

    async def _answer(self, message: bytes) -> bytes:
        wanted = _wanted_nodes(message)
        response = csds_pb2.ClientStatusResponse()
        for client in self._clients.all():
            node = client.session.node
            if node is not None and (wanted is None or node.id in wanted):
                response.config.append(_describe(client, node.id, node.cluster))
            await checkpoint()
        return bytes(response.SerializeToString())


def _wanted_nodes(message: bytes) -> set[str] | None:
    """Return the node ids that a request asks for; None for all.

    Raises:
        GRPCError: it does not parse, or selects in a way that is not served.
    """
    try:
        request = csds_pb2.ClientStatusRequest.FromString(message)
    except DecodeError as err:
        raise GRPCError(Status.INVALID_ARGUMENT, "not a ClientStatusRequest") from err
    if not request.node_matchers:
        return None
    for matcher in request.node_matchers:
        if matcher.node_metadatas or matcher.node_id.WhichOneof("match_pattern") != "exact":
            raise GRPCError(Status.UNIMPLEMENTED, "nodes can be selected by their exact id only")
    return {matcher.node_id.exact for matcher in request.node_matchers}


def _describe(client: Client, node_id: str, cluster: str) -> Any:
    config = csds_pb2.ClientConfig(node={"id": node_id, "cluster": cluster})
    config.generic_xds_configs.extend(_resources(client.session.status()))
    return config


def _resources(types: Iterable[TypeStatus]) -> Iterator[Any]:
    for status in types:
        for name, resource in sorted(status.resources.items()):
            one = csds_pb2.ClientConfig.GenericXdsConfig(
                type_url=status.type_url,
                name=name,
                version_info=resource.sent_version,
                config_status=_config_status(resource),
                client_status=_client_status(resource),
            )
            if resource.nacked_version:
                details = "" if status.type_url == names.SECRET else resource.error
                one.error_state.MergeFrom(
                    config_dump_shared_pb2.UpdateFailureState(details=details, version_info=resource.nacked_version)
                )
            yield one


def _config_status(resource: ResourceStatus) -> int:
    if resource.nacked_version:
        return int(csds_pb2.ERROR)
    if not resource.sent_version:
        return int(csds_pb2.NOT_SENT)
    return int(csds_pb2.SYNCED if resource.acked_version == resource.sent_version else csds_pb2.STALE)


def _client_status(resource: ResourceStatus) -> int:
    if resource.nacked_version:
        return int(config_dump_shared_pb2.NACKED)
    if not resource.sent_version:
        return int(config_dump_shared_pb2.DOES_NOT_EXIST)
    is_acked = resource.acked_version == resource.sent_version
    return int(config_dump_shared_pb2.ACKED if is_acked else config_dump_shared_pb2.REQUESTED)
