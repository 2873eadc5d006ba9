"""Conditional changes of single keys, gathered into transactions of many. Awaits.

A first load has ten thousand requests, and each of them is claimed and answered by a change of its own key. What is
wanted while a transaction is under way goes with the next one: alone it waits for nobody, and of many a hundred take
one round trip.

    a transaction is applied ------------------> all of it is done
    it is not, as a condition did not hold ----> what stands at its keys is looked up: those that are otherwise are told
                                                 so, and the rest is tried again
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from egxds.etcd.errors import EtcdError, OutcomeUnknownError, UnavailableError
from egxds.etcd.operations import Delete, EtcdStore, Get, KeyValue, Put, Unchanged

WORKERS = 4
"""Transactions that are under way at one time."""

MOST_TOGETHER = 64
_MOST_BYTES = 1024 * 1024
_LEFT = "the store is left"


@dataclass(frozen=True, slots=True)
class Otherwise:
    """The condition does not hold.

    Attributes:
        found: what stands there; None for nothing.
    """

    found: KeyValue | None


@dataclass(slots=True)
class _Wish:
    condition: Unchanged
    change: Put | Delete
    is_claim: bool
    is_settled: anyio.Event = field(default_factory=anyio.Event)
    outcome: int | Otherwise | EtcdError = 0
    is_left: bool = False

    @property
    def key(self) -> str:
        return self.condition.key

    @property
    def size_bytes(self) -> int:
        return len(self.change.value) if isinstance(self.change, Put) else 0

    def settle(self, outcome: int | Otherwise | EtcdError) -> None:
        self.outcome = outcome
        self.is_settled.set()


class GatheredChanges:
    """Changes that wait for their transaction."""

    def __init__(self, store: EtcdStore) -> None:
        """Prepare.

        Args:
            store: whose keys are changed.
        """
        self._store = store
        self._waiting: OrderedDict[_WishKey, _Wish] = OrderedDict()
        self._came = anyio.Event()
        self._count = 0
        self._is_over = False

    async def work(self) -> None:
        """Carry them out; until cancelled, and from then on none is."""
        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(WORKERS):
                    tasks.start_soon(self._work)
        finally:
            self._is_over = True
            for wish in self._waiting.values():
                wish.settle(UnavailableError(_LEFT))
            self._waiting.clear()

    async def claim(self, key: str, put: Put) -> int | Otherwise:
        """Put something at a key where nothing stands; whoever stops waiting for it has it removed.

        Returns:
            The revision of the change; or what stands there.

        Raises:
            EtcdError: the store cannot be asked.
        """
        return await self._done(_Wish(Unchanged(key, 0), put, is_claim=True))

    async def put(self, condition: Unchanged, put: Put) -> int | Otherwise:
        """Put something at a key that is as it was seen.

        Returns:
            The revision of the change; or what stands there.

        Raises:
            EtcdError: the store cannot be asked.
        """
        return await self._done(_Wish(condition, put, is_claim=False))

    def remove_soon(self, condition: Unchanged) -> None:
        """Remove a key that is as it was seen, without waiting for it."""
        self._add(_Wish(condition, Delete(condition.key), is_claim=False))

    async def _done(self, wish: _Wish) -> int | Otherwise:
        self._add(wish)
        try:
            await wish.is_settled.wait()
        except BaseException:
            wish.is_left = True
            # It was settled, and nobody has heard of it.
            if wish.is_settled.is_set():
                self._undo(wish)
            raise
        if isinstance(wish.outcome, EtcdError):
            raise wish.outcome
        return wish.outcome

    def _add(self, wish: _Wish) -> None:
        if self._is_over:
            wish.settle(UnavailableError(_LEFT))
            return
        self._count += 1
        self._waiting[self._count] = wish
        self._came.set()

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                self._came = anyio.Event()
                await self._came.wait()
            wishes = self._taken()
            try:
                await self._carry_out(wishes)
            except BaseException:
                for wish in wishes:
                    if not wish.is_settled.is_set():
                        wish.settle(OutcomeUnknownError(_LEFT))
                raise

    def _taken(self) -> list[_Wish]:
        """Take what goes together: no key twice, and not too much."""
        taken: dict[str, _Wish] = {}
        size_bytes = 0
        for number, wish in list(self._waiting.items()):
            if taken and (size_bytes + wish.size_bytes > _MOST_BYTES or len(taken) >= MOST_TOGETHER):
                break
            if wish.key not in taken:
                taken[wish.key] = self._waiting.pop(number)
                size_bytes += wish.size_bytes
        return list(taken.values())

    async def _carry_out(self, wishes: Sequence[_Wish]) -> None:
        # A reply is put all the same: others wait for it.
        wishes = [wish for wish in wishes if not (wish.is_left and wish.is_claim)]
        try:
            while wishes:
                done = await self._store.transact([wish.condition for wish in wishes], [wish.change for wish in wishes])
                if done.succeeded:
                    self._settle_all(wishes, done.revision)
                    return
                wishes = await self._told_otherwise(wishes)
        except EtcdError as err:
            for wish in wishes:
                wish.settle(err)

    def _settle_all(self, wishes: Sequence[_Wish], revision: int) -> None:
        for wish in wishes:
            wish.settle(revision)
            if wish.is_left:
                self._undo(wish)

    def _undo(self, wish: _Wish) -> None:
        if wish.is_claim and isinstance(wish.outcome, int):
            self.remove_soon(Unchanged(wish.key, wish.outcome))

    async def _told_otherwise(self, wishes: Sequence[_Wish]) -> list[_Wish]:
        """Settle those whose conditions do not hold; return the others."""
        looked_up = await self._store.transact((), [Get(wish.key) for wish in wishes])
        others: list[_Wish] = []
        for wish, found in zip(wishes, looked_up.found, strict=True):
            if (found[0].mod_revision if found else 0) == wish.condition.mod_revision:
                others.append(wish)
            else:
                wish.settle(Otherwise(found[0] if found else None))
        return others


_WishKey = int
