"""A generation for some nodes first, with real Envoys: promoted or taken back, by word or by itself."""

from __future__ import annotations

import re
import socket

import pytest

from egxds.fleet.canary_requests import LEAST_REQUESTS
from egxds.fleet.record import decoded_replica
from egxds.published.layout import Layout
from tests.envoy.client import FRESH, SteadyClient
from tests.envoy.conftest import run_envoy, start_envoy
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.moody_backend import MoodyBackend
from tests.envoy.waiting import wait_for
from tests.etcd.canary import Two, answered, cluster, desk, two
from tests.etcd.cluster import EtcdCluster
from tests.etcd.desk import Desk
from tests.etcd.shop import NOTICED_S, Shop

__all__ = ["cluster", "desk", "run_envoy", "start_envoy", "two"]

pytestmark = pytest.mark.envoy


def test_a_candidate_is_served_to_its_nodes_and_promoted_by_word(two: Two, desk: Desk, shop: Shop) -> None:
    """Then everybody has it, and who had it is sent nothing; no request is lost."""
    with SteadyClient(shop.port, "a.test") as client:
        desk.write(shop.files("a", "b"))
        published = desk.publish("--canary", "canary", "--for", "0", "--wait")
        assert published.returncode == 0, published.stdout + published.stderr
        two.wait_hosts("ab", "a")
        assert re.search(r"2 +canary .*for canary", desk.run("history").stdout)
        shown = re.compile(r"canary +default/web .*candidate")
        wait_for(lambda: shown.search(two.replicas[1].run("clients").stdout), "the other replica to know", NOTICED_S)
        client.wait_for_more()
        before = two.sent()
        promoted = desk.run("promote")
        assert promoted.returncode == 0, promoted.stdout + promoted.stderr
        two.wait_hosts("ab", "ab")
        wait_for(lambda: not two.canary_status(), "the candidate to be gone", NOTICED_S)
        assert two.sent() == before
        client.wait_for_more()
    assert client.failures == []
    two.wait_generation(2)


def test_a_candidate_is_taken_back_by_word(two: Two, desk: Desk, shop: Shop) -> None:
    """Its nodes have again what all have."""
    desk.write(shop.files("a", "b"))
    assert desk.publish("--canary", "canary").returncode == 0
    two.wait_hosts("ab", "a")
    taken = desk.run("rollback", "--candidate", "-m", "not today")
    assert taken.returncode == 0, taken.stdout + taken.stderr
    two.wait_hosts("a", "a")
    wait_for(lambda: "not today" in two.replicas[1].run("status").stdout, "status to say why", NOTICED_S)
    assert {replica.metric("source_generation") for replica in two.replicas} == {1}


def test_a_candidate_that_is_refused_is_taken_back_by_itself(two: Two, desk: Desk, shop: Shop) -> None:
    """And whoever waits for it is told who refuses what, where."""
    with socket.socket() as taken_port, SteadyClient(shop.port, "a.test") as client:
        taken_port.bind(("127.0.0.1", 0))
        taken_port.listen()
        listeners = http(shop.port), http(taken_port.getsockname()[1], "taken")
        desk.write({"gateway.yaml": gateway("web", *listeners)})
        refused = desk.publish("--canary", "canary", "--wait")
    assert refused.returncode == 1, refused.stdout
    told = r"was taken back .*canary.* refuses listener default/web/taken.*\(gateway.yaml:\d+\)"
    assert re.search(told, refused.stdout), refused.stdout
    assert client.failures == []
    two.wait_hosts("a", "a")
    said = re.compile(r"taken back.*default/web/taken")
    wait_for(lambda: said.search(two.replicas[1].run("status").stdout), "status to say why", NOTICED_S)
    mended = desk.publish("--canary", "canary", "--for", "0")
    assert mended.returncode == 0, mended.stdout + mended.stderr


def test_a_candidate_without_a_fault_is_promoted_by_itself(two: Two, desk: Desk, shop: Shop) -> None:
    """After the time that was given, all have it."""
    desk.write(shop.files("a", "b"))
    assert desk.publish("--canary", "canary", "--for", "2s").returncode == 0
    two.wait_hosts("ab", "ab")
    two.wait_generation(2)
    assert desk.run("history").stdout.count("\n") >= 2


def test_a_candidate_by_which_5xx_rise_is_taken_back_by_itself(two: Two, desk: Desk, shop: Shop) -> None:
    """Requests that come to the other Envoy, under the same load, know nothing of it."""
    two.ask_for_5xx(two.canary, two.other)
    with MoodyBackend("ill") as ill, SteadyClient(shop.port, "a.test", headers=FRESH) as client:
        ill.be(up=False)
        desk.write({"ill.yaml": backend_manifest("ill", ill.port), "routes/a.yaml": http_route("a", "a.test", "ill")})
        assert desk.publish("--canary", "canary", "--for", "1h").returncode == 0
        wait_for(lambda: two.canary_status().get("takenBack"), "the candidate to be taken back", NOTICED_S)

        def is_well() -> bool:
            before = answered(two.canary, "5xx")
            client.wait_for_more(200)
            return answered(two.canary, "5xx") == before

        wait_for(is_well, "the canary to be served what all are", NOTICED_S)
        assert [each for each in client.failures if '"backend": "ill"' not in each] == []
    taken_back = two.canary_status()["takenBack"]
    risen = r"5xx have risen: .* of canary nodes are answered by 5xx, and 0\.0 % of \d+ requests of the other Envoys"
    assert re.search(risen, taken_back["why"]), taken_back
    assert taken_back["by"] in {"one", "two"}
    assert answered(two.other, "5xx") == 0 < answered(two.other, "completed")
    status = two.replicas[0].run("status").stdout
    assert re.search(r"taken back .*5xx have risen", status), status
    assert {replica.metric("source_generation") for replica in two.replicas} == {1}


