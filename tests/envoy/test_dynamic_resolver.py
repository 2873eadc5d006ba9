"""Backends of type DynamicResolver on a real Envoy: requests go to the host that they name, which TLS is checked by."""

from __future__ import annotations

import json
import signal
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stack import Stack
from tests.envoy.tls_backend import TlsBackend
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

AUTHORITY = Authority()
TRUST: dict[str, Any] = {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}


@pytest.fixture
def stack(workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy) -> Stack:
    """A route for any host to such a Backend, and one that passes TLS on."""
    ports = free_port(), free_port()
    listeners = (manifests.http(ports[0]), manifests.tls(ports[1], "*.test"))
    workspace.write("gateway.yaml", manifests.gateway("web", *listeners))
    spec = {"parentRefs": [{"name": "web", "sectionName": "http"}]}
    rules = [{"backendRefs": [manifests.backend_ref("any")]}]
    route = json.loads(manifests.http_route("any", "any.test", "any", rules=rules).rpartition("spec: ")[2])
    del route["hostnames"]
    document = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "any"}}
    workspace.write("route.yaml", json.dumps({**document, "spec": {**route, **spec}}))
    workspace.write("stream.yaml", manifests.stream_route("TLSRoute", "passed", {"any": 1}, ["no.test"], "tls"))
    ca = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"}, "data": {"ca.crt": AUTHORITY.cert}}
    workspace.write("ca.yaml", json.dumps(ca))
    workspace.write("backend.yaml", manifests.backend_of("any", {"type": "DynamicResolver"}))
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    daemon.start()
    return Stack(workspace, daemon, start_envoy(daemon), ports[0])


def test_requests_go_to_the_host_that_they_name(stack: Stack, backend: EchoBackend) -> None:
    """By name or by address; a name that nobody has answers 503."""
    stack.wait_status(f"localhost:{backend.port}", 200)
    assert stack.get(f"127.0.0.1:{backend.port}").status == 200
    assert stack.get("nobody.invalid").status == 503


def test_nobody_is_led_where_no_backend_may_be(stack: Stack, backend: EchoBackend) -> None:
    """However the address is written, and whatever name it was found by; what is allowed is reached all the same."""
    stack.wait_status(f"localhost:{backend.port}", 200)
    _, _, port = stack.daemon.settings["admin"]["address"].rpartition(":")
    for host in ("127.0.0.1", "127.0.0.7", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"):
        assert stack.get(f"{host}:{port}", "/readyz").status == 403, host
    assert stack.get("169.254.169.254").status == 403
    stack.daemon.settings["backends"] = {"allowedAddresses": [f"127.0.0.1:{port}"]}
    stack.daemon.write_settings()
    stack.daemon.signal(signal.SIGHUP)
    stack.wait_status(f"localhost:{port}", 200, "/readyz")
    assert stack.get(f"127.0.0.7:{port}", "/readyz").status == 403


def test_who_is_found_has_to_have_a_certificate_of_the_host(stack: Stack, tmp_path: Path) -> None:
    """And never gets plain text; nobody is asked by a name that is written."""

    def say(tls: dict[str, Any]) -> None:
        spec = {"type": "DynamicResolver", "tls": tls}
        stack.workspace.write("backend.yaml", manifests.backend_of("any", spec))

    with TlsBackend(tmp_path, AUTHORITY.issue("localhost")) as secure:
        host = f"localhost:{secure.port}"
        say(TRUST)
        stack.wait_status(host, 200)
        assert stack.get(host).json["serverName"] == "localhost"
        assert stack.get(f"127.0.0.1:{secure.port}").status == 503
        say({**TRUST, "sni": "localhost"})
        stack.wait_status(host, 500)
        say({"wellKnownCACertificates": "System"})
        stack.wait_status(host, 503)
        say({"insecureSkipVerify": True})
        stack.wait_status(f"127.0.0.1:{secure.port}", 200)


def test_a_connection_goes_to_its_server_name(stack: Stack) -> None:
    """At port 443, which is not this test's to listen at: what is looked at is that Envoy asks for the name."""
    written = (stack.workspace.routes / "gateway.yaml").read_text().rpartition("spec: ")[2]
    port = json.loads(written)["listeners"][1]["port"]

    def is_asked() -> bool:
        with pytest.raises((OSError, ssl.SSLError)):
            http_get(port, "no.test", ca=AUTHORITY.cert)
        return sum(stack.envoy.stats("dns_cache.*dns_query_attempt").values()) > 0

    wait_for(is_asked, "Envoy to resolve the server name")
