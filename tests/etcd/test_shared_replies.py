"""Daemons that share the replies of a real extension server, each of whose answers is another one."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.waiting import wait_for
from tests.etcd.cluster import EtcdCluster
from tests.etcd.replica import Replica, publish
from tests.extension_server.handle import ExtensionHandle
from tests.halted import halt

ClusterOf = Callable[..., EtcdCluster]
MakeReplica = Callable[..., Replica]
HOSTS = ("a", "b", "c")
_LIMIT_S = 60.0


@pytest.fixture
def extension() -> Iterator[ExtensionHandle]:
    """An extension server that never says the same twice."""
    with ExtensionHandle.start(None, "--health") as handle:
        handle.count()
        yield handle


@pytest.fixture
def replica_of(tmp_path: Path, extension: ExtensionHandle) -> Iterator[MakeReplica]:
    """Describes daemons that ask it; ends what still runs."""
    made: list[Replica] = []

    def make(cluster: EtcdCluster, **more: Any) -> Replica:
        hooks = {"xdsTranslator": {"post": ["VirtualHost"]}}
        manager = {"name": "words", "hooks": hooks, "service": extension.service, "timeout": "10s"}
        # How often a hook is called is counted: no replica may give up an etcd that is slow, and ask by itself.
        source = {"requestTimeout": "30s", **more}
        made.append(Replica(tmp_path / f"replica-{len(made)}", cluster, source, [manager]))
        return made[-1]

    yield make
    for replica in made:
        replica.discard()


def files(*hosts: str) -> dict[str, str]:
    """Return what serves some hosts."""
    return {
        "gateway.yaml": gateway("web", http(10080)),
        "backend.yaml": backend_manifest("echo", 3000),
        **{f"routes/{name}.yaml": http_route(name, f"{name}.test", "echo") for name in hosts},
    }


def asked(extension: ExtensionHandle) -> int:
    """Return how often its hook was called."""
    return extension.calls()["VirtualHost"]


def wait_alike(*replicas: Replica) -> None:
    """Wait until all serve equal bytes."""
    first, *others = replicas
    wait_for(lambda: all(first.resources() == each.resources() for each in others), "equal bytes", _LIMIT_S)


def wait_shared(replica: Replica, *, is_so: bool) -> None:
    """Wait until replies are shared, or are not."""
    said = f"egxds_hook_replies_shared {float(is_so)}\n"
    wait_for(lambda: said in replica.admin("/metrics").text, f"to share: {is_so}", _LIMIT_S)


def test_all_replicas_serve_what_one_was_told(
    cluster_of: ClusterOf, replica_of: MakeReplica, extension: ExtensionHandle
) -> None:
    """A hook is called once for a change; also where they are started together, and by one that comes later."""
    cluster = cluster_of()
    publish(cluster, files(*HOSTS))
    first, second = replica_of(cluster), replica_of(cluster)
    for replica in (first, second):
        replica.launch()
    for replica in (first, second):
        replica.wait_ready()
    wait_alike(first, second)
    assert asked(extension) == len(HOSTS)
    generation = publish(cluster, files(*HOSTS, "d"))
    for replica in (first, second):
        replica.wait_generation(generation)
    wait_alike(first, second)
    wait_for(lambda: asked(extension) == len(HOSTS) + 1, "one more call", _LIMIT_S)
    third = replica_of(cluster)
    third.start()
    wait_alike(first, second, third)
    assert asked(extension) == len(HOSTS) + 1
    taken = [line for line in third.admin("/metrics").text.splitlines() if 'result="shared"' in line]
    assert taken == [
        f'egxds_hook_calls_total{{hook="VirtualHost",manager="words",result="shared"}} {len(HOSTS) + 1:.1f}'
    ]


def started(cluster: EtcdCluster, replica_of: MakeReplica, count: int) -> list[Replica]:
    """Publish, and return replicas that serve it alike."""
    publish(cluster, files(*HOSTS))
    replicas = [replica_of(cluster) for _ in range(count)]
    for replica in replicas:
        replica.start()
    wait_alike(*replicas)
    return replicas


def test_a_server_that_is_started_anew_is_asked_once_by_all(
    cluster_of: ClusterOf, replica_of: MakeReplica, extension: ExtensionHandle
) -> None:
    """Each has a connection that is lost."""
    replicas = started(cluster_of(), replica_of, 3)
    before = replicas[0].resources()
    extension.restart("other")
    extension.count()
    wait_for(lambda: asked(extension) >= len(HOSTS), "to be asked again", _LIMIT_S)
    wait_for(lambda: all(each.resources() != before for each in replicas), "other answers", _LIMIT_S)
    wait_alike(*replicas)
    assert asked(extension) == len(HOSTS)


def test_a_signal_to_one_has_all_ask_again_once(
    cluster_of: ClusterOf, replica_of: MakeReplica, extension: ExtensionHandle
) -> None:
    """SIGHUP, and `egxds ask-again`."""
    first, second = started(cluster_of(), replica_of, 2)
    for times in (2, 3):
        before = second.resources()
        if times == 2:
            first.signal(signal.SIGHUP)
        else:
            assert first.run("hooks", "--ask-again").returncode == 0
        wait_for(lambda was=before: second.resources() != was, "other answers", _LIMIT_S)  # type: ignore[misc]
        wait_alike(first, second)
        wait_for(lambda count=times: asked(extension) == count * len(HOSTS), "no more calls", _LIMIT_S)  # type: ignore[misc]


def test_without_etcd_each_asks_and_then_all_serve_one_thing(
    cluster_of: ClusterOf, replica_of: MakeReplica, extension: ExtensionHandle
) -> None:
    """Serving goes on, and it is said that replies are not shared."""
    cluster = cluster_of()
    first, second = started(cluster, replica_of, 2)
    cluster.members[0].kill()
    for replica in (first, second):
        wait_shared(replica, is_so=False)
    assert "replies of hooks are not shared" in first.admin("/readyz").text
    extension.restart("other")
    extension.count()
    wait_for(lambda: asked(extension) == 2 * len(HOSTS), "each to ask by itself", _LIMIT_S)
    wait_for(lambda: first.resources() != second.resources(), "two answers", _LIMIT_S)
    cluster.start()
    for replica in (first, second):
        wait_shared(replica, is_so=True)
    wait_alike(first, second)
    assert "replies of hooks are not shared" not in first.admin("/readyz").text


def test_one_that_dies_while_it_asks_keeps_nobody_waiting(
    cluster_of: ClusterOf, replica_of: MakeReplica, extension: ExtensionHandle
) -> None:
    """Another one asks when its claim ends."""
    cluster = cluster_of()
    publish(cluster, files("a"))
    first, second = replica_of(cluster), replica_of(cluster)
    for replica in (first, second):
        replica.start()
    wait_alike(first, second)
    halt(second.pid)
    before = asked(extension)
    extension.set_mode("hang", hook="VirtualHost")
    generation = publish(cluster, files("a", "b"))
    wait_for(lambda: asked(extension) == before + 1, "the first to ask", _LIMIT_S)
    first.kill()
    extension.set_mode("ok", hook="VirtualHost")
    second.signal(signal.SIGCONT)
    second.wait_generation(generation)
    wait_for(lambda: "b.test" in str(second.resources()), "what the other one asked for", _LIMIT_S)
    first.start()
    wait_alike(first, second)


def test_a_replica_that_may_only_read_asks_by_itself(
    cluster_of: ClusterOf, replica_of: MakeReplica, extension: ExtensionHandle, tmp_path: Path
) -> None:
    """As one whose role was made before replies were shared."""
    cluster = cluster_of()
    publish(cluster, files(*HOSTS))
    cluster.ctl("role", "add", "reader")
    cluster.ctl("role", "grant-permission", "--prefix=true", "reader", "read", "/egxds/")
    cluster.ctl("user", "add", "replica:made-up")
    cluster.ctl("user", "grant-role", "replica", "reader")
    cluster.enable_auth("made-up-root")
    password = tmp_path / "password"
    password.write_text("made-up")
    replica = replica_of(cluster, user="replica", passwordFile=str(password))
    replica.start()
    wait_for(lambda: asked(extension) == len(HOSTS), "to ask", _LIMIT_S)
    wait_for(lambda: "permission denied" in replica.admin("/readyz").text, "to say so", _LIMIT_S)
