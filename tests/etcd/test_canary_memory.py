"""A generation for some nodes first that a replica has no memory for: what is in force has it first."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from egxds.etcd.client import EtcdClient
from egxds.files.reading.reader import LIMITS
from egxds.published.content import content_of
from egxds.published.layout import Layout
from egxds.published.putting_candidate import Canary, put_candidate
from egxds.published.reading import Generations
from egxds.published.record import Origin
from tests.envoy.waiting import wait_for
from tests.etcd.canary import cluster
from tests.etcd.cluster import EtcdCluster
from tests.etcd.replica import Replica, publish
from tests.etcd.shop import NOTICED_S, Shop
from tests.process.many_routes import many_routes

__all__ = ["cluster"]

_ROOM_BYTES = 96 * 2**20
_ROUTES = 80
"""They come to more than the room."""


def put(cluster: EtcdCluster, files: dict[str, str], node: str) -> None:
    """Publish files for a node first, unchecked."""

    async def put() -> None:
        client = EtcdClient(cluster.source())
        try:
            content = content_of({path: text.encode() for path, text in files.items()})
            origin = Origin("alice@desk", datetime.now(UTC))
            await put_candidate(Generations(client, Layout("/egxds/"), LIMITS), content, origin, Canary((node,), 0))
        finally:
            await client.aclose()

    anyio.run(put)


@contextmanager
def little_room(pid: int) -> Iterator[None]:
    """Have a process be allowed little more data than it has now, for a while."""
    (used_kib,) = re.findall(r"VmData:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    before = resource.prlimit(pid, resource.RLIMIT_DATA)
    resource.prlimit(pid, resource.RLIMIT_DATA, (int(used_kib) * 1024 + _ROOM_BYTES, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_DATA, before)


@pytest.fixture
def replica(cluster: EtcdCluster, shop: Shop, replica_of: Callable[..., Replica]) -> Replica:
    """It serves a shop with one host."""
    publish(cluster, shop.files("a"))
    replica = replica_of(cluster)
    replica.start()
    replica.wait_generation(1)
    return replica


def test_one_that_is_too_large_is_tried_again_until_there_is_memory(
    cluster: EtcdCluster, shop: Shop, replica: Replica
) -> None:
    """Nobody has to publish anything for that; until then it is said, and who has the head has it."""
    with little_room(replica.pid):
        put(cluster, {**shop.files("a", "b"), "routes/many.yaml": many_routes(_ROUTES)}, "canary")
        wait_for(lambda: len(replica.events("canary.failed")) > 1, "a second try", NOTICED_S)
        told = replica.events("canary.failed")[0]["error"]
        assert re.search(r"not enough memory.*it is tried again at \d{4}-\d\d-\d\dT", told), told
        assert "not enough memory" in replica.run("status").stdout
        assert "a.test" in str(replica.resources())
    wait_for(lambda: replica.events("canary.served"), "it to be served", 2 * NOTICED_S)
    assert "not enough memory" not in replica.run("status").stdout
    assert replica.stop() == 0


def test_what_is_published_for_all_beside_one_that_is_too_large(
    cluster: EtcdCluster, shop: Shop, replica: Replica
) -> None:
    """It is served at once, and by itself."""
    with little_room(replica.pid):
        put(cluster, {**shop.files("a"), "routes/many.yaml": many_routes(_ROUTES)}, "canary")
        wait_for(lambda: replica.events("canary.failed"), "a first try", NOTICED_S)
        replica.wait_generation(publish(cluster, shop.files("a", "b")))
        wait_for(lambda: "b.test" in str(replica.resources()), "what is published", NOTICED_S)
    assert replica.events("app.load_refused") == []
    assert replica.stop() == 0
