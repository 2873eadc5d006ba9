"""Keeps what a replica says of itself in the store, for as long as it lives. Waits for the store, and reads a clock.

All of it stands under one lease and goes with it. What changes is written once a second at most, and only what is other
than what stands there; that the replica lives is said by the lease alone.

    no lease ---- one is granted, the name is free, or is ours ------> all is written; RECORDED
    no lease ---- another replica has that name, or it may not ------> said; again after a pause
    RECORDED ---- something is other ---------------------------------> that is written, a second after the last time
    RECORDED ---- the lease is lost -----------------------------------> no lease

Lists of Envoys are written before, or together with, the record: who reads a record and then the lists finds in them
nothing that is older than it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio

from egxds.etcd.errors import EtcdError
from egxds.etcd.kept_lease import KeptLease
from egxds.etcd.operations import Delete, EtcdStore, Form, Get, GetPrefix, KeyValue, Put, Unchanged
from egxds.fleet.record import Identity, ReplicaRecordError, decoded_replica
from egxds.published.batches import MOST_WRITES, MOST_WRITTEN_BYTES, batches
from egxds.published.layout import Layout

LEASE_S = 10
APART_S = 1.0
"""Between two writes."""

_TOGETHER_S = 0.05
"""What happens within that is written together: an Envoy that takes something says so several times."""

_SHORTEST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_NAME_PAUSE_S = 2.0
"""While another one has the name: it may have died, and its lease is about to end."""

_Write = Put | Delete


class NameTakenError(EtcdError):
    """Another replica that lives has the name."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a replica says.

    Attributes:
        record: as it is stored.
        parts: name of a part → its list of Envoys.
    """

    record: bytes = field(repr=False)
    parts: Mapping[str, bytes] = field(repr=False)


class RecordKeeper:
    """The record of one replica.

    Attributes:
        fault: why it does not stand in the store; empty where it does.
        written_bytes: of all that was written.
    """

    def __init__(self, identity: Identity, layout: Layout, gather: Callable[[], Awaitable[Told]]) -> None:
        """Prepare.

        Args:
            identity: whose.
            layout: where it stands.
            gather: returns what there is to be said now.
        """
        self.fault = "it was not written yet"
        self.written_bytes = 0
        self._identity = identity
        self._layout = layout
        self._gather = gather
        self._stirred = anyio.Event()
        self._lease_id = 0
        self._written: dict[str, bytes] = {}
        self._writing = anyio.Lock()
        self._pause_s = _SHORTEST_PAUSE_S

    def stir(self) -> None:
        """Have it looked, soon, whether there is something else to be said."""
        self._stirred.set()

    async def keep(self, store: EtcdStore) -> None:
        """Keep the record there; until cancelled, when it is removed."""
        lease = KeptLease(store, LEASE_S, partial(self._granted, store), self._lost)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow, store, name="write what changed")
            await lease.keep()

    async def say_now(self, store: EtcdStore) -> None:
        """Write what there is to be said without waiting; nothing happens where there is no lease.

        Raises:
            EtcdError: it cannot be written.
        """
        await self._write(store)

    async def _granted(self, store: EtcdStore, lease_id: int) -> None:
        try:
            await self._claim(store, lease_id)
        except EtcdError as err:
            self.fault = str(err)
            await anyio.sleep(self._pause_s)
            longest_s = _NAME_PAUSE_S if isinstance(err, NameTakenError) else _LONGEST_PAUSE_S
            self._pause_s = min(2 * self._pause_s, longest_s)
            raise
        self._pause_s = _SHORTEST_PAUSE_S
        self.fault = ""

    async def _claim(self, store: EtcdStore, lease_id: int) -> None:
        """Have the name, and nothing below it that is of a life before this one."""
        name, layout = self._identity.name, self._layout
        looks = (Get(layout.replica(name)), GetPrefix(layout.envoys_of(name), Form.KEYS))
        found, left_over = (await store.transact((), looks)).found
        self._check_ours(found)
        condition = Unchanged(layout.replica(name), found[0].mod_revision if found else 0)
        told = await self._gather()
        first = Put(layout.replica(name), told.record, lease_id)
        if not (await store.transact((condition,), (first,))).succeeded:
            raise NameTakenError(f"another replica has taken the name {name} meanwhile")
        self._lease_id = lease_id
        self._written = {each.key: b"" for each in left_over}
        await self._write(store)

    def _check_ours(self, found: Sequence[KeyValue]) -> None:
        for each in found:
            try:
                theirs = decoded_replica(self._identity.name, each.value)
            except ReplicaRecordError:
                continue  # what is no record is nobody's
            if theirs.instance != self._identity.instance:
                raise NameTakenError(
                    f"another replica is called {theirs.name}, since {theirs.since.isoformat(timespec='seconds')}: "
                    "give each a name of its own (sources.etcd.replica.name); one that has died is forgotten within "
                    f"{LEASE_S} s"
                )

    def _lost(self) -> None:
        self._lease_id = 0
        self._written = {}
        self.fault = self.fault or "its lease has ended: the store did not answer in time"

    async def _follow(self, store: EtcdStore) -> None:
        while True:
            await self._stirred.wait()
            await anyio.sleep(_TOGETHER_S)
            self._stirred = anyio.Event()
            try:
                await self._write(store)
            except EtcdError as err:
                # The lease says whether it is still there; what was not written is to be.
                self.fault = str(err)
                self._stirred.set()
            await anyio.sleep(APART_S)

    async def _write(self, store: EtcdStore) -> None:
        async with self._writing:
            if not (lease_id := self._lease_id):
                return
            told = await self._gather()
            # It may be lost at each wait. What is put without one stays there for ever, and a lost one takes along
            # what was put with it.
            if self._lease_id != lease_id:
                return
            for batch in batches(self._differing(told, lease_id), _size, MOST_WRITES, MOST_WRITTEN_BYTES):
                await store.transact((), batch)
                if self._lease_id != lease_id:
                    return
                self._note(batch)
            self.fault = ""

    def _differing(self, told: Told, lease_id: int) -> list[_Write]:
        layout, name = self._layout, self._identity.name
        wanted = {f"{layout.envoys_of(name)}{part}": content for part, content in told.parts.items()}
        wanted[layout.replica(name)] = told.record  # the last one
        gone = [Delete(key) for key in self._written if key not in wanted]
        put = [Put(key, value, lease_id) for key, value in wanted.items() if self._written.get(key) != value]
        return [*gone, *put]

    def _note(self, written: Sequence[_Write]) -> None:
        for each in written:
            if isinstance(each, Put):
                self._written[each.key] = each.value
                self.written_bytes += _size(each)
            else:
                self._written.pop(each.key, None)


def _size(operation: _Write) -> int:
    return len(operation.key) + (len(operation.value) if isinstance(operation, Put) else 0)
