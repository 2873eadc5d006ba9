"""An Envoy that another control plane served goes on under egxds: the way of Envoy Gateway's users.

Envoy Gateway names Envoys and resources as egxds does, and its own bootstrap asks as ours does. The control plane
before is a stand-in with those names: a server that publishes what the test wrote by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.envoy import manifests, resources
from tests.envoy.backend import EchoBackend
from tests.envoy.client import FRESH, SteadyClient
from tests.envoy.conftest import RunEnvoy
from tests.envoy.control_plane import ControlPlane, plain_bootstrap
from tests.envoy.daemon import Daemon
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST = "one.test"
LISTENER = "default/web/http"
CLUSTER = "httproute/default/site/rule/0"

PATIENT = ("--disable-hot-restart", "--drain-time-s", "5")
"""What drains says `connection: close` for long enough to be heard on every connection, also on a busy machine."""

HANDOVER = ("--drain-time-s", "5", "--parent-shutdown-time-s", "10")
_EXTENSIONS = "type.googleapis.com/envoy.extensions"


class MovedIn(Daemon):
    """`egxds serve` with a settings file of Envoy Gateway."""

    def write_settings(self) -> None:
        """Write what Envoy Gateway has keys for by those, and the rest in the block of ours."""
        files = {"type": "File", "file": {"paths": self.settings["sources"]["files"]["paths"]}}
        custom = {"resource": files, "infrastructure": {"type": "Host", "host": {}}}
        file = {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyGateway",
            "gateway": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
            "provider": {"type": "Custom", "custom": custom},
            "logging": {"level": {"default": "debug"}, "encoder": "JSON"},
            "extensionApis": {"enableBackend": True},
            "egxds": {key: self.settings[key] for key in ("xds", "admin")},
        }
        self.settings_path.write_text(json.dumps(file, indent=1))


@pytest.fixture
def moved_in(workspace: Workspace) -> Iterator[MovedIn]:
    """A daemon that is not started."""
    daemon = MovedIn(workspace)
    yield daemon
    daemon.discard()


def _wait_for_all(clients: Iterable[SteadyClient]) -> None:
    for client in clients:
        client.wait_for_more()


def test_an_envoy_changes_its_control_plane_and_loses_no_request(
    workspace: Workspace, backend: EchoBackend, moved_in: MovedIn, run_envoy: RunEnvoy
) -> None:
    """The old one ends, egxds starts at its address with the old one's settings file and directory; the Envoy stays."""
    port, xds_port = free_port(), free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("site.yaml", manifests.http_route("site", HOST, "echo") + manifests.backend("echo", backend.port))
    moved_in.settings["xds"] = {"address": f"127.0.0.1:{xds_port}"}
    moved_in.write_settings()
    before = (
        resources.cluster(CLUSTER),
        resources.endpoints(CLUSTER, backend.port),
        resources.listener(LISTENER, port, LISTENER),
        resources.route(LISTENER, CLUSTER),
    )
    envoy = run_envoy(plain_bootstrap(xds_port), PATIENT)
    with ExitStack() as stack:
        with ControlPlane(xds_port) as old:
            old.publish(*before)
            envoy.wait_ready()
            wait_for(old.is_settled, "the Envoy to have what the old control plane says")
            clients = [stack.enter_context(SteadyClient(port, HOST, headers=kind)) for kind in ({}, {}, FRESH)]
            _wait_for_all(clients)
        _wait_for_all(clients)
        moved_in.start()
        wait_for(lambda: "envoy-gateway" in str(envoy.config_dump("RoutesConfigDump")), "the Envoy to have its routes")
        wait_for(lambda: not any(envoy.stats("listeners_draining$").values()), "the listener of before to be drained")
        _wait_for_all(clients)
    assert [client.failures for client in clients] == [[]] * len(clients)
    assert moved_in.events("session.nack") == []


def _static(port: int, backend_port: int) -> dict[str, object]:
    """Return the bootstrap of an Envoy that nobody serves."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": backend_port}}
    cluster = {
        "name": "site",
        "load_assignment": {
            "cluster_name": "site",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    everything = {"match": {"prefix": "/"}, "route": {"cluster": "site"}}
    manager = {
        "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [everything]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{_EXTENSIONS}.filters.http.router.v3.Router"}}],
    }
    listener = {
        "name": "http",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def test_an_envoy_with_a_file_of_its_own_hands_over_and_loses_no_request(
    workspace: Workspace, backend: EchoBackend, moved_in: MovedIn, run_envoy: RunEnvoy, tmp_path: Path
) -> None:
    """Its successor asks egxds; the sockets are handed over by a hot restart, and the old one drains and ends."""
    port, base_id = free_port(), tmp_path / "base-id"
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("site.yaml", manifests.http_route("site", HOST, "echo") + manifests.backend("echo", backend.port))
    moved_in.start()
    old = run_envoy(_static(port, backend.port), ("--use-dynamic-base-id", "--base-id-path", str(base_id), *HANDOVER))
    old.wait_ready()
    with ExitStack() as stack:
        clients = [stack.enter_context(SteadyClient(port, HOST, headers=kind)) for kind in ({}, {}, FRESH)]
        _wait_for_all(clients)
        new = run_envoy(moved_in.bootstrap(), ("--base-id", base_id.read_text(), "--restart-epoch", "1", *HANDOVER))
        new.wait_ready()
        assert old.wait() == 0
        _wait_for_all(clients)
    assert [client.failures for client in clients] == [[]] * len(clients)
