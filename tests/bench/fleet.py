"""Replicas that follow one etcd, with a crowd of simulated Envoys at each."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from egxds import names
from tests.bench import documents, process_figures
from tests.bench.changes import next_word
from tests.bench.crowd_handle import CrowdHandle, first_requests
from tests.bench.parameters import Parameters
from tests.bench.published_files import PublishedFiles
from tests.bench.site import MeasuredDaemon
from tests.envoy.workspace import Workspace

REPLICAS = 3
GATEWAY = "default/web-0"
"""Which all Envoys follow; the routes of others are beside it."""

_EDITED = 0


def wanted(routes: int) -> dict[str, tuple[str, ...]]:
    """Return what an Envoy subscribes: type URL → names; without endpoints its clusters would be waited for."""
    services = tuple(f"httproute/default/route-{at}/rule/0" for at in range(min(routes, documents.ROUTES_EACH)))
    return {
        names.CLUSTER: (),
        names.ENDPOINT: services,
        names.LISTENER: (),
        names.ROUTE_CONFIGURATION: (f"{GATEWAY}/http",),
    }


class MeasuredFleet:
    """Entering it publishes the routes, starts the replicas, and has the Envoys connect.

    Attributes:
        published: what is in etcd.
        first_bytes: written to etcd when all of it was published.
        replicas: those that run.
        alone_mib: resident memory of the last of them before an Envoy came.
    """

    def __init__(self, root: Path, parameters: Parameters, routes: int) -> None:
        """Prepare.

        Args:
            root: an empty directory.
            parameters: say how many Envoys each replica has.
            routes: how many there are.
        """
        (root / "etcd").mkdir()
        self.published = PublishedFiles(root / "etcd")
        self.first_bytes = 0
        self.replicas: list[MeasuredDaemon] = []
        self.alone_mib = 0.0
        self._root = root
        self._parameters = parameters
        self._routes = routes
        self._crowds: list[CrowdHandle] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.published)
            self.first_bytes = self.published.publish_documents(documents.full_gateways(self._routes))
            for number in range(REPLICAS):
                self.replicas.append(self._replica(number))
                stack.callback(self.replicas[-1].kill)
                self.replicas[-1].start()
            self.alone_mib = process_figures.settled_mib(self.replicas[-1].pid)
            ports = [replica.xds_port for replica in self.replicas]
            for port in ports:
                crowd = stack.enter_context(CrowdHandle())
                self._crowds.append(crowd)
                crowd.expect(names.ROUTE_CONFIGURATION, self._parameters.clients)
                others = [other for other in ports if other != port]
                requests = first_requests(GATEWAY, wanted(self._routes))
                crowd.connect(port, self._parameters.clients, requests, others=others)
                crowd.wait_last()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def envoys(self) -> int:
        """How many there are of all."""
        return len(self._crowds) * self._parameters.clients

    @property
    def pids(self) -> Sequence[int]:
        """Of the replicas that run."""
        return [replica.pid for replica in self.replicas]

    def settle(self) -> None:
        """Wait until no replica has anything to do."""
        for pid in self.pids:
            process_figures.settle(pid)

    def cpu_s(self) -> list[float]:
        """Return what each replica has spent so far."""
        return [process_figures.cpu_s(pid) for pid in self.pids]

    def publish_edit(self) -> tuple[float, float]:
        """Publish one edit of a route; return when that began, and when the last Envoy had it."""
        word = next_word()
        for crowd in self._crowds:
            crowd.expect(names.ROUTE_CONFIGURATION, self._parameters.clients, word.encode())
        began = self.published.publish(f"route-{_EDITED}", documents.route_of_full_gateway(_EDITED, word))
        with ThreadPoolExecutor() as waiting:
            return began, max(waiting.map(CrowdHandle.wait_last, self._crowds))

    def kill_one(self) -> None:
        """End a replica as by a crash."""
        self.replicas.pop(0).kill()

    def _replica(self, number: int) -> MeasuredDaemon:
        workspace = Workspace(self._root / f"replica-{number}")
        return MeasuredDaemon(workspace, self._parameters, self.published.settings)
