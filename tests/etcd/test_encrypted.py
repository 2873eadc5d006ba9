"""Secrets are published with a key that etcd does not have: nobody finds them there, and who has it serves them."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.envoy.waiting import wait_for
from tests.etcd.cluster import EtcdCluster
from tests.etcd.replica import Replica
from tests.etcd.test_publishing import Desk

VALUE = "made-up-secret-value"
ENCODED = base64.b64encode(VALUE.encode()).decode()
SECRET = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: shop}}\ndata: {{key: {ENCODED}}}\n"
_LIMIT_S = 60.0


def _key(path: Path) -> str:
    made = subprocess.run(["openssl", "rand", "-base64", "32"], check=True, capture_output=True, text=True).stdout
    path.write_text(made)
    return str(path)


def _values(cluster: EtcdCluster) -> list[bytes]:
    """Return all that stands in etcd."""
    found = json.loads(cluster.ctl("get", "--prefix", "/", "-w", "json"))["kvs"]
    return [base64.b64decode(each.get("value", "")) for each in found]


def test_secrets_stand_in_etcd_for_nobody_to_read(cluster_of: Callable[..., EtcdCluster], tmp_path: Path) -> None:
    """A replica with the key serves them; with another one it says so, and goes on with what it has."""
    cluster = cluster_of()
    first, second = _key(tmp_path / "first.key"), _key(tmp_path / "second.key")
    desk = Desk(tmp_path / "desk", cluster)
    (tmp_path / "desk" / "config" / "secret.yaml").write_text(SECRET)
    assert "is not published" in desk.run("publish", "config", status=1)
    desk.more = {"keyFile": first}
    assert "generation 1 is in force: 4 files" in desk.run("publish", "config")
    texts = _values(cluster)
    assert len(texts) > 4
    assert all(VALUE.encode() not in each and ENCODED.encode() not in each and b"kind:" not in each for each in texts)
    replica = Replica(tmp_path / "replica", cluster, {"keyFile": first})
    try:
        replica.start()
        replica.wait_generation(1)
        assert any(each["kind"] == "Secret" for each in replica.api("objects")["items"])
        before = replica.resources()
        desk.more = {"keyFile": second}
        assert "generation 2 is in force" in desk.run("publish", "config")
        said = "cannot be decrypted: sources.etcd.keyFile is not the key"
        wait_for(lambda: said in replica.admin("/readyz").text, "it to say so", _LIMIT_S)
        assert replica.resources() == before
        Path(first).write_text(Path(second).read_text())
        replica.signal(signal.SIGHUP)
        replica.wait_generation(2)
        assert replica.resources() == before
    finally:
        replica.discard()
    desk.more = {}
    assert "is encrypted: name the key in sources.etcd.keyFile" in desk.run("diff", "gen:head", "config", status=2)
    desk.more = {"keyFile": str(tmp_path / "missing.key")}
    assert "missing.key: no such file" in desk.run("publish", "config", status=2)
