"""What an Envoy refuses of what is in force for all, while there is a candidate that has it, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.envoy.conftest import RunEnvoy, run_envoy
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.manifests import backend_ref, http_route
from tests.envoy.waiting import wait_for
from tests.etcd.canary import cluster, desk, hosts_of
from tests.etcd.cluster import EtcdCluster
from tests.etcd.desk import Desk
from tests.etcd.replica import Replica
from tests.etcd.shop import NOTICED_S

__all__ = ["cluster", "desk", "run_envoy"]

pytestmark = pytest.mark.envoy

LARGE = "/(a|b|c|d){100}"
"""An Envoy without a limit of its own in its bootstrap takes regular expressions up to a size of 100."""

StartAny = Callable[..., EnvoyProcess]


@pytest.fixture
def replica(cluster: EtcdCluster, desk: Desk, replica_of: Callable[..., Replica]) -> Replica:
    """It serves a shop with one host to nobody."""
    assert desk.files
    replica = replica_of(cluster, replica={"name": "one"})
    replica.start()
    replica.wait_generation(1)
    return replica


@pytest.fixture
def start(replica: Replica, run_envoy: RunEnvoy) -> StartAny:
    """Starts Envoys that take a large regular expression, or do not, as where their bootstrap says nothing of it."""

    def start(node_id: str, *, is_strict: bool) -> EnvoyProcess:
        bootstrap = replica.bootstrap(node_id=node_id)
        if is_strict:
            bootstrap.pop("layered_runtime")
        envoy = run_envoy(bootstrap)
        envoy.wait_ready()
        return envoy

    return start


def wait_rolled_back(replica: Replica, number: int) -> None:
    """Wait until so many objects are rolled back."""
    told = f"egxds_objects_rolled_back {number}.0"
    wait_for(lambda: told in replica.admin("/metrics").text, told, NOTICED_S)


def served(replica: Replica, node_id: str) -> str:
    """Return all that a connected Envoy is served."""
    return replica.admin(f"/api/v1/config_dump?node={node_id}").text


def refusing(replica: Replica) -> set[str]:
    """Return who has refused anything so far."""
    return {each["node"] for each in replica.events("session.nack")}


def test_what_is_rolled_back_for_all_is_so_in_a_candidate_that_is_there(
    replica: Replica, desk: Desk, start: StartAny
) -> None:
    """Its nodes are not sent it any more, so nobody blames the candidate for it; nor when it is promoted."""
    rule = {"matches": [{"path": {"type": "RegularExpression", "value": LARGE}}], "backendRefs": [backend_ref("echo")]}
    desk.write({"routes/a.yaml": http_route("a", "a.test", "echo", rules=[rule])})
    assert desk.publish().returncode == 0
    replica.wait_generation(2)
    desk.write({"routes/b.yaml": http_route("b", "b.test", "echo")})
    assert desk.publish("--canary", "lenient", "--canary", "strict", "--for", "0").returncode == 0
    wait_for(lambda: replica.events("canary.served"), "the candidate to be served", NOTICED_S)
    start("lenient", is_strict=False)
    assert LARGE in served(replica, "lenient")
    start("other", is_strict=True)
    wait_rolled_back(replica, 1)
    assert LARGE not in served(replica, "other")
    wait_for(lambda: LARGE not in served(replica, "lenient"), "it to be rolled back in the candidate, too", NOTICED_S)
    strict = start("strict", is_strict=True)
    wait_for(lambda: hosts_of(strict) == {"a.test", "b.test"}, "a canary to have the candidate", NOTICED_S)
    wait_for(lambda: replica.api("status")["canary"]["nodes"]["taken"] == 2, "it to be taken", NOTICED_S)
    assert replica.api("status")["canary"]["takenBack"] is None
    assert desk.run("promote").returncode == 0
    replica.wait_generation(3)
    wait_for(lambda: "b.test" in served(replica, "other"), "all to be served it", NOTICED_S)
    wait_rolled_back(replica, 1)
    for node in ("lenient", "strict", "other"):
        assert LARGE not in served(replica, node)
    assert refusing(replica) == {"other"}