def test_a_candidate_by_which_5xx_do_not_rise_is_promoted_by_itself(two: Two, desk: Desk, shop: Shop) -> None:
    """Also where no other Envoy is asked: the canary is held to what it was before."""
    two.ask_for_5xx(two.canary)
    with SteadyClient(shop.port, "a.test", headers=FRESH) as client:
        wait_for(lambda: answered(two.canary, "completed") >= LEAST_REQUESTS, "requests at the canary", NOTICED_S)
        desk.write(shop.files("a", "b"))
        assert desk.publish("--canary", "canary", "--for", "30s").returncode == 0
        judged = r"0\.0 % of \d+ requests of canary nodes are answered by 5xx, and 0\.0 % .* that they had before"
        wait_for(lambda: re.search(judged, two.canary_status(0).get("requests", "")), "5xx to be looked at", NOTICED_S)
        two.wait_hosts("ab", "ab")
    assert client.failures == []
    two.wait_generation(2)


def test_a_canary_that_connects_anew_is_told_from_one_that_was_started(
    two: Two, cluster: EtcdCluster, desk: Desk, shop: Shop
) -> None:
    """By what it says that it has; of the only one that decides whether its time goes on."""
    one = two.replicas[0]

    def has_taken(*, resumed: int) -> bool:
        record = cluster.ctl("get", Layout("/egxds/").replica("one"), "--print-value-only").strip()
        stand = decoded_replica("one", record.encode()).canary if record else None
        return stand is not None and (stand.taken, stand.resumed) == (1, resumed)

    desk.write(shop.files("a", "b"))
    assert desk.publish("--canary", "canary", "--for", "0").returncode == 0
    wait_for(lambda: has_taken(resumed=0), "it to be taken by an Envoy that was started", NOTICED_S)
    one.stop()
    one.start()
    wait_for(lambda: has_taken(resumed=1), "the canary to be back with all it had", NOTICED_S)


def test_what_is_published_takes_the_place_of_a_candidate(two: Two, desk: Desk, shop: Shop) -> None:
    """Its nodes have that then, as all have."""
    desk.write(shop.files("a", "b"))
    assert desk.publish("--canary", "canary").returncode == 0
    two.wait_hosts("ab", "a")
    desk.write(shop.files("a", "c"))
    (desk.files / "routes/b.yaml").unlink()
    assert desk.publish().returncode == 0
    two.wait_hosts("ac", "ac")


def test_a_replica_that_starts_again_serves_the_candidate_to_its_nodes_at_once(
    two: Two, desk: Desk, shop: Shop
) -> None:
    """The canary comes back to it with the candidate, and is never given less in between."""
    desk.write(shop.files("a", "b"))
    assert desk.publish("--canary", "canary", "--for", "0").returncode == 0
    two.wait_hosts("ab", "a")
    one = two.replicas[0]
    one.kill()
    one.start()
    wait_for(lambda: one.api("clients")["items"], "the canary to be back", NOTICED_S)
    wait_for(lambda: two.taken() == 1, "the canary to be in sync", NOTICED_S)
    assert {each["removed"] for each in one.events("session.push")} == {0}
    two.wait_hosts("ab", "a")


def test_a_replica_that_starts_again_takes_nothing_of_the_candidate_for_what_was_before(
    two: Two, desk: Desk, shop: Shop
) -> None:
    """What the canary has counted by then is of the candidate, too, and is nothing to hold it to."""
    two.ask_for_5xx(two.canary)
    one = two.replicas[0]

    def is_held_to(what: str) -> bool:
        return what in two.canary_status(0).get("requests", "")

    with SteadyClient(shop.port, "a.test", headers=FRESH) as client:
        wait_for(lambda: answered(two.canary, "completed") >= LEAST_REQUESTS, "requests at the canary", NOTICED_S)
        desk.write(shop.files("a", "b"))
        assert desk.publish("--canary", "canary", "--for", "1h").returncode == 0
        wait_for(lambda: is_held_to("that they had before"), "5xx to be held to what was before", NOTICED_S)
        one.kill()
        one.start()
        wait_for(lambda: is_held_to("held to nothing"), "5xx to be held to nothing", NOTICED_S)
        wait_for(lambda: two.canary_status()["nodes"]["taken"] == 1, "the canary to be in sync", NOTICED_S)
    assert client.failures == []


def test_without_etcd_the_candidate_stays(two: Two, cluster: EtcdCluster, desk: Desk, shop: Shop) -> None:
    """For its nodes, until the store says something else."""
    desk.write(shop.files("a", "b"))
    assert desk.publish("--canary", "canary", "--for", "0").returncode == 0
    two.wait_hosts("ab", "a")
    cluster.members[0].kill()
    two.replicas[0].wait_connected(is_so=False)
    two.wait_hosts("ab", "a")
    cluster.start()
    two.replicas[0].wait_connected(is_so=True)
    two.wait_hosts("ab", "a")
    assert desk.run("promote").returncode == 0
    two.wait_hosts("ab", "ab")
