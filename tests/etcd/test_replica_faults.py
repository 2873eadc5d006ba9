"""Whatever happens to the store: traffic and xDS go on, it is said, and afterwards nothing is sent that is not new."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.envoy.client import SteadyClient
from tests.envoy.conftest import StartEnvoy, run_envoy, start_envoy
from tests.envoy.waiting import wait_for
from tests.etcd.cluster import EtcdCluster
from tests.etcd.replica import Replica, publish
from tests.etcd.replica_faults import FAULTS, Fault
from tests.etcd.shop import Shop

__all__ = ["run_envoy", "start_envoy"]

# Where a way is closed just when somebody comes, asyncio leaves the connection that it has taken open.
pytestmark = [
    pytest.mark.envoy,
    pytest.mark.filterwarnings("ignore:.*unclosed <socket.socket:pytest.PytestUnraisableExceptionWarning"),
]

_NEW_WITH_A_HOST = ("route ", "cluster ", "endpoint ")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_replica_lives_through_it(
    fault: Fault,
    cluster_of: Callable[..., EtcdCluster],
    replica_of: Callable[..., Replica],
    start_envoy: StartEnvoy,
    shop: Shop,
    tmp_path: Path,
) -> None:
    """A generation that is published meanwhile, or afterwards, arrives by itself."""
    store = fault.store(cluster_of, shop, tmp_path)
    publish(store.cluster, shop.files("a"))
    with ExitStack() as stack:
        replica = replica_of(store.cluster, endpoints=store.open_ways(stack))
        replica.start()
        start_envoy(replica)
        shop.wait_answer("a")
        before, sent = replica.resources(), replica.sent()
        client = stack.enter_context(SteadyClient(shop.port, "a.test"))
        fault.begins(store)
        if fault.said:
            wait_for(lambda: fault.said in replica.admin("/readyz").text, f"{fault.name} to be said")
            check_said(replica)
        if fault.takes:
            publish(store.cluster, shop.files("a", "b"))
        fault.ends(store)
        wait_for(lambda: replica.admin("/readyz").text == "ok\n", "nothing to be said")
        if not fault.takes:
            assert (replica.resources(), replica.sent()) == (before, sent)
            publish(store.cluster, shop.files("a", "b"))
        shop.wait_answer("b")
        client.wait_for_more()
    assert client.failures == []
    after = replica.resources()
    assert {name for name, found in before.items() if after.get(name) != found} == {"route default/web/http"}
    assert all(name.startswith(_NEW_WITH_A_HOST) for name in after.keys() - before.keys())
    assert replica.sent()["listener"] == sent["listener"]


def check_said(replica: Replica) -> None:
    """Check that it is ready all the same, and that people are told of it, wherever they look."""
    assert replica.admin("/readyz").status == 200
    assert not replica.metric("source_connected") or replica.metric("source_not_followed")
    assert "generation 1 is in force" in replica.run("status").stdout
