"""TLS to backends, on a real Envoy: who is trusted, by which name, and that plain text is never what comes instead."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from grpclib.exceptions import GRPCError

from tests.envoy import manifests
from tests.envoy.certificates import Authority
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.grpc_backend import GrpcBackend, call
from tests.envoy.stack import Stack
from tests.envoy.tls_backend import TlsBackend
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST = "shop.test"
AUTHORITY, OTHER = Authority(), Authority("Others")
BACKEND_NAME = "backend.test"
REFS = [{"group": "", "kind": "ConfigMap", "name": "ca"}]


def policy(hostname: str = BACKEND_NAME, **validation: Any) -> str:
    """Write a policy for the Backend."""
    checked = {"hostname": hostname, **(validation or {"caCertificateRefs": REFS})}
    spec = {"targetRefs": [manifests.backend_ref("secure")], "validation": checked}
    return _document("gateway.networking.k8s.io/v1", "BackendTLSPolicy", "secure", spec=spec)


def authorities(pem: str, name: str = "ca") -> str:
    """Write a ConfigMap with the certificates of authorities."""
    return _document("v1", "ConfigMap", name, data={"ca.crt": pem})


def _document(api_version: str, kind: str, name: str, **body: Any) -> str:
    return json.dumps({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **body})


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[TlsBackend]:
    """A backend that ends TLS."""
    with TlsBackend(
        tmp_path, AUTHORITY.issue(BACKEND_NAME, "other.test", "*.wild.test", "spiffe://a.test/b")
    ) as running:
        yield running


@pytest.fixture
def stack(
    workspace: Workspace, secure: TlsBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Stack:
    """A route to it, with the policy that it asks for."""
    port = free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("route.yaml", manifests.http_route("shop", HOST, "secure"))
    workspace.write("backend.yaml", manifests.backend("secure", secure.port))
    workspace.write("policy.yaml", policy())
    workspace.write("ca.yaml", authorities(AUTHORITY.cert))
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    daemon.start()
    found = Stack(workspace, daemon, start_envoy(daemon), port)
    found.wait_status(HOST, 200)
    return found


def test_a_backend_is_asked_by_name_and_speaks_http_1(stack: Stack) -> None:
    """The server name is the policy's."""
    seen = stack.get(HOST).json
    assert (seen["serverName"], seen["protocol"], seen["client"]) == (BACKEND_NAME, "http/1.1", "")


NAMES: dict[str, tuple[str, int]] = {
    "a name that the certificate has not": (policy("wrong.test"), 503),
    "another name that it has": (policy("other.test"), 200),
    "one of several names": (
        policy("any.test", caCertificateRefs=REFS, subjectAltNames=[{"type": "Hostname", "hostname": BACKEND_NAME}]),
        200,
    ),
    "names of which it has none, beside one that it has": (
        policy(caCertificateRefs=REFS, subjectAltNames=[{"type": "URI", "uri": "spiffe://a.test/c"}]),
        503,
    ),
    "a URI": (
        policy("any.test", caCertificateRefs=REFS, subjectAltNames=[{"type": "URI", "uri": "spiffe://a.test/b"}]),
        200,
    ),
    "a name that one with a star has": (policy("a.wild.test"), 200),
    "a name with a star": (
        policy("any.test", caCertificateRefs=REFS, subjectAltNames=[{"type": "Hostname", "hostname": "*.wild.test"}]),
        200,
    ),
    "authorities of the machine, which has no such certificate": (policy(wellKnownCACertificates="System"), 503),
    "nobody knows whom to trust": (policy(caCertificateRefs=[{"group": "", "kind": "ConfigMap", "name": "no"}]), 500),
    "a kind without certificates": (policy(caCertificateRefs=[{"group": "", "kind": "Service", "name": "ca"}]), 500),
    "a mistake": (policy(caCertificateRefs=REFS, subjectAltName=[]), 500),
}


def test_who_is_trusted_by_which_name(stack: Stack) -> None:
    """One after the other; each is another answer than the one before."""
    for name, (text, status) in NAMES.items():
        stack.workspace.write("policy.yaml", text)
        wait_for(lambda status=status: stack.get(HOST).status == status, f"{status} for {name}")  # type: ignore[misc]
        stack.workspace.write("policy.yaml", policy())
        stack.wait_status(HOST, 200)


def test_authorities_change_without_a_restart_of_anything(stack: Stack, secure: TlsBackend) -> None:
    """They come as a secret: the cluster is as it was, and what is connected stays so; the next one is checked anew."""
    versions, updates = _cluster_versions(stack), _updates(stack)
    stack.workspace.write("ca.yaml", authorities(AUTHORITY.cert + OTHER.cert))
    wait_for(lambda: _updates(stack) > updates, "Envoy to have two authorities")
    assert _cluster_versions(stack) == versions
    assert sum(stack.envoy.stats("httproute.*upstream_cx_destroy$").values()) == 0
    stack.workspace.write("ca.yaml", authorities("no certificate"))
    stack.wait_status(HOST, 500)
    stack.workspace.write("ca.yaml", authorities(OTHER.cert))
    stack.wait_status(HOST, 503)
    secure.use(OTHER.issue(BACKEND_NAME))
    stack.wait_status(HOST, 200)


