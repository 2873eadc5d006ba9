"""Generations are published, rolled back and swept by real processes, in a real etcd."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from egxds.published.layout import Layout
from egxds.published.manifest import CHUNK_BYTES
from tests.envoy.waiting import wait_for
from tests.etcd.clients import PATIENCE_S
from tests.etcd.cluster import EtcdCluster, EtcdTlsFiles
from tests.etcd.way import Way
from tests.unit.cli.published_shop import write_published_shop, write_route

LAYOUT = Layout("/egxds/")
ROOT, PUBLISHER, REPLICA = "made-up-root", "made-up-publisher", "made-up-replica"
_LIMIT_S = 4 * PATIENCE_S
_UPLOAD_STEP_S = 0.3
"""Each way of each step: long enough to see the first of several, and to end who does them."""


@dataclass
class Desk:
    """A machine from which somebody publishes.

    Attributes:
        directory: where commands are run; what is published is in `config`.
        cluster: where to.
        more: of the settings of the source.
    """

    directory: Path
    cluster: EtcdCluster
    more: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        write_published_shop(self.directory / "config")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command."""
        source = self.cluster.source(**self.more).model_dump(mode="json", by_alias=True, exclude_unset=True)
        (self.directory / "egxds.yaml").write_text(yaml.safe_dump({"sources": {"etcd": source}}))
        command = [sys.executable, "-m", "egxds", *words, "-c", "egxds.yaml"]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.directory, stdout=pipe, stderr=pipe, text=True)

    def run(self, *words: str, status: int = 0) -> str:
        """Run a command to its end; return what it prints."""
        with self.start(*words) as process:
            out, err = process.communicate(timeout=_LIMIT_S)
        assert process.returncode == status, (out, err)
        return out + err

    def history(self) -> list[dict[str, Any]]:
        """Return what is kept."""
        items: list[dict[str, Any]] = json.loads(self.run("history", "-o", "json"))["items"]
        return items

    def keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix."""
        return self.cluster.ctl("get", "--prefix", "--keys-only", prefix).split()


@pytest.fixture
def desk(cluster_of: Callable[..., EtcdCluster], tmp_path: Path) -> Desk:
    """A machine, and a cluster of its own."""
    return Desk(tmp_path, cluster_of())


def test_publish_look_and_roll_back(desk: Desk) -> None:
    """The whole way of a change that was none too good."""
    assert "generation 1 is in force: 3 files" in desk.run("publish", "config", "-m", "opens the shop")
    write_route(desk.directory / "config", "cart", 8081)
    assert "8081" in desk.run("publish", "config", "--dry-run")
    assert "generation 2 is in force, after 1" in desk.run("publish", "config", "-m", "moves the cart")
    assert "nothing is new" in desk.run("publish", "config")
    assert "8081" in desk.run("diff", "gen:1", "gen:2", status=1)
    assert "generation 3 is in force, with the files of 1" in desk.run("rollback", "gen:head~1", "-m", "too early")
    assert "the same" in desk.run("diff", "gen:1", "gen:head")
    told = [(each["generation"], each["message"], each["rolledBackTo"]) for each in desk.history()]
    assert told == [(3, "too early", 1), (2, "moves the cart", None), (1, "opens the shop", None)]


def test_some_envoys_first(desk: Desk) -> None:
    """A candidate is put, taken back, put again and promoted; what it leads to is there for as long."""
    desk.more = {"keep": 1}
    desk.run("publish", "config", "-m", "opens the shop")
    write_route(desk.directory / "config", "cart", 8081)
    said = desk.run("publish", "config", "--canary", "edge-1", "-m", "moves the cart")
    assert "generation 2 is a candidate, after 1, for edge-1: 3 files" in said
    assert "warning: edge-1: no such node is connected" in said
    assert "canary" in desk.run("history")
    assert "is a candidate already, for edge-1" in desk.run("publish", "config", "--canary", "edge-2", status=3)
    assert "generation 2, the candidate, is taken back" in desk.run("rollback", "--candidate", "-m", "not yet")
    assert "taken back" in desk.run("history")
    assert "there is no candidate: generation 2 was taken back" in desk.run("promote", status=1)
    assert "no canary node is connected" in desk.run("publish", "config", "--canary", "edge-2", "--wait=1s", status=1)
    assert "generation 2 is in force for all" in desk.run("promote")
    assert desk.history()[0]["generation"] == 2
    assert "the same" in desk.run("diff", "gen:head", "config")
    write_route(desk.directory / "config", "cart", 8082)
    desk.run("publish", "config", "--canary", "edge-1")
    write_route(desk.directory / "config", "cart", 8083)
    assert "generation 3 is in force, after 2" in desk.run("publish", "config")
    assert desk.keys(LAYOUT.candidate) == []
    assert len(desk.keys(LAYOUT.blobs)) == 3


def test_two_end_a_candidate_at_once(desk: Desk) -> None:
    """One of them does; what is so then is whole."""
    desk.run("publish", "config")
    write_route(desk.directory / "config", "cart", 8081)
    desk.run("publish", "config", "--canary", "edge-1")
    both = [desk.start("promote"), desk.start("rollback", "--candidate")]
    said = [process.communicate(timeout=_LIMIT_S) for process in both]
    promoted, taken = (process.returncode for process in both)
    assert (promoted == 0) != (taken == 0), said
    assert desk.history()[0]["generation"] == (2 if promoted == 0 else 1)
    desk.run("diff", "gen:head", "config", status=0 if promoted == 0 else 1)


def test_what_is_no_longer_needed_goes(desk: Desk) -> None:
    """So many are kept as the settings say, with what they need."""
    desk.more = {"keep": 2}
    for port in (1, 2, 3):
        write_route(desk.directory / "config", "cart", port)
        desk.run("publish", "config")
    assert [each["generation"] for each in desk.history()] == [3, 2]
    assert len(desk.keys(LAYOUT.blobs)) == 4
    assert "is not kept" in desk.run("rollback", "1", status=1)
    assert "the same" in desk.run("diff", "gen:head", "config")


def test_large_files_and_many(desk: Desk) -> None:
    """What is larger than etcd takes at once is cut, and comes together again."""
    comment = "# " + "x" * 997 + "\n"
    route = desk.directory / "config/routes/shop.yaml"
    route.write_text(comment * (4 * CHUNK_BYTES // 1000) + route.read_text())
    for number in range(300):
        write_route(desk.directory / "config", f"app-{number}")
    assert "303 files" in desk.run("publish", "config")
    assert len(desk.keys(LAYOUT.blobs)) > 300
    assert "the same" in desk.run("diff", "gen:1", "config")


def test_many_publish_at_once(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each comes after what it has seen, or is told that somebody else was first."""
    desk.run("publish", "config")
    desks = [Desk(tmp_path_factory.mktemp("desk"), desk.cluster) for _ in range(4)]
    for port, each in enumerate(desks, start=1):
        write_route(each.directory / "config", "cart", port)
    running = [each.start("publish", "config", "--author", f"desk {at}") for at, each in enumerate(desks)]
    said = [process.communicate(timeout=_LIMIT_S) for process in running]
    statuses = [process.returncode for process in running]
    assert set(statuses) <= {0, 3}, said
    assert 0 in statuses
    assert all(
        "somebody else published in between" in err for (_, err), status in zip(said, statuses, strict=True) if status
    )
    history = desk.history()
    assert [each["generation"] for each in history] == list(range(1 + statuses.count(0), 0, -1))
    first = {f"desk {at}" for at, status in enumerate(statuses) if status == 0}
    assert {each["author"] for each in history[:-1]} == first


