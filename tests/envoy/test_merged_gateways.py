"""All Gateways of a class on one Envoy, since its EnvoyProxy asks for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.client import SteadyClient, http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_proxies import CLASS, proxied_class
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy


def at(port: int, hostname: str) -> dict[str, Any]:
    """A listener for one hostname."""
    return {**http(port), "hostname": hostname}


class Site:
    """Two Gateways with a route each, at one port."""

    def __init__(self, workspace: Workspace, backend: EchoBackend, daemon: Daemon) -> None:
        self.port = free_port()
        self.workspace = workspace
        self.daemon = daemon
        workspace.write("class.yaml", proxied_class(mergeGateways=True))
        workspace.write("backend.yaml", backend_manifest("echo", backend.port))
        for name in ("a", "b"):
            self.listen(name, f"{name}.test")
            workspace.write(f"route-{name}.yaml", http_route(name, f"{name}.test", "echo", gateway=name))
        daemon.start()

    def listen(self, name: str, hostname: str) -> None:
        """Have a Gateway listen for a hostname."""
        self.workspace.write(f"gateway-{name}.yaml", gateway(name, at(self.port, hostname)))

    def status(self, host: str) -> int:
        """What Envoy answers."""
        return http_get(self.port, host).status

    def conflicted(self, name: str) -> str:
        """What the status of a Gateway says of its listener."""
        (found,) = self.daemon.api("objects", kind="Gateway", name=name)["items"]
        (listener,) = found["status"]["listeners"]
        conditions = {each["type"]: each for each in listener["conditions"]}
        return str(conditions["Conflicted"]["reason"])


@pytest.fixture
def site(workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon]) -> Site:
    """Both Gateways, served."""
    return Site(workspace, backend, make_daemon())


def test_two_gateways_share_a_port(site: Site, start_envoy: StartEnvoy) -> None:
    """A hostname that both want is the older one's; the status of the other says so, and an edit mends it."""
    start_envoy(site.daemon, CLASS)
    wait_for(lambda: (site.status("a.test"), site.status("b.test")) == (200, 200), "both Gateways")
    with SteadyClient(site.port, "a.test") as client:
        site.listen("b", "a.test")
        wait_for(lambda: site.conflicted("b") == "HostnameConflict", "the conflict")
        wait_for(lambda: site.status("b.test") == 404, "the hostname of the younger to be gone")
        site.listen("b", "b.test")
        wait_for(lambda: site.conflicted("b") == "NoConflicts", "the conflict to be over")
        wait_for(lambda: site.status("b.test") == 200, "the younger Gateway to be served again")
        client.wait_for_more()
    assert client.failures == []


def test_gateways_that_come_to_be_one(site: Site, start_envoy: StartEnvoy) -> None:
    """An Envoy of the class loses nothing, in either direction; apart, the port is the older one's."""
    site.workspace.write("class.yaml", proxied_class())
    start_envoy(site.daemon, CLASS)
    wait_for(lambda: (site.status("a.test"), site.status("b.test")) == (200, 404), "the older Gateway alone")
    with SteadyClient(site.port, "a.test") as client:
        site.workspace.write("class.yaml", proxied_class(mergeGateways=True))
        wait_for(lambda: site.status("b.test") == 200, "both Gateways")
        site.workspace.write("class.yaml", proxied_class())
        wait_for(lambda: site.status("b.test") == 404, "the older Gateway alone, again")
        client.wait_for_more()
    assert client.failures == []
    assert site.daemon.events("session.nack") == []
