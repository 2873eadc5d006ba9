"""An etcd in memory: its revisions, conditions, watches, leases and compaction, without time and without a network.

`tests/etcd` tells the same story to this one and to a real one, which holds the two together.

    FakeCluster   what is kept, and what an operator may do to it
    FakeEtcd      one client's way to it, with the faults that are asked for; several may share a cluster
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio import lowlevel

from egxds.etcd.errors import (
    CompactedError,
    EtcdError,
    LeaseGoneError,
    NoSpaceError,
    OutcomeUnknownError,
    RefusedError,
    RequestTooLargeError,
    UnavailableError,
    WrongClusterError,
)
from egxds.etcd.operations import (
    Delete,
    Form,
    Get,
    GetPrefix,
    KeyValue,
    Operation,
    Put,
    StoreStatus,
    Transacted,
    Unchanged,
    WatchNews,
)

_IsWatched = Callable[[str], bool]

MOST_OPERATIONS = 128
MOST_BYTES = 1_572_864
"""Of a request: what etcd takes by default."""


@dataclass(frozen=True)
class Change:
    """What one transaction did to one key; `put` is nothing where it was removed."""

    revision: int
    key: str
    put: KeyValue | None


@dataclass(frozen=True)
class Backup:
    """What a cluster held at a time."""

    revision: int
    keys: dict[str, KeyValue]


@dataclass
class FakeCluster:
    """What is kept.

    Attributes:
        cluster_id: of the cluster.
        revision: of the last change; 1 where there was none.
        keys: what stands there now.
        history: changes since the last compaction.
        compacted: up to which revision the history is forgotten.
        is_full: whether the quota is used up.
        leases: by their ids, the keys that were put with them.
        written_bytes: keys and values of all that was put.
    """

    cluster_id: int = 0xE7CD
    revision: int = 1
    keys: dict[str, KeyValue] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    compacted: int = 0
    is_full: bool = False
    leases: dict[int, set[str]] = field(default_factory=dict)
    written_bytes: int = 0

    def __post_init__(self) -> None:
        self.changed = anyio.Event()
        self.restores = 0
        self._granted = 0

    def compact(self, revision: int) -> None:
        """Forget what was before a revision."""
        self.compacted = revision
        self.history = [change for change in self.history if change.revision >= revision]
        self.stir()

    def backup(self) -> Backup:
        """Return what a snapshot would hold."""
        return Backup(self.revision, dict(self.keys))

    def restore(self, backup: Backup, cluster_id: int | None = None) -> None:
        """Go back to what was; who watches is cut off. A cluster that is restored may have another id."""
        self.revision, self.keys = backup.revision, dict(backup.keys)
        self.history = [change for change in self.history if change.revision <= backup.revision]
        self.cluster_id = self.cluster_id if cluster_id is None else cluster_id
        self.compacted = min(self.compacted, backup.revision)
        self.restores += 1
        self.stir()

    def stir(self) -> None:
        """Have all that wait look again."""
        self.changed.set()
        self.changed = anyio.Event()

    def grant(self) -> int:
        """Make a lease."""
        self._granted += 1
        self.leases[self._granted] = set()
        return self._granted

    def end_lease(self, lease_id: int) -> None:
        """Have a lease end, as by its time, with what was put with it."""
        ended = self.leases.pop(lease_id, set())
        self.apply([Delete(key) for key in sorted(ended)])

    def apply(self, operations: Sequence[Operation]) -> tuple[tuple[KeyValue, ...], ...]:
        """Do several things as one change; what is looked up is found as the operations before have left it."""
        revision = self.revision + 1
        changes: list[Change] = []
        found = tuple(self._apply_one(operation, revision, changes) for operation in operations)
        if changes:
            self.revision = revision
            self.history += changes
            self.stir()
        return found

    def _apply_one(self, operation: Operation, revision: int, changes: list[Change]) -> tuple[KeyValue, ...]:
        match operation:
            case Get(key):
                return (self.keys[key],) if key in self.keys else ()
            case GetPrefix():
                return self._below(operation)
            case Put(key, value, lease_id):
                self.keys[key] = KeyValue(key, value, revision)
                self.written_bytes += len(key.encode()) + len(value)
                self._hold(key, lease_id)
                changes.append(Change(revision, key, self.keys[key]))
            case Delete(key):
                if self.keys.pop(key, None) is not None:
                    self._hold(key, 0)
                    changes.append(Change(revision, key, None))
        return ()

    def _below(self, asked: GetPrefix) -> tuple[KeyValue, ...]:
        keys = sorted((key for key in self.keys if key.startswith(asked.prefix)), key=str.encode)
        kept = [self.keys[key] for key in keys[: asked.limit or None]]
        if asked.form is Form.KEYS:
            return tuple(KeyValue(each.key, b"", each.mod_revision) for each in kept)
        return tuple(kept)

    def _hold(self, key: str, lease_id: int) -> None:
        for held in self.leases.values():
            held.discard(key)
        if lease_id:
            self.leases[lease_id].add(key)


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next transaction.

    Attributes:
        error: what is raised.
        is_applied: whether it was applied all the same.
    """

    error: EtcdError
    is_applied: bool = False


