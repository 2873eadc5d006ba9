"""The status page in a browser where objects come from etcd: replicas, and what some nodes are served first."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.envoy.chromium import Chromium
from tests.envoy.conftest import run_envoy, start_envoy
from tests.envoy.manifests import gateway, http
from tests.etcd.canary import Two, cluster, desk, two
from tests.etcd.desk import Desk
from tests.etcd.shop import Shop

__all__ = ["cluster", "desk", "run_envoy", "start_envoy", "two"]

pytestmark = pytest.mark.envoy


def test_replicas_and_a_candidate_that_is_taken_back_and_one_that_is_promoted(
    two: Two, desk: Desk, shop: Shop, tmp_path: Path
) -> None:
    """All of it appears without a reload."""
    second = two.replicas[1]
    with Chromium(tmp_path) as browser, socket.socket() as taken_port:
        browser.open(f"http://{second.settings['admin']['address']}/")
        browser.wait_text("#fleet", "one\t1\tready\t1 of 1 in sync", "two (this one)\t1\tready\t1 of 1 in sync")
        taken_port.bind(("127.0.0.1", 0))
        taken_port.listen()
        desk.write({"gateway.yaml": gateway("web", http(shop.port), http(taken_port.getsockname()[1], "taken"))})
        desk.publish("--canary", "canary")
        browser.wait_text("#fleet", "Generation 2, published by", "taken back", "by one", "listener default/web/taken")
        desk.write(shop.files("a", "b"))
        assert desk.publish("--canary", "canary", "--for", "0", "--author", "<img src=x>").returncode == 0
        browser.wait_text("#fleet", "published by <img src=x>, for 1 Envoys first", "1 of 1 that are connected have")
        browser.wait_text("#fleet", "waits: it is promoted by `egxds promote`", "5xx are not looked at")
        assert desk.run("promote").returncode == 0
        browser.wait_text("#fleet", "one\t2\tready\t1 of 1 in sync", "two (this one)\t2\tready")
        browser.run("1")  # hear what there is to hear
        assert browser.complaints == []
        assert browser.run("document.querySelector('main img') === null")
