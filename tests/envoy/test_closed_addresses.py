"""A backend that leads to where no traffic may go answers 500 on a real Envoy, and its neighbours go on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stack import Stack
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

GOOD, STRANGE = "good.test", "strange.test"


@pytest.fixture
def stack(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Stack:
    """Two hosts, each with a Backend of its own."""
    port = free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    for host, name in ((GOOD, "echo"), (STRANGE, "strange")):
        workspace.write(f"{name}.yaml", manifests.http_route(name, host, name))
        workspace.write(f"{name}-backend.yaml", manifests.backend(name, backend.port))
    daemon = make_daemon()
    daemon.start()
    found = Stack(workspace, daemon, start_envoy(daemon), port)
    found.wait_status(GOOD, 200)
    found.wait_status(STRANGE, 200)
    return found


def test_traffic_gets_no_way_to_the_admin_page(stack: Stack, backend: EchoBackend) -> None:
    """The page itself answers; by the Gateway it is 500, until the Backend is what it was."""
    port = int(stack.daemon.settings["admin"]["address"].rpartition(":")[2])
    assert stack.daemon.admin("/healthz").status == 200
    stack.workspace.write("strange-backend.yaml", manifests.backend("strange", port))
    stack.wait_status(STRANGE, 500)
    assert http_get(stack.port, GOOD).status == 200
    stack.workspace.write("strange-backend.yaml", manifests.backend("strange", backend.port))
    stack.wait_status(STRANGE, 200)