@pytest.mark.parametrize("by", ["Gateway", "EnvoyProxy"])
def test_a_backend_is_shown_the_certificate_of_the_gateway(
    by: str, tmp_path: Path, workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """Without it, or where it cannot be had, nobody is reached: not even a backend that would let anybody in."""
    port = free_port()

    def listen(secret: str | None) -> None:
        ref = {"clientCertificateRef": {"name": secret}} if secret else {}
        of_gateway: dict[str, object] = {"tls": {"backend": ref}}
        if by == "EnvoyProxy":
            parameters = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "own"}
            of_gateway = {"infrastructure": {"parametersRef": parameters}}
            proxy = _document("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", "own", spec={"backendTLS": ref})
            workspace.write("proxy.yaml", proxy)
        written = json.loads(manifests.gateway("web", manifests.http(port)).rpartition("spec: ")[2])
        spec = {**written, **of_gateway}
        workspace.write("gateway.yaml", _document("gateway.networking.k8s.io/v1", "Gateway", "web", spec=spec))

    with TlsBackend(tmp_path, AUTHORITY.issue(BACKEND_NAME), OTHER.cert) as asking:
        listen("shown")
        workspace.write("shown.yaml", OTHER.issue("gateway.test").secret("shown"))
        workspace.write("route.yaml", manifests.http_route("shop", HOST, "secure"))
        workspace.write("backend.yaml", manifests.backend("secure", asking.port))
        workspace.write("policy.yaml", policy())
        workspace.write("ca.yaml", authorities(AUTHORITY.cert))
        daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
        daemon.start()
        stack = Stack(workspace, daemon, start_envoy(daemon), port)
        stack.wait_status(HOST, 200)
        assert stack.get(HOST).json["client"] == "gateway.test"
        listen(None)
        stack.wait_status(HOST, 503)
        listen("shown")
        stack.wait_status(HOST, 200)
        listen("missing")
        stack.wait_status(HOST, 503)


def test_a_backend_says_itself_how_it_is_spoken_to(stack: Stack, secure: TlsBackend) -> None:
    """By which name, or that nobody is to look; and where neither is said, plain text is no answer to TLS."""
    stack.workspace.delete("policy.yaml")
    spec = {"endpoints": [{"ip": {"address": "127.0.0.1", "port": secure.port}}]}
    for tls, status in (
        ({"caCertificateRefs": REFS, "sni": BACKEND_NAME}, 200),
        ({"caCertificateRefs": REFS, "sni": "wrong.test"}, 503),
        ({"insecureSkipVerify": True}, 200),
        ({"caCertificateRefs": REFS}, 503),
    ):
        stack.workspace.write("backend.yaml", manifests.backend_of("secure", {**spec, "tls": tls}))
        stack.wait_status(HOST, status)


def test_connections_that_nobody_looks_into_are_carried_by_tls(stack: Stack) -> None:
    """The bytes of a TCPRoute, inside of the TLS that the policy asks for; nothing is agreed on what they are."""
    port = free_port()
    listeners = (manifests.http(stack.port), manifests.plain(port, "TCP", "tcp"))
    stack.workspace.write("gateway.yaml", manifests.gateway("web", *listeners))
    stack.workspace.write("stream.yaml", manifests.stream_route("TCPRoute", "stream", {"secure": 1}, section="tcp"))
    wait_for(lambda: http_get(port, "any.test").status == 200, "the stream to be carried")
    seen = http_get(port, "any.test").json
    assert (seen["serverName"], seen["protocol"]) == (BACKEND_NAME, None)
    stack.workspace.delete("ca.yaml")
    stack.wait_status(HOST, 500)
    wait_for(lambda: _is_closed(port), "its connections to be closed")


def test_calls_are_carried_over_http_2(stack: Stack, tmp_path: Path) -> None:
    """Agreed on in the handshake: a server that knows nothing else would have nobody in who does not say so."""
    pair = AUTHORITY.issue(BACKEND_NAME)
    files = {tmp_path / "grpc.crt": pair.cert, tmp_path / "grpc.key": pair.key}
    for path, text in files.items():
        path.write_text(text)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*map(str, files))
    context.set_alpn_protocols(["h2"])
    with GrpcBackend("orders", "shop.Orders", "Place", tls=context) as orders:
        stack.workspace.write("backend.yaml", manifests.backend("secure", orders.port))
        rules = [{"backendRefs": [manifests.backend_ref("secure")]}]
        stack.workspace.write("calls.yaml", manifests.grpc_route("calls", "calls.test", rules=rules))
        stack.workspace.write("route.yaml", manifests.http_route("shop", "elsewhere.test", "secure"))
        wait_for(lambda: _answers(stack), "the call to be answered")
        # The server of this test does not close what is inside of TLS: Envoy is to, whose cluster goes.
        stack.workspace.delete("calls.yaml")
        wait_for(lambda: not stack.envoy.stats("cluster.grpcroute.*upstream_cx_active$"), "its cluster to be gone")


def _answers(stack: Stack) -> bool:
    try:
        return call(stack.port, "calls.test", "/shop.Orders/Place")["backend"] == "orders"
    except GRPCError:
        return False


def _is_closed(port: int) -> bool:
    try:
        http_get(port, "any.test")
    except OSError:
        return True
    return False


def _cluster_versions(stack: Stack) -> list[str]:
    dump = stack.daemon.api("config_dump", type="cluster")
    return [each["version"] for each in dump["items"]]


def _updates(stack: Stack) -> int:
    """Return how often Envoy has put authorities into the cluster that is spoken to by TLS."""
    return sum(stack.envoy.stats("ssl_context_update_by_sds").values())
