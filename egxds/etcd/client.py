"""An etcd cluster as a store. Awaits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from grpclib.const import Cardinality

from egxds.etcd.attempts import Attempts, BrokenOffError, Use
from egxds.etcd.calling import Caller
from egxds.etcd.credentials import Credentials
from egxds.etcd.errors import EtcdError, LeaseGoneError
from egxds.etcd.members import members_of
from egxds.etcd.messages import transacted, txn_request
from egxds.etcd.operations import (
    Delete,
    Get,
    GetPrefix,
    Operation,
    Put,
    StoreStatus,
    Transacted,
    Unchanged,
    WatchNews,
)
from egxds.etcd.watching import Watching
from egxds.generated.etcdserverpb import (
    KvStub,
    LeaseGrantRequest,
    LeaseKeepAliveRequest,
    LeaseKeepAliveResponse,
    LeaseRevokeRequest,
    LeaseStub,
    MaintenanceStub,
    StatusRequest,
)
from egxds.grpc.encoded_fields import MalformedMessageError
from egxds.settings.etcd import EtcdSource

_KEEP_ALIVE = "/etcdserverpb.Lease/LeaseKeepAlive"
_UNREAD_NEWS = 16


class EtcdClient:
    """A cluster; an `EtcdStore`."""

    def __init__(self, source: EtcdSource, base: Path = Path(), cluster_id: int = 0) -> None:
        """Prepare; nothing is connected before the first call.

        Args:
            source: where it is, and how it is spoken to.
            base: directory that relative paths start from.
            cluster_id: the only cluster that is spoken to; 0 for the one that answers first.
        """
        password_file = None if source.password_file is None else base / source.password_file
        self._attempts = Attempts(Credentials(source.user, password_file), cluster_id)
        self._caller = Caller(members_of(source, base), self._attempts, source.request_timeout)

    @property
    def cluster_id(self) -> int:
        """The cluster that is spoken to; 0 until one has answered."""
        return self._attempts.cluster_id

    async def aclose(self) -> None:
        """Close all connections; calls under way fail."""
        await self._caller.aclose()

    async def transact(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> Transacted:
        """See `EtcdStore`."""
        request = txn_request(conditions, operations)
        only_reads = not any(isinstance(operation, Put | Delete) for operation in operations)

        async def call(use: Use) -> Transacted:
            response = await use.calls.stub(KvStub).txn(request, metadata=use.metadata)
            self._attempts.check_cluster(response.header)
            return transacted(response, operations)

        return await self._caller.ask(call, lambda: only_reads)

    def watch(self, key: str, from_revision: int) -> AbstractAsyncContextManager[AsyncIterator[WatchNews]]:
        """See `EtcdStore`."""
        return self._watch(Get(key), from_revision)

    def watch_prefix(self, prefix: str, from_revision: int) -> AbstractAsyncContextManager[AsyncIterator[WatchNews]]:
        """See `EtcdStore`."""
        return self._watch(GetPrefix(prefix), from_revision)

    @asynccontextmanager
    async def _watch(self, watched: Get | GetPrefix, from_revision: int) -> AsyncIterator[AsyncIterator[WatchNews]]:
        outlet, inlet = anyio.create_memory_object_stream[WatchNews | EtcdError | None](_UNREAD_NEWS)
        watching = Watching(watched, from_revision, self._attempts, outlet)
        failure: Exception | None = None

        async def follow() -> None:
            try:
                await self._caller.ask(watching.follow, lambda: True)
            except BrokenOffError as err:
                await outlet.send(err.error)
            except EtcdError as err:
                await outlet.send(err)

        with outlet, inlet:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(follow)
                # What is raised within is to come out as it is, and not as one of a group.
                try:
                    await _opened(inlet)
                    yield _News(inlet)
                except Exception as err:  # noqa: BLE001 it is raised below
                    failure = err
                tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def grant_lease(self, ttl_s: int) -> int:
        """See `EtcdStore`. Where no answer came another one is asked for; the one before ends by itself."""

        async def call(use: Use) -> int:
            response = await use.calls.stub(LeaseStub).lease_grant(LeaseGrantRequest(ttl=ttl_s), metadata=use.metadata)
            self._attempts.check_cluster(response.header)
            if not response.id:
                raise MalformedMessageError("it grants no lease")
            return response.id

        return await self._caller.ask(call, lambda: True)

    async def keep_lease(self, lease_id: int) -> bool:
        """See `EtcdStore`."""

        async def call(use: Use) -> bool:
            types = LeaseKeepAliveRequest, LeaseKeepAliveResponse
            stream = use.calls.request(_KEEP_ALIVE, Cardinality.STREAM_STREAM, *types, metadata=use.metadata)
            async with stream:
                await stream.send_message(LeaseKeepAliveRequest(id=lease_id), end=True)
                response = await stream.recv_message()
            if not isinstance(response, LeaseKeepAliveResponse):
                raise MalformedMessageError("it says nothing of the lease")
            self._attempts.check_cluster(response.header)
            return response.ttl > 0

        return await self._caller.ask(call, lambda: True)

    async def revoke_lease(self, lease_id: int) -> None:
        """See `EtcdStore`."""

        async def call(use: Use) -> None:
            request = LeaseRevokeRequest(id=lease_id)
            await use.calls.stub(LeaseStub).lease_revoke(request, metadata=use.metadata)

        with suppress(LeaseGoneError):
            await self._caller.ask(call, lambda: True)

    async def status(self) -> StoreStatus:
        """See `EtcdStore`."""

        async def call(use: Use) -> StoreStatus:
            response = await use.calls.stub(MaintenanceStub).status(StatusRequest())
            header = self._attempts.check_cluster(response.header)
            return StoreStatus(header.cluster_id, response.version, bool(response.leader), tuple(response.errors))

        return await self._caller.ask(call, lambda: True)


async def _opened(inlet: MemoryObjectReceiveStream[WatchNews | EtcdError | None]) -> None:
    first = await inlet.receive()
    if isinstance(first, EtcdError):
        raise first


class _News:
    """What a watch tells, one after the other; its error where it ends."""

    def __init__(self, inlet: MemoryObjectReceiveStream[WatchNews | EtcdError | None]) -> None:
        self._inlet = inlet
        self._error: EtcdError | None = None

    def __aiter__(self) -> AsyncIterator[WatchNews]:
        return self

    async def __anext__(self) -> WatchNews:
        if self._error is None:
            told = await self._inlet.receive()
            if isinstance(told, WatchNews):
                return told
            assert told is not None  # noqa: S101 that it is opened is told once
            self._error = told
        raise self._error
