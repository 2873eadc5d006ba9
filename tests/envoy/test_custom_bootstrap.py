"""Envoys that start as an EnvoyProxy asks for: their bootstrap, their arguments, their end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.envoy.backend import EchoBackend
from tests.envoy.client import http_get
from tests.envoy.conftest import RunEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_proxies import CLASS, proxied_class
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.test_up import Up
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy


@pytest.fixture
def up(workspace: Workspace, backend: EchoBackend, envoy_binary: Path) -> Iterator[Up]:
    """One that is not started yet, whose Envoy has an admin page."""
    assert envoy_binary
    made = Up(workspace, backend)
    made.options = ["--envoy-admin-port", str(free_port())]
    yield made
    made.discard()


def printed(daemon: Daemon, *options: str) -> subprocess.CompletedProcess[str]:
    """What `egxds bootstrap` prints for the class."""
    command = [sys.executable, "-m", "egxds", "bootstrap", "-c", str(daemon.settings_path), "--gateway-class", CLASS]
    return subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)


def merged(**fields: Any) -> dict[str, Any]:
    """A bootstrap that is merged into the usual one."""
    return {"type": "Merge", "value": yaml.safe_dump(fields)}


def test_an_envoy_by_a_patched_bootstrap_is_served(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], run_envoy: RunEnvoy
) -> None:
    """It sends its statistics where it is told to, has one more layer, and gets its routes."""
    port = free_port()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as statistics:
        statistics.bind(("127.0.0.1", 0))
        statistics.settimeout(20)
        address = {"address": "127.0.0.1", "port_value": statistics.getsockname()[1], "protocol": "UDP"}
        type_url = "type.googleapis.com/envoy.config.metrics.v3.StatsdSink"
        sink = {"typed_config": {"@type": type_url, "address": {"socket_address": address}}}
        layer = {"name": "mine", "static_layer": {"upstream.use_retry": True}}
        asked = merged(
            stats_sinks=[{"name": "envoy.stat_sinks.statsd", **sink}],
            stats_flush_interval="0.2s",
            layered_runtime={"layers": [layer]},
        )
        workspace.write("class.yaml", proxied_class(bootstrap=asked, concurrency=1))
        workspace.write("gateway.yaml", gateway("web", http(port)))
        workspace.write("backend.yaml", backend_manifest("echo", backend.port))
        workspace.write("a.yaml", http_route("a", "a.test", "echo"))
        daemon = make_daemon()
        daemon.start()
        done = printed(daemon)
        assert done.returncode == 0, done.stderr
        assert "--concurrency 1" in done.stderr
        envoy = run_envoy(yaml.safe_load(done.stdout))
        envoy.wait_ready()
        wait_for(lambda: http_get(port, "a.test").status == 200, "the route")
        assert b"envoy." in statistics.recv(65536)
        assert "upstream.use_retry" in envoy.admin("/runtime").text


BROKEN = [
    merged(dynamic_resources={"lds_config": {"path": "/tmp/lds.yaml"}}),
    {"type": "JSONPatch", "jsonPatches": [{"op": "remove", "path": "/static_resources/clusters"}]},
    {"type": "Replace", "value": "admin: [1]"},
]


@pytest.mark.parametrize("broken", BROKEN[:1])
def test_a_bootstrap_that_cannot_be(up: Up, workspace: Workspace, broken: dict[str, Any]) -> None:
    """It is printed by nobody, is an error of the files, and `up` starts its Envoy by the usual one."""
    workspace.write("class.yaml", proxied_class(bootstrap=broken))
    done = printed(up)
    assert (done.returncode, done.stdout) == (2, "")
    assert "EnvoyProxy default/wide: spec.bootstrap" in done.stderr
    checked = subprocess.run(
        [sys.executable, "-m", "egxds", "validate", str(workspace.routes)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 1
    assert "EnvoyProxy default/wide" in checked.stdout + checked.stderr
    up.launch()
    up.wait_served()
    assert len(up.events("app.envoy_bootstrap_refused")) == 1


def test_arguments_and_a_gentle_end(up: Up, workspace: Workspace) -> None:
    """The Envoy has the arguments; told to end, it serves until its connections are gone, and says so to them."""
    asked = {
        "concurrency": 1,
        "logging": {"level": {"default": "error", "upstream": "warn"}},
        "extraArgs": ["--file-flush-interval-msec 500", "--log-level trace"],
        "shutdown": {"drainTimeout": "20s", "minDrainDuration": "0s"},
    }
    workspace.write("class.yaml", proxied_class(**asked))
    up.launch()
    envoy = up.wait_served()
    arguments = Path(f"/proc/{envoy}/cmdline").read_text().split("\0")
    passed = " ".join(arguments[arguments.index("--disable-hot-restart") + 1 :])
    assert passed.strip() == (
        "--log-level error --component-log-level upstream:warn --concurrency 1 "
        "--drain-time-s 20 --drain-strategy immediate --file-flush-interval-msec 500"
    )
    connection = HTTPConnection("127.0.0.1", up.port, timeout=20)
    with closing(connection):
        assert _asked(connection).getheader("connection") is None
        up.signal(signal.SIGTERM)
        wait_for(lambda: up.events("app.envoy_draining"), "the drain")
        wait_for(lambda: _asked(connection).getheader("connection") == "close", "Envoy to ask its clients to go")
    assert up.wait() == 0
    assert not Path(f"/proc/{envoy}").exists()


def _asked(connection: HTTPConnection) -> HTTPResponse:
    connection.request("GET", "/", headers={"Host": "a.test"})
    answer = connection.getresponse()
    assert answer.status == 200
    json.loads(answer.read())
    return answer
