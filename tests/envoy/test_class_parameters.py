"""A GatewayClass whose EnvoyProxy is nobody, on a real Envoy: its Gateways are served as soon as there is one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_proxies import CLASS, proxied_class
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST = "shop.test"


def test_gateways_wait_for_what_their_class_asks(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """One that is refused at first sight is none; what was accepted last stays where it is refused later."""
    port = free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo"))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    refused = proxied_class(telemetry={"metrics": {"matches": [{"type": "Nobody", "value": "x"}]}})
    workspace.write("class.yaml", refused)
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    daemon.start()
    shop = Stack(workspace, daemon, start_envoy(daemon, CLASS, wait=False), port)
    wait_for(lambda: daemon.events("session.open"), "the Envoy to connect")
    assert not shop.envoy.config_dump("ListenersConfigDump")[0].get("dynamic_listeners")
    workspace.write("class.yaml", proxied_class(concurrency=1))
    shop.wait_status(HOST, 200)
    workspace.write("class.yaml", refused)
    wait_for(
        lambda: any("EnvoyProxy" in str(each) for each in daemon.api("problems")["items"]), "the mistake to be told"
    )
    shop.wait_status(HOST, 200)
