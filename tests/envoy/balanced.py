"""An installation with several backends behind one route, and a BackendTrafficPolicy for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.envoy import manifests
from tests.envoy.client import Answer, http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stack import Stack
from tests.envoy.test_access import on
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

HOST = "shop.test"
GATEWAY = on("Gateway", "web")
CLUSTER = "httproute/default/shop/rule/0"


def backend_policy(name: str, *targets: dict[str, str], **spec: Any) -> str:
    """Return a BackendTrafficPolicy."""
    said = json.dumps({"targetRefs": list(targets), **spec})
    head = f"---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: BackendTrafficPolicy\nmetadata: {{name: {name}}}\n"
    return f"{head}spec: {said}\n"


def endpoints(name: str, *ports: int, **more: Any) -> str:
    """Return a Backend with several endpoints on the loopback address."""
    return manifests.backend_of(
        name, {"endpoints": [{"ip": {"address": "127.0.0.1", "port": port}} for port in ports], **more}
    )


@dataclass(frozen=True)
class Balanced(Stack):
    """One host, whose backend has several endpoints."""

    def ask(self, path: str = "/", headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for a path."""
        return http_get(self.port, HOST, path, headers=dict(headers or {}))

    def policy(self, **spec: Any) -> None:
        """Write the policy of the Gateway, and wait until Envoy has it."""
        before = self.cluster()
        self.workspace.write("policy.yaml", backend_policy("backends", GATEWAY, **spec))
        wait_for(lambda: self.cluster() != before, "another cluster")

    def cluster(self, name: str = CLUSTER) -> dict[str, Any]:
        """Return a cluster that Envoy has and that is warm."""
        (dump,) = self.envoy.config_dump("ClustersConfigDump")
        found = [each["cluster"] for each in dump.get("dynamic_active_clusters", ())]
        return next((each for each in found if each["name"] == name), {})

    def stat(self, name: str, cluster: str = CLUSTER) -> int:
        """Return a number that Envoy counts of a cluster."""
        return self.envoy.stats(rf"cluster\.{cluster}\.{name}$").get(f"cluster.{cluster}.{name}", 0)

    def answered_by(self, times: int, path: str = "/", headers: Mapping[str, str] | None = None) -> Counter[str]:
        """Ask several times, and count who answered."""
        return Counter(self.ask(path, headers).json["backend"] for _ in range(times))


def start_balanced(
    workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy, *ports: int, **more: Any
) -> Balanced:
    """Start it with endpoints at some ports."""
    port = free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "app"))
    workspace.write("backend.yaml", endpoints("app", *ports, **more))
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    daemon.start()
    found = Balanced(workspace, daemon, start_envoy(daemon), port)
    found.wait_status(HOST, 200)
    return found
