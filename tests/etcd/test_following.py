"""Daemons that follow etcd, and a real Envoy: what happens while generations are published and etcd fails."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.envoy.client import SteadyClient
from tests.envoy.conftest import RunEnvoy, StartEnvoy, run_envoy, start_envoy
from tests.envoy.manifests import backend_ref, http_route
from tests.envoy.waiting import wait_for
from tests.etcd.cluster import EtcdCluster, EtcdTlsFiles
from tests.etcd.replica import Replica, publish
from tests.etcd.shop import NOTICED_S as _NOTICED_S
from tests.etcd.shop import Shop

__all__ = ["run_envoy", "start_envoy"]

pytestmark = pytest.mark.envoy

ClusterOf = Callable[..., EtcdCluster]
MakeReplica = Callable[..., Replica]


def test_what_an_envoy_refuses_of_a_generation_goes_back_object_by_object(
    cluster_of: ClusterOf, replica_of: MakeReplica, run_envoy: RunEnvoy, shop: Shop
) -> None:
    """What came with it is in force, and so is what is published afterwards."""
    cluster = cluster_of()
    publish(cluster, shop.files("a"))
    replica = replica_of(cluster)
    replica.start()
    bootstrap = replica.bootstrap()
    bootstrap.pop("layered_runtime")  # which has an Envoy take large regular expressions
    run_envoy(bootstrap).wait_ready()
    shop.wait_answer("a")
    large = {"path": {"type": "RegularExpression", "value": "/(a|b|c|d){100}"}}
    rule = {"matches": [large], "backendRefs": [backend_ref("echo")]}
    bad = {"routes/a.yaml": http_route("a", "a.test", "echo", rules=[rule])}
    publish(cluster, {**shop.files("a", "b"), **bad})
    shop.wait_answer("b")
    wait_for(lambda: "egxds_objects_rolled_back 1.0" in replica.admin("/metrics").text, "the route to go back")
    assert shop.answers("a") == 200
    (item,) = replica.api("objects", kind="HTTPRoute", name="a")["items"]
    assert [each["source"]["file"] for each in item["problems"]] == ["routes/a.yaml"]
    publish(cluster, {**shop.files("a", "b", "c"), **bad})
    shop.wait_answer("c")
    publish(cluster, shop.files("b", "c"))
    shop.wait_answer("a", 404)
    wait_for(lambda: "egxds_objects_rolled_back 0.0" in replica.admin("/metrics").text, "nothing to be rolled back")


def test_what_is_published_is_served_and_etcd_may_be_away(
    cluster_of: ClusterOf, replica_of: MakeReplica, start_envoy: StartEnvoy, shop: Shop
) -> None:
    """Traffic goes on; what is published when it is back arrives, and nothing else is sent."""
    cluster = cluster_of()
    publish(cluster, shop.files("a"), "the first")
    replica = replica_of(cluster)
    replica.start()
    start_envoy(replica)
    shop.wait_answer("a")
    publish(cluster, shop.files("a", "b"))
    shop.wait_answer("b")
    replica.wait_generation(2)
    before, sent = replica.resources(), replica.sent()
    with SteadyClient(shop.port, "a.test") as client:
        cluster.members[0].kill()
        replica.wait_connected(is_so=False)
        assert "generation 2 stays in force" in replica.admin("/readyz").text
        cluster.start()
        replica.wait_connected(is_so=True)
        wait_for(lambda: replica.admin("/readyz").text == "ok\n", "nothing to be said", _NOTICED_S)
        assert (replica.resources(), replica.sent()) == (before, sent)
        publish(cluster, shop.files("a", "b", "c"))
        shop.wait_answer("c")
    assert client.failures == []
    changed = {name for name, found in replica.resources().items() if before.get(name) != found}
    assert all(name.startswith(("route", "cluster", "endpoint")) for name in changed), changed


def test_a_start_without_etcd_serves_what_was_in_force(
    cluster_of: ClusterOf, replica_of: MakeReplica, start_envoy: StartEnvoy, shop: Shop
) -> None:
    """A new Envoy is served, and people are told; then it goes on."""
    cluster = cluster_of()
    publish(cluster, shop.files("a"), "the first")
    replica = replica_of(cluster)
    replica.start()
    before = replica.resources()
    replica.wait_kept(1)
    cluster.members[0].kill()
    replica.kill()
    replica.start()
    start_envoy(replica)
    shop.wait_answer("a")
    assert replica.resources() == before
    wait_for(lambda: "has not answered for" in replica.run("status").stdout, "status to say it", _NOTICED_S)
    status = replica.run("status")
    assert "generation 1 is in force" in status.stdout
    assert "the first" in status.stdout
    cluster.start()
    publish(cluster, shop.files("a", "b"))
    shop.wait_answer("b")


def test_a_start_that_knows_nothing_waits_and_says_so(
    cluster_of: ClusterOf, replica_of: MakeReplica, shop: Shop
) -> None:
    """It is not ready, and becomes so by itself."""
    cluster = cluster_of()
    cluster.members[0].kill()
    replica = replica_of(cluster)
    replica.launch()
    wait_for(lambda: "has not been loaded" in replica.admin("/readyz").text, "it to say what it waits for", _NOTICED_S)
    assert replica.admin("/readyz").status == 503
    cluster.start()
    publish(cluster, shop.files("a"))
    replica.wait_ready()
    replica.wait_generation(1)


def test_a_member_that_hangs_is_noticed(cluster_of: ClusterOf, replica_of: MakeReplica, shop: Shop) -> None:
    """Its connection stays open, and nothing comes."""
    cluster = cluster_of()
    publish(cluster, shop.files("a"))
    replica = replica_of(cluster)
    replica.start()
    cluster.members[0].pause()
    replica.wait_connected(is_so=False)
    cluster.members[0].resume()
    replica.wait_connected(is_so=True)
    publish(cluster, shop.files("a", "b"))
    replica.wait_generation(2)


def test_three_members_of_which_any_may_go(cluster_of: ClusterOf, replica_of: MakeReplica, shop: Shop) -> None:
    """One after the other, by crash and by hanging; each generation arrives."""
    cluster = cluster_of(3)
    replica = replica_of(cluster)
    replica.start()
    hosts = []
    for number, member in enumerate(cluster.members, start=1):
        hosts.append(f"h{number}")
        (member.kill if number % 2 else member.pause)()
        # A majority may have to be found first.
        replica.wait_generation(publish(cluster, shop.files(*hosts), requestTimeout="30s"))
        if number % 2:
            member.start()
        else:
            member.resume()
        cluster.wait_until_served()


def test_a_compaction_makes_no_difference(cluster_of: ClusterOf, replica_of: MakeReplica, shop: Shop) -> None:
    """Of what happened while the replica did not run."""
    cluster = cluster_of()
    publish(cluster, shop.files("a"))
    replica = replica_of(cluster)
    replica.start()
    replica.wait_kept(1)
    replica.kill()
    for hosts in (("a", "b"), ("a", "b", "c")):
        publish(cluster, shop.files(*hosts))
    cluster.put("/elsewhere", "1")
    cluster.compact(cluster.revision())
    replica.start()
    replica.wait_generation(3)
    publish(cluster, shop.files("a"))
    replica.wait_generation(4)


@pytest.mark.parametrize("token", [None, "another"], ids=["the same cluster", "another cluster"])
def test_a_restored_backup_is_followed_by_an_operators_word(
    cluster_of: ClusterOf,
    replica_of: MakeReplica,
    start_envoy: StartEnvoy,
    shop: Shop,
    token: str | None,
) -> None:
    """Till then what was published last is served, also after a restart."""
    cluster = cluster_of()
    publish(cluster, shop.files("a"))
    backup = cluster.backup()
    publish(cluster, shop.files("b"))
    replica = replica_of(cluster)
    replica.start()
    start_envoy(replica)
    shop.wait_answer("b")
    replica.wait_kept(2)
    cluster.restore(backup, token)
    wait_for(lambda: replica.metric("source_not_followed") == 1, "it to be noticed", _NOTICED_S)
    assert "egxds follow-store" in replica.admin("/readyz").text
    replica.kill()
    replica.start()
    wait_for(lambda: replica.metric("source_not_followed") == 1, "it to be noticed again", _NOTICED_S)
    shop.wait_answer("b")
    assert shop.answers("a") == 404
    wait_for(lambda: "is not followed" in replica.run("status").stdout, "status to say it", _NOTICED_S)
    assert replica.run("status").returncode == 1
    followed = replica.run("follow-store")
    assert followed.returncode == 0, followed.stderr
    shop.wait_answer("a")
    shop.wait_answer("b", 404)
    wait_for(lambda: replica.run("status").returncode == 0, "nothing to be wrong", _NOTICED_S)
    publish(cluster, shop.files("a", "c"))
    shop.wait_answer("c")


def test_replicas_serve_equal_bytes_of_equal_versions(
    cluster_of: ClusterOf, replica_of: MakeReplica, shop: Shop
) -> None:
    """Whichever of the generations they have seen."""
    cluster = cluster_of()
    publish(cluster, shop.files("a"))
    first = replica_of(cluster)
    first.start()
    publish(cluster, shop.files("a", "b"))
    first.wait_generation(2)
    publish(cluster, shop.files("b", "c"))
    second = replica_of(cluster)
    second.start()
    for replica in (first, second):
        replica.wait_generation(3)
    wait_for(lambda: first.resources() == second.resources(), "equal resources", _NOTICED_S)
    assert any("c.test" in str(found) for found in first.resources().values())


def test_other_endpoints_are_taken_by_a_reload(cluster_of: ClusterOf, replica_of: MakeReplica, shop: Shop) -> None:
    """Without a restart."""
    cluster = cluster_of(3)
    publish(cluster, shop.files("a"))
    replica = replica_of(cluster)
    source = replica.settings["sources"]["etcd"]
    kept = source["endpoints"]
    source["endpoints"] = kept[:1]
    replica.write_settings()
    replica.start()
    cluster.members[0].kill()
    replica.wait_connected(is_so=False)
    source["endpoints"] = kept[1:]
    replica.write_settings()
    replica.signal(signal.SIGHUP)
    replica.wait_connected(is_so=True)
    wait_for(lambda: replica.events("app.reloaded"), "the reload to be over", _NOTICED_S)
    assert any("sources.etcd.endpoints" in each for each in replica.events("app.reloaded")[-1]["settings_changed"])


def test_an_envoy_is_bootstrapped_by_what_is_published(
    cluster_of: ClusterOf, replica_of: MakeReplica, shop: Shop
) -> None:
    """As by files; where etcd is away, that is said."""
    cluster = cluster_of()
    publish(cluster, shop.files("a"))
    replica = replica_of(cluster)
    made = replica.run("bootstrap", "--gateway", "default/web")
    assert made.returncode == 0, made.stderr
    assert "default/web" in made.stdout
    cluster.members[0].kill()
    refused = replica.run("bootstrap", "--gateway", "default/web")
    assert refused.returncode == 3
    assert "cannot be used" in refused.stderr


def test_a_password_that_is_changed_is_read_again(
    cluster_of: ClusterOf, replica_of: MakeReplica, shop: Shop, tmp_path: Path
) -> None:
    """What is in force stays until it is right, and nobody needs to say that it is."""
    password = tmp_path / "password"
    password.write_text("first")
    cluster = cluster_of(tls=EtcdTlsFiles(tmp_path / "tls"))
    publish(cluster, shop.files("a"))
    cluster.enable_auth("of root", replica="first")
    replica = replica_of(cluster, user="replica", passwordFile=str(password))
    replica.start()
    replica.wait_generation(1)
    cluster.change_password("replica", "second")
    cluster.members[0].kill()
    cluster.start()
    wait_for(lambda: "authenticat" in replica.admin("/readyz").text, "it to be let in no more", _NOTICED_S)
    password.write_text("second")
    replica.wait_connected(is_so=True)
    assert replica.metric("source_generation") == 1
