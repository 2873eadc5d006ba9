"""What the suite runs against: a daemon over a directory, an Envoy of all Gateways of a class, and backends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance import certificates, networks
from tests.conformance.api_server import ApiServer, Key
from tests.conformance.data import ConformanceTest, Manifest, objects
from tests.conformance.echo.backends import Backends
from tests.conformance.pods import Pods
from tests.conformance.run import Run
from tests.conformance.status_reader import StatusReader
from tests.conformance.steps import do
from tests.conformance.waiting import eventually
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.workspace import Workspace

CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
CLASS = "gateway-conformance"
UNUSABLE_ADDRESS = "192.0.2.80"
"""Of a network for documentation: no machine has it."""

_CLASS: Manifest = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "GatewayClass",
    "metadata": {"name": CLASS},
    "spec": {"controllerName": CONTROLLER},
}


@dataclass(frozen=True)
class Site:
    """Runs tests one after the other; each finds the base objects as they were.

    Attributes:
        directory: the watched one.
        placeholders: text in manifests → what stands for it.
    """

    directory: Path
    server: ApiServer
    pods: Pods
    daemon: Daemon
    envoy: EnvoyProcess
    placeholders: Mapping[str, Any]

    def run(self, test: ConformanceTest) -> None:
        """Run a test, and remove what it made.

        Raises:
            AssertionError: a step did not come to what it wants; the message names the step.
        """
        reader = StatusReader(self.daemon, self.server, self.pods, CONTROLLER)
        run = Run(test, self.server, self.pods, reader, self.placeholders)
        before = self.server.snapshot()
        try:
            run.apply(objects(test.manifests))
            for step in test.steps:
                do(run, step)
            run.finish()
        finally:
            removed = self.server.restore(before)
            self.pods.reconcile()
            self._wait_gone(removed)
        self.daemon.assert_alive()
        self.envoy.assert_alive()

    def _wait_gone(self, removed: set[Key]) -> None:
        """The next test's first look must not see what this one left."""

        def are_gone() -> None:
            items = self.daemon.api("objects")["items"]
            shown = {
                Key(item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]) for item in items
            }
            left = sorted(str(key) for key in removed & shown)
            assert not left, f"{len(left)} are left: {left[:5]}"

        eventually(are_gone, "objects of the test to be gone")


@contextmanager
def running_site(
    base: Iterable[Path], directory: Path, envoy_binary: Path, settings: Mapping[str, Any]
) -> Iterator[Site]:
    """Start everything with the base objects, and end it.

    Args:
        base: files with the objects that there are in every test.
        directory: an empty one.
        envoy_binary: the Envoy.
        settings: more of the daemon's settings.
    """
    workspace = Workspace(directory / "workspace")
    gateways = networks.free_network()
    backends = Backends(networks.free_network(gateways))
    placeholders = _placeholders()
    server = ApiServer(workspace)
    pods = Pods(server, backends)
    files = {"paths": [str(workspace.routes)], "removalDelay": "0s"}
    pool = {"pool": [str(gateways)]}
    daemon = Daemon(workspace, {"sources": {"files": files}, "addresses": pool, **settings})
    envoy = EnvoyProcess(envoy_binary, daemon.bootstrap(CLASS), directory / "envoy")
    with backends:
        try:
            before = ConformanceTest("base", (), (), (), ())
            first = Run(before, server, pods, StatusReader(daemon, server, pods, CONTROLLER), placeholders)
            first.apply([_CLASS, *certificates.trust(), *objects(base)])
            daemon.start()
            envoy.start()
            envoy.wait_ready()
            yield Site(workspace.routes, server, pods, daemon, envoy, placeholders)
        finally:
            envoy.discard()
            daemon.discard()


def _placeholders() -> dict[str, Any]:
    usable = {"type": "IPAddress", "value": str(networks.free_address())}
    unusable = {"type": "IPAddress", "value": UNUSABLE_ADDRESS}
    return {
        "{GATEWAY_CLASS_NAME}": CLASS,
        "{GATEWAY_CONTROLLER_NAME}": CONTROLLER,
        "address PLACEHOLDER_USABLE_ADDRS": usable,
        "address PLACEHOLDER_UNUSABLE_ADDRS": unusable,
    }
