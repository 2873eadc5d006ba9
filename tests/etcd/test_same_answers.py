"""Whatever is asked, the etcd in memory answers what a real one does: made-up transactions are told to both."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from egxds.etcd.errors import EtcdError
from egxds.etcd.operations import (
    Delete,
    EtcdStore,
    Form,
    Get,
    GetPrefix,
    KeyValue,
    Operation,
    Put,
    Transacted,
    Unchanged,
)
from tests.etcd.clients import PATIENCE_S, client_of
from tests.etcd.cluster import EtcdCluster
from tests.etcd_fake import FakeEtcd

_numbers = itertools.count()

_names = st.sampled_from(("a", "aa", "b", "é"))
_operations: st.SearchStrategy[Operation] = st.one_of(
    st.builds(Get, _names),
    st.builds(GetPrefix, st.sampled_from(("", "a", "aa", "x")), st.sampled_from(Form), st.integers(0, 3)),
    st.builds(Put, _names, st.binary(max_size=3)),
    st.builds(Put, _names, st.binary(max_size=3)),
    st.builds(Delete, _names),
)


@dataclass(frozen=True)
class Told:
    """One transaction; conditions are names, each with how many changes ago what it wants to see was there.

    Attributes:
        conditions: 0 is what is there now.
        operations: with names in the place of keys.
    """

    conditions: tuple[tuple[str, int], ...]
    operations: tuple[Operation, ...]


_transactions = st.builds(
    Told,
    st.lists(st.tuples(_names, st.sampled_from((0, 0, 0, 1))), max_size=2).map(tuple),
    st.lists(_operations, max_size=4).map(tuple),
)


class Teller:
    """Tells transactions to a store; what it answers counts from where it began.

    Attributes:
        answers: so far, in values that two stores have alike.
    """

    def __init__(self, store: EtcdStore, below: str) -> None:
        self.answers: list[object] = []
        self._store = store
        self._below = below
        self._seen: dict[str, list[int]] = {}

    async def begin(self) -> None:
        """Take note of where the store is."""
        self._begun = (await self._store.transact((), (Get(self._below),))).revision

    async def tell(self, told: Told) -> None:
        """Do what is told."""
        conditions = [Unchanged(self._below + name, await self._revision(name, ago)) for name, ago in told.conditions]
        try:
            done = await self._store.transact(conditions, [_moved(each, self._below) for each in told.operations])
        except EtcdError as err:
            self.answers.append(type(err))
        else:
            self.answers.append(self._alike(done))

    async def watch(self) -> None:
        """Be told what happened to one key, up to a last change of it."""
        key = f"{self._below}a"
        last = (await self._store.transact((), (Put(key, b"last"),))).revision
        told: list[tuple[int, bytes] | str] = []
        with anyio.fail_after(PATIENCE_S):
            async with self._store.watch(key, self._begun + 1) as news:
                async for each in news:
                    told += [(put.mod_revision - self._begun, put.value) for put in each.put]
                    told += each.deleted
                    if each.revision >= last:
                        break
        self.answers.append(sorted(told, key=str))

    async def _revision(self, name: str, ago: int) -> int:
        """Return the revision of a key's last change, or of one before that was seen."""
        found = (await self._store.transact((), (Get(self._below + name),))).found[0]
        seen = self._seen.setdefault(name, [])
        seen.append(found[0].mod_revision if found else 0)
        return seen[-1 - min(ago, len(seen) - 1)]

    def _alike(self, done: Transacted) -> tuple[object, ...]:
        return (
            done.succeeded,
            done.revision - self._begun,
            [[self._found(each) for each in found] for found in done.found],
        )

    def _found(self, each: KeyValue) -> tuple[str, bytes, int]:
        return each.key, each.value, each.mod_revision - self._begun


def _moved(operation: Operation, below: str) -> Operation:
    match operation:
        case Get(name):
            return Get(below + name)
        case GetPrefix(prefix, form, limit):
            return GetPrefix(below + prefix, form, limit)
        case Put(name, value):
            return Put(below + name, value)
        case Delete(name):
            return Delete(below + name)


async def _answers(store: EtcdStore, below: str, told: Sequence[Told]) -> list[object]:
    teller = Teller(store, below)
    await teller.begin()
    for each in told:
        await teller.tell(each)
    await teller.watch()
    return teller.answers


async def _both(etcd: EtcdCluster, told: Sequence[Told]) -> tuple[list[object], list[object]]:
    below = f"/same/{next(_numbers)}/"
    async with client_of(etcd) as client:
        return await _answers(client, below, told), await _answers(FakeEtcd(), below, told)


@settings(max_examples=40)
@given(told=st.lists(_transactions, min_size=1, max_size=8))
def test_both_answer_alike(etcd: EtcdCluster, told: list[Told]) -> None:
    """Found values, revisions, refusals, and what a watch tells of it all."""
    real, in_memory = anyio.run(partial(_both, etcd, told))
    assert in_memory == real
