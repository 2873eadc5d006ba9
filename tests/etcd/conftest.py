"""Real etcd clusters for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.envoy.backend import EchoBackend
from tests.etcd.cluster import EtcdCluster
from tests.etcd.replica import Replica
from tests.etcd.shop import Shop


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, as the daemon does."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _installed(require: Callable[..., None]) -> None:
    require("etcd", "etcdctl")


@pytest.fixture(scope="session")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    """One member that runs, and is only asked."""
    with ExitStack() as stack:
        cluster = EtcdCluster(tmp_path_factory.mktemp("etcd"))
        stack.callback(cluster.close)
        yield cluster.start()


@pytest.fixture
def cluster_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., EtcdCluster]]:
    """Makes clusters that a test may do with what it likes; they end with it."""
    with ExitStack() as stack:

        def make(size: int = 1, **more: Any) -> EtcdCluster:
            cluster = EtcdCluster(tmp_path_factory.mktemp("cluster"), size, **more)
            stack.callback(cluster.close)
            return cluster.start()

        yield make


@pytest.fixture
def backend() -> Iterator[EchoBackend]:
    """A backend called `echo`."""
    with EchoBackend() as running:
        yield running


@pytest.fixture
def shop(backend: EchoBackend) -> Shop:
    """Files over it."""
    return Shop(backend)


@pytest.fixture
def replica_of(tmp_path: Path) -> Iterator[Callable[..., Replica]]:
    """Describes daemons that follow a cluster; ends what still runs."""
    made: list[Replica] = []

    def make(cluster: EtcdCluster, **more: Any) -> Replica:
        made.append(Replica(tmp_path / f"replica-{len(made)}", cluster, more))
        return made[-1]

    yield make
    for replica in made:
        replica.discard()
