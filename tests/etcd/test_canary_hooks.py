"""A generation for some nodes first, beside a real extension server of whose answers no two are the same."""

from __future__ import annotations

import pytest

from tests.envoy.conftest import run_envoy, start_envoy
from tests.envoy.manifests import http_route
from tests.envoy.waiting import wait_for
from tests.etcd.canary import Two, cluster, desk, two
from tests.etcd.desk import Desk
from tests.etcd.shop import NOTICED_S, Shop
from tests.etcd.test_shared_replies import asked, extension, replica_of, wait_alike
from tests.extension_server.handle import ExtensionHandle

__all__ = ["cluster", "desk", "extension", "replica_of", "run_envoy", "start_envoy", "two"]

pytestmark = pytest.mark.envoy


def write_candidate(desk: Desk) -> None:
    """Have another host in the place of one of several."""
    desk.write({"routes/e.yaml": http_route("e", "f.test", "echo")})


@pytest.fixture
def several(two: Two, desk: Desk, shop: Shop, extension: ExtensionHandle) -> Two:
    """Five hosts are in force, and each was asked about once by both."""
    desk.write(shop.files(*"abcde"))
    assert desk.publish().returncode == 0
    two.wait_hosts("abcde", "abcde")
    wait_alike(*two.replicas)
    assert asked(extension) == len("abcde")
    return two


def test_hooks_are_asked_about_a_candidate_once_by_all(several: Two, desk: Desk, extension: ExtensionHandle) -> None:
    """About what is other in it; when it is promoted they are asked nothing, and who had it is sent nothing."""
    write_candidate(desk)
    published = desk.publish("--canary", "canary", "--for", "0", "--wait")
    assert published.returncode == 0, published.stdout + published.stderr
    several.wait_hosts("abcdf", "abcde")
    wait_for(lambda: several.taken(0) == several.taken(1) == 1, "both to know that it is taken", NOTICED_S)
    assert asked(extension) == len("abcdef")
    before = several.sent()
    assert desk.run("promote").returncode == 0
    several.wait_hosts("abcdf", "abcdf")
    wait_for(lambda: not several.canary_status(), "the candidate to be gone", NOTICED_S)
    wait_alike(*several.replicas)
    assert asked(extension) == len("abcdef")
    assert several.sent() == before


def test_a_candidate_waits_for_an_extension_that_is_away(several: Two, desk: Desk, extension: ExtensionHandle) -> None:
    """It is said why, and it is promoted by itself when that is back."""
    extension.stop()
    write_candidate(desk)
    assert desk.publish("--canary", "canary", "--for", "1s").returncode == 0
    told = "hooks fail for default/web"
    wait_for(lambda: told in str(several.canary_status().get("waitsFor")), f"it to be said: {told}", NOTICED_S)
    assert told in several.replicas[1].run("status").stdout
    assert {replica.metric("source_generation") for replica in several.replicas} == {2}
    extension.launch()
    several.wait_hosts("abcdf", "abcdf")
    several.wait_generation(3)
    wait_alike(*several.replicas)
