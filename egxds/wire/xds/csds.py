"""Wire room: the client status discovery service (envoy.service.status.v3), which says what each Envoy took.

It says what `/api/v1/clients` says, for tools that speak Envoy's protocol, such as `grpcdebug`. Bodies are never sent,
nor are errors about secrets: who may fetch its own configuration over this port may not see that of others.

An answer is made and encoded in a thread: for a client with 20,000 resources that takes 0.6 s, in which the event loop
goes on. As it takes so long per byte, requests are kept small too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from anyio import to_thread
from anyio.lowlevel import checkpoint
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from egxds import names
from egxds.generated.envoy.admin.v3 import ClientResourceStatus, UpdateFailureState
from egxds.generated.envoy.service.status.v3 import (
    ClientConfig,
    ClientConfigGenericXdsConfig,
    ClientStatusDiscoveryServiceBase,
    ClientStatusRequest,
    ClientStatusResponse,
    ConfigStatus,
    Node,
    NodeMatcher,
)
from egxds.sessions.open_streams import Clients
from egxds.sessions.status import ResourceStatus, TypeStatus
from egxds.wire.xds.codec import known_node_text

MAX_REQUEST_BYTES = 64 * 1024

ANSWERS_AT_ONCE = 4
"""Each may be as large as all that all clients have: 300 streams that were not read held 2 GB."""

SERVICE = "envoy.service.status.v3.ClientStatusDiscoveryService"


class ClientStatusService(ClientStatusDiscoveryServiceBase):
    """Answers from the open streams."""

    def __init__(self, clients: Clients) -> None:
        """Prepare to answer.

        Args:
            clients: the open streams.
        """
        self._clients = clients

    async def fetch_client_status(self, message: ClientStatusRequest) -> ClientStatusResponse:
        """Say how things are.

        Raises:
            GRPCError: the request selects in a way that is not served.
        """
        wanted = _wanted_nodes(message)
        found: list[tuple[Node, tuple[TypeStatus, ...]]] = []
        for client in self._clients.all():
            node = client.session.node
            if node is not None and (wanted is None or node.id in wanted):
                found.append((Node(node.id, node.cluster), client.session.status()))
            await checkpoint()
        return ClientStatusResponse(await to_thread.run_sync(_describe_all, found))

    async def stream_client_status(
        self, messages: AsyncIterator[ClientStatusRequest]
    ) -> AsyncIterator[ClientStatusResponse]:
        """Answer every request with how things are then.

        Raises:
            GRPCError: as above.
        """
        async for message in messages:
            yield await self.fetch_client_status(message)


def _wanted_nodes(request: ClientStatusRequest) -> set[str] | None:
    """Return the node ids that a request asks for; None for all.

    Raises:
        GRPCError: it selects in a way that is not served.
    """
    if not request.node_matchers:
        return None
    return {_exact_id(matcher) for matcher in request.node_matchers}


def _exact_id(matcher: NodeMatcher) -> str:
    by_id = matcher.node_id
    if matcher.node_metadatas or by_id is None or by_id.exact is None or by_id.ignore_case:
        raise GRPCError(Status.UNIMPLEMENTED, "nodes can be selected by their exact id only")
    return known_node_text(by_id.exact)


def _describe_all(found: list[tuple[Node, tuple[TypeStatus, ...]]]) -> list[ClientConfig]:
    return [ClientConfig(node, [config for status in types for config in _resources(status)]) for node, types in found]


def _resources(status: TypeStatus) -> Iterator[ClientConfigGenericXdsConfig]:
    for name, resource in sorted(status.resources.items()):
        yield ClientConfigGenericXdsConfig(
            type_url=status.type_url,
            name=name,
            version_info=resource.sent_version,
            config_status=_config_status(resource),
            client_status=_client_status(resource),
            error_state=_error_state(status.type_url, resource),
        )


def _error_state(type_url: str, resource: ResourceStatus) -> UpdateFailureState | None:
    if not resource.nacked_version:
        return None
    details = "" if type_url == names.SECRET else resource.error
    return UpdateFailureState(details=details, version_info=resource.nacked_version)


def _config_status(resource: ResourceStatus) -> ConfigStatus:
    if resource.nacked_version:
        return ConfigStatus.ERROR
    if not resource.sent_version:
        return ConfigStatus.NOT_SENT
    return ConfigStatus.SYNCED if resource.acked_version == resource.sent_version else ConfigStatus.STALE


def _client_status(resource: ResourceStatus) -> ClientResourceStatus:
    if resource.nacked_version:
        return ClientResourceStatus.NACKED
    if not resource.sent_version:
        return ClientResourceStatus.DOES_NOT_EXIST
    is_acked = resource.acked_version == resource.sent_version
    return ClientResourceStatus.ACKED if is_acked else ClientResourceStatus.REQUESTED
