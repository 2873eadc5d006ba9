"""One host behind one Gateway, whose routes change: the world of the tests about what Envoys are told."""

from __future__ import annotations

from typing import Any

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.shop import versions
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

HOST = "one.test"


class Site:
    """A Gateway `web` with HTTPRoutes for one host, and a daemon that serves it.

    Attributes:
        port: where the listener is.
        daemon: runs.
    """

    def __init__(self, workspace: Workspace, backend: EchoBackend, daemon: Daemon) -> None:
        """Write the files, and start the daemon."""
        self.port = free_port()
        self.daemon = daemon
        self._workspace = workspace
        workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(self.port)))
        workspace.write("backend.yaml", manifests.backend("echo", backend.port))
        self._write("first", 1)
        daemon.start()

    def edit(self, name: str, routes: int = 1) -> None:
        """Replace what is routed where, with clusters of new names; wait until that is published.

        Args:
            name: starts the names of the HTTPRoutes; not one that was there before.
            routes: how many there are, one for each of as many paths.
        """
        self._write(name, routes)
        clusters = {f"httproute/default/{name}-{number}/rule/0" for number in range(routes)}
        wait_for(lambda: clusters == versions(self.daemon, "cluster").keys(), f"{name} to be published")

    def wait_taken(self, *envoys: EnvoyProcess) -> None:
        """Wait until Envoys use the RouteConfigurations that are published."""
        newest = versions(self.daemon, "route")
        wait_for(lambda: all(_held_routes(one) == newest for one in envoys), "the Envoys to have the newest routes")

    def clients(self) -> list[dict[str, Any]]:
        """Return who is connected."""
        found: list[dict[str, Any]] = self.daemon.api("clients")["items"]
        return found

    def _write(self, name: str, routes: int) -> None:
        self._workspace.write("routes.yaml", "".join(_route(name, number) for number in range(routes)))


def _route(name: str, number: int) -> str:
    path = {"type": "PathPrefix", "value": f"/{number or ''}"}
    rule = {"matches": [{"path": path}], "backendRefs": [manifests.backend_ref("echo")]}
    return manifests.http_route(f"{name}-{number}", HOST, "echo", rules=[rule])


def _held_routes(envoy: EnvoyProcess) -> dict[str, str]:
    """Return RouteConfiguration name → version that an Envoy uses."""
    (dump,) = envoy.config_dump("RoutesConfigDump")
    return {one["route_config"]["name"]: one["version_info"] for one in dump.get("dynamic_route_configs", [])}
