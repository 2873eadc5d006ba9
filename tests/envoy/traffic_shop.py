"""A shop whose traffic policies are tried: one host, in front of a backend that does what it is told."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any

from tests.envoy import manifests
from tests.envoy.client import Answer
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stack import Stack
from tests.envoy.test_access import on
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

HOST = "shop.test"
_LIMIT_S = 20.0
GATEWAY, ROUTE = on("Gateway", "web"), on("HTTPRoute", "shop")
RULES = [
    {"name": "apart", "matches": [{"path": {"value": "/apart"}}], "backendRefs": [manifests.backend_ref("echo")]},
    {"name": "rest", "backendRefs": [manifests.backend_ref("echo")]},
]


def backend_policy(name: str, target: dict[str, str], **spec: Any) -> str:
    """Return a BackendTrafficPolicy."""
    said = json.dumps({"targetRefs": [target], **spec})
    head = f"---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: BackendTrafficPolicy\nmetadata: {{name: {name}}}\n"
    return f"{head}spec: {said}\n"


class TrafficShop(Stack):
    """The shop."""

    def policy(self, target: dict[str, str] | None = None, **spec: Any) -> None:
        """Write the one policy of the Gateway, or another target."""
        target = GATEWAY if target is None else target
        name = f"{target['kind']}-{target.get('sectionName', 'all')}".lower()
        self.workspace.write(f"policy-{name}.yaml", backend_policy(name, target, **spec))

    def ask(self, path: str = "/", **headers: str) -> Answer:
        """Send a request without a body."""
        return self.send("GET", path, **headers)

    def send(self, method: str, path: str, *body: bytes, **headers: str) -> Answer:
        """Send a request; the body of the answer is one character for each byte."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_LIMIT_S)
        sent = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
        try:
            connection.request(method, path, b"".join(body) or None, sent)
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read().decode("latin-1"))
        finally:
            connection.close()

    def statuses(self, count: int, path: str = "/", **headers: str) -> list[int]:
        """Send as many requests, and return what they are answered."""
        return [self.ask(path, **headers).status for _ in range(count)]

    def until(self, fact: Callable[[], bool], what: str) -> None:
        """Wait for a fact."""
        wait_for(fact, what)


def start_shop(
    workspace: Workspace, backend: int, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> TrafficShop:
    """Start a shop without any policy, whose backend listens on a port."""
    port = free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo", rules=RULES))
    workspace.write("backend.yaml", manifests.backend("echo", backend))
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    daemon.start()
    found = TrafficShop(workspace, daemon, start_envoy(daemon), port)
    found.wait_status(HOST, 200)
    return found