def test_publisher_that_dies_at_any_moment(desk: Desk) -> None:
    """What is in force is whole, and what was left behind goes with the next one that is published."""
    desk.more = {"keep": 1}
    desk.run("publish", "config")
    names = [f"app-{number}" for number in range(400)]
    died, port = False, 0
    with Way(desk.cluster.members[0].port) as way:
        way.slow_down(_UPLOAD_STEP_S)
        while not died:
            port += 1
            for name in names:
                write_route(desk.directory / "config", name, port)
            died = _dies(desk, way)
    desk.run("diff", "gen:head", "config", status=1)
    for name in names:
        (desk.directory / f"config/routes/{name}.yaml").unlink()
    write_route(desk.directory / "config", "cart", 8081)
    desk.run("publish", "config")
    assert len(desk.keys(LAYOUT.blobs)) == 3


def _dies(desk: Desk, way: Way) -> bool:
    """Have a publisher die while it uploads by a slow way; tell whether it was not done before that."""
    before, blobs = desk.history()[0]["generation"], len(desk.keys(LAYOUT.blobs))
    own, desk.more = desk.more, {**desk.more, "endpoints": [f"127.0.0.1:{way.port}"], "requestTimeout": "30s"}
    with desk.start("publish", "config") as process:
        wait_for(lambda: process.poll() is not None or len(desk.keys(LAYOUT.blobs)) > blobs, "an upload", _LIMIT_S)
        process.kill()
    desk.more = own
    return bool(desk.history()[0]["generation"] == before)


