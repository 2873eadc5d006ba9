"""What is asked of a store of keys, and what it answers, as values. Pure.

A store gives every change a revision, which only grows. A transaction is applied as a whole where all its conditions
hold, and not at all where one does not. Keys are text. That is what a test can have in memory, too.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeyValue:
    """What stands at a key.

    Attributes:
        key: the key.
        value: empty where only keys were asked for.
        mod_revision: of the change that put it there.
    """

    key: str
    value: bytes = field(repr=False)
    mod_revision: int


class Form(enum.Enum):
    """How much of what is found is told."""

    VALUES = enum.auto()
    KEYS = enum.auto()


@dataclass(frozen=True, slots=True)
class Get:
    """Look a key up."""

    key: str


@dataclass(frozen=True, slots=True)
class GetPrefix:
    """Look all keys up that start alike, in their order.

    Attributes:
        prefix: how they start.
        form: with their values or without.
        limit: how many at most; 0 for all.
    """

    prefix: str
    form: Form = Form.VALUES
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Put:
    """Set a key.

    Attributes:
        key: the key.
        value: the value.
        lease_id: the lease that it ends with; 0 for none.
    """

    key: str
    value: bytes = field(repr=False)
    lease_id: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key; it need not be there."""

    key: str


Operation = Get | GetPrefix | Put | Delete


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The condition that a key is as it was seen.

    Attributes:
        key: the key.
        mod_revision: of the change that it was seen with; 0 where it was not there.
    """

    key: str
    mod_revision: int


@dataclass(frozen=True, slots=True)
class Transacted:
    """What came of a transaction.

    Attributes:
        succeeded: whether its conditions held, and it was applied.
        revision: of the store behind it.
        cluster_id: which cluster answered.
        found: for each operation what it looked up; nothing for the others, and where it did not succeed.
    """

    succeeded: bool
    revision: int
    cluster_id: int
    found: tuple[tuple[KeyValue, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class WatchNews:
    """What a watch tells.

    Attributes:
        revision: up to which all is told.
        put: what was set since the news before, in its order; nothing where all that is told is that nothing changed.
        deleted: keys that were removed.
    """

    revision: int
    put: tuple[KeyValue, ...] = ()
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """How the member that answered is doing.

    Attributes:
        cluster_id: of which cluster it is.
        version: of its program.
        has_leader: whether it takes part in a majority.
        errors: what it says is wrong, such as that its quota is used up.
    """

    cluster_id: int
    version: str
    has_leader: bool
    errors: tuple[str, ...] = ()


class EtcdStore(Protocol):
    """A store; every method raises an error of `egxds.etcd.errors` where it cannot be done."""

    async def transact(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> Transacted:
        """Do several things at once, where all conditions hold.

        Args:
            conditions: none where it is to be done in any case.
            operations: at most 128.
        """
        ...

    def watch(self, key: str, from_revision: int) -> AbstractAsyncContextManager[AsyncIterator[WatchNews]]:
        """Be told of every change of a key.

        Args:
            key: the key.
            from_revision: of the first change that is told.
        """
        ...

    def watch_prefix(self, prefix: str, from_revision: int) -> AbstractAsyncContextManager[AsyncIterator[WatchNews]]:
        """Be told of every change of all keys that start alike.

        Args:
            prefix: how they start.
            from_revision: of the first change that is told.
        """
        ...

    async def grant_lease(self, ttl_s: int) -> int:
        """Return a new lease, which ends by itself after so many seconds without being kept alive."""
        ...

    async def keep_lease(self, lease_id: int) -> bool:
        """Keep a lease for another while; tell whether it was still there."""
        ...

    async def revoke_lease(self, lease_id: int) -> None:
        """End a lease, and remove what was put with it."""
        ...

    async def status(self) -> StoreStatus:
        """Return how the store is doing."""
        ...
