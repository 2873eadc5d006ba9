"""How many requests real Envoys answer by 5xx: read from their admin pages, and held to one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anyio
import pytest

from egxds.app.request_looks import RequestLooks
from egxds.fleet.canary_requests import LEAST_REQUESTS, EnvoyRequests, FailedShare, Requests
from egxds.settings.envoys import EnvoySettings
from tests.envoy import manifests
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.moody_backend import MoodyBackend
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOSTS = {"web": "app.test", "other": "other.test"}


def ask(name: str, port: int, status: int) -> None:
    """Ask an Envoy as often as counts."""
    for _ in range(LEAST_REQUESTS):
        assert http_get(port, HOSTS[name], "/").status == status


def test_a_canary_node_that_fails_more_than_others(
    workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """What its admin page is asked, and an Envoy that does not answer, count for nothing."""
    ports = {name: free_port() for name in HOSTS}
    with MoodyBackend("web") as moody, MoodyBackend("other") as fine:
        for name, backend in (("web", moody), ("other", fine)):
            workspace.write(f"{name}.yaml", manifests.gateway(name, manifests.http(ports[name])))
            workspace.write(f"{name}-route.yaml", manifests.http_route(name, HOSTS[name], name, gateway=name))
            workspace.write(f"{name}-backend.yaml", manifests.backend(name, backend.port))
        daemon = make_daemon()
        daemon.start()
        canary, other = start_envoy(daemon, "default/web", "edge-1"), start_envoy(daemon, "default/other", "edge-2")
        gone = f"127.0.0.1:{free_port()}"
        addresses = (canary.admin_address, gone, other.admin_address)
        looks = RequestLooks([EnvoySettings(admin=each) for each in addresses])

        def said() -> Mapping[str, EnvoyRequests]:
            return anyio.run(looks.look)

        def counted(*completed: int) -> bool:
            return tuple(each.counted.completed for each in said().values()) == completed

        assert said() == {
            canary.admin_address: EnvoyRequests("edge-1", Requests()),
            other.admin_address: EnvoyRequests("edge-2", Requests()),
        }
        share = FailedShare({"edge-1"})
        share.look(said(), is_served=False)
        for name, port in ports.items():
            ask(name, port, 200)
        wait_for(lambda: counted(LEAST_REQUESTS, LEAST_REQUESTS), "requests to be counted")
        share.look(said(), is_served=True)
        assert (share.risen, "and 0.0 % of 100 requests of the other" in share.told) == ("", True)
        moody.be(up=False)
        ask("web", ports["web"], 503)
        wait_for(lambda: counted(2 * LEAST_REQUESTS, LEAST_REQUESTS), "requests to be counted")
        for _ in range(2):
            share.look(said(), is_served=True)
        assert share.risen == (
            "5xx have risen: 50.0 % of 200 requests of canary nodes are answered by 5xx, "
            "and 0.0 % of 100 requests of the other Envoys that are asked"
        )