def test_store_that_is_gone(desk: Desk) -> None:
    """Nothing was done, and that is what is said."""
    desk.more = {"requestTimeout": "1s"}
    desk.cluster.members[0].kill()
    assert "nothing was done: etcd at" in desk.run("publish", "config", status=3)


def _grant(cluster: EtcdCluster, role: str, grants: Sequence[Sequence[str]]) -> None:
    cluster.ctl("role", "add", role)
    for grant in grants:
        cluster.ctl("role", "grant-permission", role, *grant)


def test_least_privilege(cluster_of: Callable[..., EtcdCluster], tmp_path: Path) -> None:
    """A publisher may write what it publishes and nothing else; a replica may read, and take a candidate back."""
    cluster = cluster_of(tls=EtcdTlsFiles(tmp_path / "tls"))
    below = [["readwrite", "--prefix=true", f"/egxds/{part}/"] for part in ("generations", "buckets", "blobs")]
    keys = [["readwrite", f"/egxds/{key}"] for key in ("head", "head-candidate", "swept")]
    _grant(cluster, "egxds-publisher", [*keys, *below])
    replies = ["readwrite", "--prefix=true", "/egxds/replies/"]
    candidate = ["readwrite", "/egxds/head-candidate"]
    _grant(cluster, "egxds-replica", [["read", "--prefix=true", "/egxds/"], replies, candidate])
    for user, password in (("publisher", PUBLISHER), ("replica", REPLICA)):
        cluster.ctl("user", "add", f"{user}:{password}")
        cluster.ctl("user", "grant-role", user, f"egxds-{user}")
        (tmp_path / user).write_text(f"{password}\n")
    cluster.enable_auth(ROOT)
    desk = Desk(tmp_path, cluster, {"user": "publisher", "passwordFile": "publisher", "keep": 1})
    for port in (1, 2):
        write_route(desk.directory / "config", "cart", port)
        assert "warning:" not in desk.run("publish", "config")
    desk.more = {"user": "replica", "passwordFile": "replica"}
    assert [each["generation"] for each in desk.history()] == [2]
    assert "the same" in desk.run("diff", "gen:2", "config")
    write_route(desk.directory / "config", "cart", 3)
    assert "permission denied" in desk.run("publish", "config", status=1).lower()
    desk.more = {"user": "publisher", "passwordFile": "publisher"}
    said = desk.run("publish", "config", "--canary", "edge-1")
    assert "generation 3 is a candidate, after 2, for edge-1" in said
    assert "warning: whether its nodes are connected is not known" in said
    desk.more = {"user": "replica", "passwordFile": "replica"}
    assert "permission denied" in desk.run("promote", status=1).lower()
    assert "generation 3, the candidate, is taken back" in desk.run("rollback", "--candidate")


def test_store_that_is_full(cluster_of: Callable[..., EtcdCluster], tmp_path: Path) -> None:
    """That is what is said; what is in force stays, and when there is room, all goes on."""
    cluster = cluster_of(options=("--quota-backend-bytes=4194304",))
    desk = Desk(tmp_path, cluster)
    desk.run("publish", "config")
    cluster.fill()
    write_route(tmp_path / "config", "cart", 8081)
    assert "the quota of etcd is used up" in " ".join(desk.run("publish", "config", status=1).split())
    assert [each["generation"] for each in desk.history()] == [1]
    cluster.make_room()
    assert "generation 2 is in force, after 1" in desk.run("publish", "config")
