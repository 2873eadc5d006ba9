"""The tasks of docs/hooks.md on a real Envoy: a header, a password on one listener, an authorization service."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from envoy.service.auth.v3.external_auth_pb2 import CheckRequest, CheckResponse
from grpclib.const import Cardinality, Handler
from grpclib.server import Stream

from egxds.grpc.codec import CODEC
from tests.docs.blocks import task
from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.client import Answer, http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.grpc_listening import GrpcListening
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST = "shop.example"
JO = {"authorization": f"Basic {base64.b64encode(b'jo:secret').decode()}"}


class Site:
    """A Gateway with two listeners and a route at both, and one of the tasks as its extension."""

    def __init__(self, workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon]) -> None:
        self.ports = {"http": free_port(), "admin": free_port()}
        self.workspace = workspace
        self._make_daemon = make_daemon
        listeners = [manifests.http(port, name) for name, port in self.ports.items()]
        workspace.write("gateway.yaml", manifests.gateway("web", *listeners))
        workspace.write("backend.yaml", manifests.backend("echo", backend.port))
        workspace.write("text.yaml", manifests.extension_object("Text", "text", {"text": "100% yours"}))
        named = {"group": "example.io", "kind": "Text", "name": "text"}
        rule = {
            "filters": [{"type": "ExtensionRef", "extensionRef": named}],
            "backendRefs": [manifests.backend_ref("echo")],
        }
        workspace.write("route.yaml", manifests.http_route("shop", HOST, "echo", rules=[rule]))

    def start(self, code: str, target: str, *post: str) -> Daemon:
        """Start egxds with an author's code."""
        (self.workspace.root / "task.py").write_text(code)
        manager: dict[str, Any] = {
            "name": "task",
            "service": {"python": f"task:{target}", "path": [str(self.workspace.root)]},
            "hooks": {"xdsTranslator": {"post": post}},
            "resources": [manifests.extension_kind("Text")],
            "policyResources": [manifests.extension_kind("Authorize")],
        }
        daemon = self._make_daemon(extensionManagers=[manager])
        daemon.start()
        return daemon

    def wait(self, listener: str, status: int, headers: dict[str, str] | None = None) -> Answer:
        """Wait until a listener answers with a status."""

        def answers() -> Answer:
            answer = http_get(self.ports[listener], HOST, headers=headers)
            assert answer.status == status, answer
            return answer

        return wait_for(answers, f"{status} from {listener}")


@pytest.fixture
def site(workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon]) -> Site:
    """Nothing runs yet."""
    return Site(workspace, backend, make_daemon)


def test_a_header(site: Site, start_envoy: StartEnvoy) -> None:
    """Its value comes out as it stands in the object, `%` included."""
    daemon = site.start(task("header"), "Header", "Route")
    start_envoy(daemon)
    assert site.wait("http", 200).headers["x-text"] == "100% yours"
    assert daemon.events("session.nack") == []


def test_a_password_on_one_listener(site: Site, start_envoy: StartEnvoy) -> None:
    """Nobody gets in there without, and everybody at the other."""
    daemon = site.start(task("basic auth"), "Passwords", "HTTPListener")
    start_envoy(daemon)
    site.wait("http", 200)
    site.wait("admin", 401)
    assert site.wait("admin", 200, JO).status == 200
    assert daemon.events("session.nack") == []


class AuthorizationService(GrpcListening):
    """Lets in who has the header `x-pass`, over gRPC as Envoy asks."""

    def __init__(self) -> None:
        handler = Handler(self._check, Cardinality.UNARY_UNARY, bytes, bytes)
        super().__init__({"/envoy.service.auth.v3.Authorization/Check": handler}, CODEC)

    async def _check(self, stream: Stream[bytes, bytes]) -> None:
        request = CheckRequest.FromString(await stream.recv_message() or b"")
        response = CheckResponse()
        if "x-pass" not in request.attributes.request.http.headers:
            response.status.code = 7
        await stream.send_message(response.SerializeToString())


@pytest.fixture
def authorization() -> Iterator[AuthorizationService]:
    """One that answers."""
    with AuthorizationService() as running:
        yield running


def test_an_authorization_service(site: Site, start_envoy: StartEnvoy, authorization: AuthorizationService) -> None:
    """A policy has it asked, and its cluster made; without the policy nobody is asked."""
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web"}
    policy = {"targetRefs": [target], "address": f"127.0.0.1:{authorization.port}"}
    site.workspace.write("policy.yaml", manifests.extension_object("Authorize", "authz", policy))
    daemon = site.start(task("authorization"), "Authorization", "HTTPListener", "Translation")
    start_envoy(daemon)
    site.wait("http", 403)
    site.wait("http", 200, {"x-pass": "1"})
    site.workspace.delete("policy.yaml")
    site.wait("http", 200)
    assert daemon.events("session.nack") == []


ENABLED_AT_A_ROUTE = """
from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.filters.http.basic_auth.v3.basic_auth_pb2 import BasicAuth
from egxds.extension import *

NAME = "envoy.filters.http.basic_auth"

class Mine(Hooks):
    async def http_listener(self, listener, context):
        users = DataSource(inline_string="jo:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")
        asleep = http_filter(NAME, BasicAuth(users=users))
        asleep.disabled = any(each.name == "http" for each in context.listeners)
        add_http_filter(listener, asleep)
        return listener

    async def route(self, route, context):
        (enable_filter if context.listener.name == "http" else disable_filter)(route, NAME)
        return route
"""


def test_a_filter_at_one_route(site: Site, start_envoy: StartEnvoy) -> None:
    """One that is off is on at a route, one that is on is off at another: Envoy reads what the helpers write."""
    daemon = site.start(ENABLED_AT_A_ROUTE, "Mine", "HTTPListener", "Route")
    start_envoy(daemon)
    site.wait("http", 401)
    site.wait("http", 200, JO)
    site.wait("admin", 200)
    assert daemon.events("session.nack") == []


CLUSTERS = """
from egxds.extension import *

class Mine(Hooks):
    async def translation(self, resources, context):
        resources.clusters.extend([
            service_cluster("plain", "127.0.0.1:9000"),
            service_cluster("six", "[::1]:9000", http2=True),
            service_cluster("named", "localhost:9000", tls=Tls(ca_file={ca!r})),
            service_cluster("secured", "127.0.0.1:9000", http2=True, tls=Tls(ca_file={ca!r})),
            service_cluster("socket", "unix:/run/authz.sock", tls=Tls(server_name="authz.example", ca_file={ca!r})),
        ])
        return resources
"""


def test_clusters_for_services(site: Site, start_envoy: StartEnvoy, workspace: Workspace) -> None:
    """Envoy takes every form of address, in the clear and over TLS."""
    ca = workspace.root / "ca.pem"
    ca.write_text(Authority().cert)
    daemon = site.start(CLUSTERS.format(ca=str(ca)), "Mine", "Translation")
    envoy = start_envoy(daemon)
    site.wait("http", 200)
    known = envoy.admin("/clusters").text
    assert [name for name in ("plain", "six", "named", "secured", "socket") if f"{name}::" not in known] == []
    assert daemon.events("session.nack") == []
