"""What decides on access and is not served closes what it covers, on a real Envoy; what is asked there is answered."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.client import FRESH, SteadyClient, http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stack import Stack
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST, OTHER = "admin.test", "open.test"
MOVED = {"type": "RequestRedirect", "requestRedirect": {"hostname": "new.test"}}
_LIMIT_S = 20.0
_GATEWAY_API = "gateway.networking.k8s.io"


def policy(kind: str, target: dict[str, str], group: str = "gateway.envoyproxy.io/v1alpha1", **spec: Any) -> str:
    """Return a policy for one target."""
    said = json.dumps({"targetRefs": [target], **(spec or {"basicAuth": {"users": {"name": "users"}}})})
    return f"---\napiVersion: {group}\nkind: {kind}\nmetadata: {{name: guard}}\nspec: {said}\n"


def on(kind: str, name: str, section: str = "", group: str = _GATEWAY_API) -> dict[str, str]:
    """Return a target."""
    ref = {"group": group, "kind": kind, "name": name}
    return {**ref, "sectionName": section} if section else ref


def rule(path: str, **more: Any) -> dict[str, Any]:
    """Return a rule for what is below a path."""
    return {"matches": [{"path": {"value": path}}], **more}


@pytest.fixture
def stack(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Stack:
    """Two hosts at one listener, and one of them at another one."""
    port = free_port()
    rules = [
        rule("/login", name="login", backendRefs=[manifests.backend_ref("echo")]),
        rule("/moved", name="moved", filters=[MOVED]),
        rule("/gone", name="gone", backendRefs=[manifests.backend_ref("nobody")]),
        {"name": "rest", "backendRefs": [manifests.backend_ref("echo")]},
    ]
    workspace.write(
        "gateway.yaml", manifests.gateway("web", manifests.http(port), manifests.http(free_port(), "spare"))
    )
    workspace.write("admin.yaml", manifests.http_route("admin", HOST, "echo", rules=rules))
    workspace.write("open.yaml", manifests.http_route("open", OTHER, "echo"))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    files = {"paths": [str(workspace.routes)], "removalDelay": "0s"}
    daemon = make_daemon(sources={"files": files})
    daemon.start()
    found = Stack(workspace, daemon, start_envoy(daemon), port)
    found.wait_status(HOST, 200)
    found.wait_status(OTHER, 200)
    return found


BACKEND_TLS = f"{_GATEWAY_API}/v1"
ECHO = on("Backend", "echo", group="gateway.envoyproxy.io")
# What is closed of: the rule `login`, the other rules, the other host.
COVERED = {
    "a route (envoyproxy/gateway issue 5366)": (policy("SecurityPolicy", on("HTTPRoute", "admin")), (500, 500, 200)),
    "a rule of it": (policy("SecurityPolicy", on("HTTPRoute", "admin", "login")), (500, 200, 200)),
    "a Gateway": (policy("SecurityPolicy", on("Gateway", "web")), (500, 500, 500)),
    "its listener": (
        policy("ClientTrafficPolicy", on("Gateway", "web", "http"), tls={"clientValidation": {}}),
        (500, 500, 500),
    ),
    "a backend": (policy("BackendTLSPolicy", ECHO, BACKEND_TLS), (500, 500, 500)),
}


def test_policies_that_nobody_serves_close_what_they_cover(stack: Stack) -> None:
    """One after the other they come and go (envoyproxy/gateway PR 3869), and no connection of a listener is drained."""
    for name, (text, (login, rest, other)) in COVERED.items():
        stack.workspace.write("policy.yaml", text)
        stack.wait_status(HOST, login, "/login")
        assert (stack.get(HOST, "/").status, stack.get(OTHER).status) == (rest, other), name
        stack.workspace.delete("policy.yaml")
        stack.wait_status(HOST, 200, "/login")
        stack.wait_status(OTHER, 200)


def test_a_listener_keeps_its_connections_while_it_is_closed_and_opened(stack: Stack) -> None:
    """All that changes is in RDS."""
    connection = socket.create_connection(("127.0.0.1", stack.port), _LIMIT_S)
    with connection, connection.makefile("rb") as answers:
        assert _asked(connection, answers) == 200
        stack.workspace.write("policy.yaml", policy("SecurityPolicy", on("Gateway", "web")))
        stack.wait_status(OTHER, 500)
        assert _asked(connection, answers) == 500
        stack.workspace.delete("policy.yaml")
        stack.wait_status(OTHER, 200)
        assert _asked(connection, answers) == 200


def _asked(connection: socket.socket, answers: Any) -> int:
    """Send a request over a connection that is kept, and return the status of its answer."""
    connection.sendall(f"GET / HTTP/1.1\r\nHost: {OTHER}\r\n\r\n".encode())
    status = int(answers.readline().split()[1])
    length = 0
    while line := answers.readline().strip():
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    answers.read(length)
    return status


def test_a_filter_that_is_not_served_closes_its_rule_though_it_was_open(stack: Stack) -> None:
    """An edit that asks for a check of everybody does not leave the route as it was."""
    check = {"type": "ExternalAuth", "externalAuth": {"protocol": "HTTP", "backendRef": {"name": "auth", "port": 80}}}
    rules = [rule("/login", filters=[check], backendRefs=[manifests.backend_ref("echo")]), rule("/free")]
    stack.workspace.write("admin.yaml", manifests.http_route("admin", HOST, "echo", rules=rules))
    stack.wait_status(HOST, 500, "/login")
    assert stack.get(OTHER).status == 200


def test_plain_text_is_no_answer_to_a_backend_that_asks_for_tls(stack: Stack, backend: EchoBackend) -> None:
    """Also where it did not ask for it before."""
    text = manifests.backend("echo", backend.port).replace('"endpoints"', '"tls": {}, "endpoints"')
    stack.workspace.write("backend.yaml", text)
    stack.wait_status(OTHER, 500)


@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket", "spdy/3.1", "TLS/1.2", "foo, websocket"])
def test_an_upgrade_is_answered_as_the_route_says(stack: Stack, upgrade: str) -> None:
    """A redirect, a missing backend, a closed route: not 403, which Envoy has for upgrades that no route allows."""
    stack.workspace.write("policy.yaml", policy("SecurityPolicy", on("HTTPRoute", "open")))
    stack.wait_status(OTHER, 500)
    headers = {"connection": "Upgrade", "upgrade": upgrade}
    found = [http_get(stack.port, HOST, path, headers=headers).status for path in ("/moved", "/gone", "/login")]
    assert found == [302, 500, 200]
    assert http_get(stack.port, OTHER, headers=headers).status == 500


def test_fallbacks_take_over_where_nobody_can_be_connected_to(
    stack: Stack, backend: EchoBackend, workspace: Workspace
) -> None:
    """They get nothing before, and nothing any more when the first is back (Envoy Gateway, Backend.fallback)."""
    with ExitStack() as running:
        spare = running.enter_context(EchoBackend("spare"))
        text = manifests.backend("spare", spare.port).replace('"endpoints"', '"fallback": true, "endpoints"')
        workspace.write("spare.yaml", text)
        refs = [manifests.backend_ref("echo"), manifests.backend_ref("spare")]
        workspace.write("open.yaml", manifests.http_route("open", OTHER, "echo", rules=[{"backendRefs": refs}]))
        with SteadyClient(stack.port, OTHER, headers=FRESH) as client:
            client.wait_for_more()
        assert client.failures == []
        assert {stack.get(OTHER).json["backend"] for _ in range(20)} == {"echo"}
        workspace.write("backend.yaml", manifests.backend("echo", free_port()))
        stack.wait_backend(OTHER, "spare")
        workspace.write("backend.yaml", manifests.backend("echo", backend.port))
        stack.wait_backend(OTHER, "echo")
        # Nor where nobody is there to begin with: a locality without endpoints is passed over.
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "empty"}}
        workspace.write("service.yaml", json.dumps(service | {"spec": {"ports": [{"port": 80}]}}))
        to_nobody: list[dict[str, Any]] = [{"name": "empty", "port": 80}, manifests.backend_ref("spare")]
        workspace.write("open.yaml", manifests.http_route("open", OTHER, "echo", rules=[{"backendRefs": to_nobody}]))
        stack.wait_backend(OTHER, "spare")
