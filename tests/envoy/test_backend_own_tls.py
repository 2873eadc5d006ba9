"""What a Backend says of TLS, on a real Envoy: by which name it is asked, what it is shown, what is agreed on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.certificates import Authority
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.grpc_backend import GrpcBackend
from tests.envoy.stack import Stack
from tests.envoy.tls_backend import ONCE, TlsBackend, server_context
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST, OTHER_HOST = "shop.test", "other.test"
AUTHORITY, CLIENTS = Authority(), Authority("Clients")
Start = Callable[[int, dict[str, Any]], Stack]
TRUST: dict[str, Any] = {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[TlsBackend]:
    """A backend that ends TLS, under the name of one of the two hosts, and under one of its own."""
    with TlsBackend(tmp_path, AUTHORITY.issue("backend.test", HOST)) as running:
        yield running


@pytest.fixture
def start(workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy) -> Start:
    """Start everything, with a route for two hosts to a Backend."""

    def started(backend_port: int, tls: dict[str, Any]) -> Stack:
        port = free_port()
        workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
        for name, host in (("shop", HOST), ("other", OTHER_HOST)):
            workspace.write(f"{name}.yaml", manifests.http_route(name, host, "secure"))
        ca = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"}, "data": {"ca.crt": AUTHORITY.cert}}
        workspace.write("ca.yaml", json.dumps(ca))
        workspace.write("backend.yaml", backend(backend_port, tls))
        daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
        daemon.start()
        stack = Stack(workspace, daemon, start_envoy(daemon), port)
        stack.wait_status(HOST, 200)
        return stack

    return started


def backend(port: int, tls: dict[str, Any], **endpoint: str) -> str:
    """Write the Backend."""
    endpoints = [{"ip": {"address": "127.0.0.1", "port": port}, **endpoint}]
    return manifests.backend_of("secure", {"endpoints": endpoints, "tls": tls})


def test_it_is_asked_by_the_host_of_the_request(start: Start, secure: TlsBackend) -> None:
    """And has to have a certificate of that very name (Envoy Gateway); what has none of it is not spoken to."""
    stack = start(secure.port, TRUST)
    assert stack.get(HOST).json["serverName"] == HOST
    stack.wait_status(OTHER_HOST, 503)
    assert stack.get(HOST).status == 200


def test_it_is_asked_by_the_hostname_of_the_endpoint(start: Start, secure: TlsBackend) -> None:
    """Whatever the host is; a name that the certificate has not is no answer, and expired is expired."""
    stack = start(secure.port, TRUST)
    auto = {**TRUST, "autoSNIFromEndpointHostname": True}
    stack.workspace.write("backend.yaml", backend(secure.port, auto, hostname="backend.test"))
    stack.wait_status(OTHER_HOST, 200)
    assert stack.get(OTHER_HOST).json["serverName"] == "backend.test"
    stack.workspace.write("backend.yaml", backend(secure.port, auto, hostname="wrong.test"))
    stack.wait_status(HOST, 503)
    stack.workspace.write("backend.yaml", backend(secure.port, auto))
    stack.wait_status(HOST, 500)
    stack.workspace.write("backend.yaml", backend(secure.port, {**auto, "sni": "backend.test"}))
    stack.wait_status(HOST, 200)
    secure.use(AUTHORITY.issue("backend.test", days_left=-1))
    stack.workspace.write("backend.yaml", backend(secure.port, {**TRUST, "sni": "backend.test"}))
    stack.wait_status(HOST, 503)


AGREED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing said": ({}, {"version": "TLSv1.3", "protocol": "http/1.1"}),
    "a highest version": ({"maxVersion": "1.2"}, {"version": "TLSv1.2"}),
    "a cipher": (
        {"maxVersion": "1.2", "ciphers": ["ECDHE-ECDSA-AES256-GCM-SHA384"]},
        {"cipher": "ECDHE-ECDSA-AES256-GCM-SHA384"},
    ),
    "curves and signatures": (
        {"ecdhCurves": ["P-256"], "signatureAlgorithms": ["ecdsa_secp256r1_sha256"]},
        {"version": "TLSv1.3"},
    ),
    "a protocol": ({"alpnProtocols": ["http/1.1"]}, {"protocol": "http/1.1"}),
    "no protocol, which leaves it to Envoy": ({"alpnProtocols": []}, {"protocol": "http/1.1"}),
}


def test_what_is_agreed_on(start: Start, secure: TlsBackend) -> None:
    """Versions, ciphers and protocols; where nothing is left in common nobody is spoken to."""
    stack = start(secure.port, TRUST)
    for name, (said, expected) in AGREED.items():
        stack.workspace.write("backend.yaml", backend(secure.port, {**TRUST, **said}))

        def comes(expected: dict[str, Any] = expected) -> bool:
            seen = stack.get(HOST, ONCE).json
            return all(seen[field] == value for field, value in expected.items())

        wait_for(comes, f"{expected} for {name}")
    stack.workspace.write("backend.yaml", backend(secure.port, {**TRUST, "signatureAlgorithms": ["ed25519"]}))
    stack.wait_status(HOST, 503)


def test_what_the_gateway_agrees_on_counts_where_a_backend_says_nothing(start: Start, secure: TlsBackend) -> None:
    """By its EnvoyProxy; an edit of that reaches clusters that are there."""
    stack = start(secure.port, TRUST)
    ref = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "own"}
    written = (stack.workspace.routes / "gateway.yaml").read_text()
    named = written.replace('"addresses"', f'"infrastructure": {json.dumps({"parametersRef": ref})}, "addresses"')

    def asks(**said: Any) -> None:
        head = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\nmetadata: {name: own}\n"
        stack.workspace.write("proxy.yaml", f"{head}spec: {json.dumps({'backendTLS': said})}\n")

    def is_spoken(version: str) -> None:
        wait_for(lambda: stack.get(HOST, ONCE).json["version"] == version, version)

    asks(maxVersion="1.2")
    stack.workspace.write("gateway.yaml", named)
    is_spoken("TLSv1.2")
    stack.workspace.write("backend.yaml", backend(secure.port, {**TRUST, "minVersion": "1.3"}))
    is_spoken("TLSv1.3")
    stack.workspace.write("backend.yaml", backend(secure.port, TRUST))
    is_spoken("TLSv1.2")
    asks(signatureAlgorithms=["ed25519"])
    stack.wait_status(HOST, 503)


def test_what_is_agreed_on_is_spoken(start: Start, secure: TlsBackend, tmp_path: Path) -> None:
    """A server that knows nothing but HTTP/2 is reached by a route whose backends are HTTP/1.1 unless they agree."""
    stack = start(secure.port, TRUST)
    context = server_context(tmp_path, AUTHORITY.issue(HOST))
    context.set_alpn_protocols(["h2"])
    with GrpcBackend("orders", "shop.Orders", "Place", tls=context) as orders:
        stack.workspace.write("backend.yaml", backend(orders.port, {**TRUST, "alpnProtocols": ["h2", "http/1.1"]}))

        def is_spoken() -> bool:
            stack.get(HOST)
            return sum(stack.envoy.stats("httproute.*upstream_cx_http2_total$").values()) > 0

        wait_for(is_spoken, "HTTP/2 to be agreed on")
        stack.workspace.write("backend.yaml", backend(secure.port, TRUST))
        stack.wait_status(HOST, 200)


def test_it_is_shown_a_certificate_of_its_own(start: Start, workspace: Workspace, tmp_path: Path) -> None:
    """It comes as a secret, and changes under load without a failure; what cannot be had closes the Backend."""
    workspace.write("shown.yaml", CLIENTS.issue("one.test").secret("shown"))
    with TlsBackend(tmp_path, AUTHORITY.issue("backend.test"), CLIENTS.cert) as asking:
        tls = {**TRUST, "sni": "backend.test"}
        stack = start(asking.port, {**tls, "clientCertificateRef": {"name": "shown"}})
        assert stack.get(HOST).json["client"] == "one.test"
        versions = _cluster_versions(stack)
        stack.workspace.write("shown.yaml", CLIENTS.issue("two.test").secret("shown"))

        def is_two() -> bool:
            answer = stack.get(HOST, ONCE)
            assert answer.status == 200, answer
            return bool(answer.json["client"] == "two.test")

        wait_for(is_two, "the new certificate to be shown")
        assert _cluster_versions(stack) == versions
        stack.workspace.delete("shown.yaml")
        stack.wait_status(HOST, 500)
        stack.workspace.write("shown.yaml", Authority("Strangers").issue("three.test").secret("shown"))
        stack.wait_status(HOST, 503)
        stack.workspace.write("backend.yaml", backend(asking.port, tls))
        wait_for(lambda: not _names(stack, "secret", "backend/default/secure/tls.crt"), "the secret to be gone")
        assert stack.get(HOST).status == 503


def _cluster_versions(stack: Stack) -> list[str]:
    return [each["version"] for each in stack.daemon.api("config_dump", type="cluster")["items"]]


def _names(stack: Stack, type_: str, name: str) -> bool:
    return any(each["name"] == name for each in stack.daemon.api("config_dump", type=type_)["items"])


def test_names_of_endpoints_are_told_to_envoy(start: Start, secure: TlsBackend) -> None:
    """Beside their addresses; zones are nothing to it where no policy asks for them."""
    stack = start(secure.port, TRUST)
    stack.workspace.write("backend.yaml", backend(secure.port, TRUST, zone="east-1", hostname="backend.test"))

    def told() -> bool:
        found = stack.envoy.admin("/clusters?format=json").json["cluster_statuses"]
        hosts = [host for each in found for host in each.get("host_statuses", ())]
        return any(each.get("hostname") == "backend.test" and not each["locality"].get("zone") for each in hosts)

    wait_for(told, "the name in Envoy")