async def _at_once() -> None:
    """Wait for nothing."""


class FakeEtcd:
    """One client of a cluster; an `EtcdStore`.

    Attributes:
        cluster: what it speaks to.
        faults: of its next transactions, one for each.
        is_cut_off: whether nothing gets through, in either direction; its watches end.
        transactions: how many it has begun.
        operations: of these, in order.
        before: awaited before each transaction gets there, for what others do meanwhile.
    """

    def __init__(self, cluster: FakeCluster | None = None) -> None:
        self.cluster = cluster or FakeCluster()
        self.faults: deque[Fault] = deque()
        self.transactions = 0
        self.operations: list[tuple[Operation, ...]] = []
        self.before: Callable[[], Awaitable[None]] = _at_once
        self._is_cut_off = False
        self._pinned = self.cluster.cluster_id
        self._broken: EtcdError = UnavailableError("no member answers")
        self._breaks = 0
        self._quiet_words = 0

    @property
    def is_cut_off(self) -> bool:
        """Whether nothing gets through."""
        return self._is_cut_off

    @is_cut_off.setter
    def is_cut_off(self, value: bool) -> None:
        self._is_cut_off = value
        self.cluster.stir()

    def fail_before(self, error: EtcdError | None = None) -> None:
        """Have the next transaction fail before it is applied."""
        self.faults.append(Fault(error or UnavailableError("no member answers")))

    def fail_after(self) -> None:
        """Have the next transaction be applied, and no answer come."""
        self.faults.append(Fault(OutcomeUnknownError("no answer came"), is_applied=True))

    def break_watches(self, error: EtcdError | None = None) -> None:
        """End all watches."""
        self._broken = error or UnavailableError("no member answers")
        self._breaks += 1
        self.cluster.stir()

    def tell_progress(self) -> None:
        """Have all watches say that nothing changed."""
        self._quiet_words += 1
        self.cluster.stir()

    async def transact(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> Transacted:
        """See `EtcdStore`."""
        self.transactions += 1
        self.operations.append(tuple(operations))
        await self.before()
        self._check_way()
        fault = self.faults.popleft() if self.faults else None
        if fault is not None and not fault.is_applied:
            raise fault.error
        transacted = self._transacted(conditions, operations)
        if fault is not None:
            raise fault.error
        return transacted

    def _transacted(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> Transacted:
        cluster = self.cluster
        _check_request(conditions, operations)
        if cluster.is_full and any(isinstance(operation, Put) for operation in operations):
            raise NoSpaceError("the quota of etcd is used up")
        holds = all(_revision_of(cluster, each.key) == each.mod_revision for each in conditions)
        if holds and any(isinstance(each, Put) and not self._has_lease(each) for each in operations):
            raise LeaseGoneError("the lease has ended")
        found = cluster.apply(operations) if holds else ()
        return Transacted(holds, cluster.revision, cluster.cluster_id, found)

    def _has_lease(self, put: Put) -> bool:
        return not put.lease_id or put.lease_id in self.cluster.leases

    def _check_way(self) -> None:
        if self._is_cut_off:
            raise UnavailableError("no member answers")
        if self.cluster.cluster_id != self._pinned:
            raise WrongClusterError(self._pinned, self.cluster.cluster_id)

    def watch(self, key: str, from_revision: int) -> AbstractAsyncContextManager[AsyncIterator[WatchNews]]:
        """See `EtcdStore`."""
        return self._watch(lambda changed: changed == key, from_revision)

    def watch_prefix(self, prefix: str, from_revision: int) -> AbstractAsyncContextManager[AsyncIterator[WatchNews]]:
        """See `EtcdStore`."""
        return self._watch(lambda changed: changed.startswith(prefix), from_revision)

    @asynccontextmanager
    async def _watch(self, is_watched: _IsWatched, from_revision: int) -> AsyncIterator[AsyncIterator[WatchNews]]:
        await lowlevel.checkpoint()
        self._check_way()
        news = self._news(is_watched, from_revision, self._marks())
        try:
            yield news
        finally:
            await news.aclose()

    def _marks(self) -> tuple[int, int, int]:
        """Return how often watches were ended, by this client and by the cluster, and told that nothing changed."""
        return self._breaks, self.cluster.restores, self._quiet_words

    async def _news(
        self, is_watched: _IsWatched, from_revision: int, begun: tuple[int, int, int]
    ) -> AsyncGenerator[WatchNews, None]:
        told, (breaks, restores, words) = from_revision - 1, begun
        while True:
            changed = self.cluster.changed
            self._check_way()
            if self._breaks != breaks:
                raise self._broken
            if self.cluster.restores != restores:
                raise UnavailableError("the member went away")
            if told + 1 < self.cluster.compacted:
                raise CompactedError(self.cluster.compacted)
            changes = [each for each in self.cluster.history if is_watched(each.key) and each.revision > told]
            if changes:
                told = changes[-1].revision
                put = tuple(each.put for each in changes if each.put is not None)
                yield WatchNews(told, put, tuple(each.key for each in changes if each.put is None))
            elif self._quiet_words != words:
                words = self._quiet_words
                yield WatchNews(told)
            else:
                await changed.wait()

    async def grant_lease(self, ttl_s: int) -> int:
        """See `EtcdStore`; it ends when the cluster is told so, and not by time."""
        await lowlevel.checkpoint()
        self._check_way()
        return self.cluster.grant()

    async def keep_lease(self, lease_id: int) -> bool:
        """See `EtcdStore`."""
        await lowlevel.checkpoint()
        self._check_way()
        return lease_id in self.cluster.leases

    async def revoke_lease(self, lease_id: int) -> None:
        """See `EtcdStore`."""
        await lowlevel.checkpoint()
        self._check_way()
        self.cluster.end_lease(lease_id)

    async def status(self) -> StoreStatus:
        """See `EtcdStore`."""
        await lowlevel.checkpoint()
        self._check_way()
        errors = ("NOSPACE",) if self.cluster.is_full else ()
        return StoreStatus(self.cluster.cluster_id, "3.4.0", has_leader=True, errors=errors)


def _revision_of(cluster: FakeCluster, key: str) -> int:
    return cluster.keys[key].mod_revision if key in cluster.keys else 0


def _check_request(conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> None:
    """Refuse what etcd refuses before it looks at anything."""
    if max(len(conditions), len(operations)) > MOST_OPERATIONS:
        raise RequestTooLargeError("too many operations")
    put = [each for each in operations if isinstance(each, Put)]
    written = [each.key for each in put] + list({each.key for each in operations if isinstance(each, Delete)})
    if len(set(written)) != len(written):
        raise RefusedError("a key is written twice")
    if sum(len(each.key.encode()) + len(each.value) for each in put) > MOST_BYTES:
        raise RequestTooLargeError("the request is too large")
