"""Clients of real clusters, and what tests ask of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio

from egxds.etcd.client import EtcdClient
from egxds.etcd.errors import EtcdError, UnavailableError
from egxds.etcd.operations import EtcdStore, Get, Put, WatchNews
from tests.etcd.cluster import EtcdCluster

PATIENCE_S = 30.0
"""How long a fact is waited for that comes at once where nothing else runs."""


@asynccontextmanager
async def client_of(cluster: EtcdCluster, *, cluster_id: int = 0, **more: Any) -> AsyncIterator[EtcdClient]:
    """A client, closed in the end; `more` are settings of the source."""
    client = EtcdClient(cluster.source(**more), Path(), cluster_id)
    try:
        yield client
    finally:
        await client.aclose()


async def read(store: EtcdStore, key: str) -> bytes | None:
    """Return what stands at a key."""
    (found,) = (await store.transact((), (Get(key),))).found
    return found[0].value if found else None


async def read_at_last(store: EtcdStore, key: str) -> bytes | None:
    """Return what stands at a key; asked again where no answer came in the time of one request, which may be short."""
    with anyio.fail_after(PATIENCE_S):
        while True:
            with suppress(UnavailableError):
                return await read(store, key)


async def write(store: EtcdStore, key: str, value: bytes) -> int:
    """Set a key; return the revision."""
    return (await store.transact((), (Put(key, value),))).revision


async def next_change(news: AsyncIterator[WatchNews]) -> WatchNews:
    """Wait for something else than that nothing changed."""
    with anyio.fail_after(PATIENCE_S):
        async for each in news:
            if each.put or each.deleted:
                return each
    raise AssertionError("the watch has ended without an error")


async def end_of(news: AsyncIterator[WatchNews], limit_s: float = PATIENCE_S) -> EtcdError:
    """Wait until a watch ends; return why."""
    with anyio.fail_after(limit_s):
        try:
            async for _ in news:
                pass
        except EtcdError as err:
            return err
    raise AssertionError("the watch has ended without an error")
