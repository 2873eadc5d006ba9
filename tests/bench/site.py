"""A daemon with its files, an Envoy that it serves, and the floor: another Envoy, served ready-made bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from envoy.config.listener.v3 import listener_pb2

from egxds import names
from egxds.app.client_tls import XdsConnection
from egxds.app.envoy import find_envoy
from tests.bench import documents
from tests.bench.bare_server import BareServer, Bodies
from tests.bench.delta_client import DeltaClient, Versions
from tests.bench.files import WatchedFiles
from tests.bench.parameters import Layout, Parameters
from tests.bench.probes import until_answered
from tests.envoy.backend import EchoBackend
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

READY_LIMIT_S = 900.0


class MeasuredDaemon(Daemon):
    """The daemon as users run it: its log says what matters, and goes to a file."""

    starts_warm = False

    def __init__(self, workspace: Workspace, parameters: Parameters, settings: Mapping[str, Any]) -> None:
        """Describe it.

        Args:
            workspace: beside whose routes its log and settings lie.
            parameters: say which egxds it is.
            settings: keys that are added to those of every run.
        """
        super().__init__(workspace, {"logging": {"level": "info", "format": "json"}, **settings})
        self._egxds = parameters.command

    @property
    def command(self) -> list[str]:
        if self._egxds is None:
            return super().command
        return [*self._egxds, "serve", "-c", str(self.settings_path)]

    @property
    def xds_port(self) -> int:
        """Where Envoys and clients connect."""
        return _port(self.settings["xds"]["address"])

    @property
    def admin_port(self) -> int:
        """Where the health probe asks."""
        return _port(self.settings["admin"]["address"])

    def wait_ready(self) -> None:
        wait_for(self._is_ready, "the daemon to be ready", READY_LIMIT_S)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


@dataclass(frozen=True)
class Shape:
    """What a site is made of.

    Attributes:
        documents: makes its documents, of a number of routes, the Gateway's two ports and the backend's.
        selector: what its clients ask for.
        wanted: makes what they subscribe by name, of the number of routes.
    """

    documents: Callable[[int, int, int, int], dict[str, str]]
    selector: str
    wanted: Callable[[int], dict[str, tuple[str, ...]]]


def _of_one_gateway(_count: int) -> dict[str, tuple[str, ...]]:
    return {names.ROUTE_CONFIGURATION: (documents.HTTP, documents.HTTPS), names.SECRET: (documents.SECRET,)}


def _of_many_gateways(count: int) -> dict[str, tuple[str, ...]]:
    return {names.ROUTE_CONFIGURATION: tuple(f"default/web-{i}/http" for i in range(count))}


ROUTES = Shape(documents.routes, documents.GATEWAY, _of_one_gateway)
PATHS = Shape(documents.paths, documents.GATEWAY, _of_one_gateway)
GATEWAYS = Shape(documents.gateways, documents.CLASS, _of_many_gateways)


class Site:
    """Entering it starts the daemon; Envoys are started when they are asked for.

    Attributes:
        files: what the daemon reads.
        daemon: the daemon.
        clusters: how many there are at the start.
        http_port: of the Gateway, where Envoy serves.
        https_port: the same for TLS.
        other_backend_port: of a backend that is not the one that is referred to.
    """

    def __init__(
        self,
        root: Path,
        parameters: Parameters,
        size: int,
        layout: Layout = Layout.EACH,
        settings: Mapping[str, Any] | None = None,
        shape: Shape = ROUTES,
    ) -> None:
        """Write the files.

        Args:
            root: an empty directory.
            parameters: say which egxds to start.
            size: number of routes.
            layout: how they lie in files.
            settings: more keys of the settings file.
            shape: routes with a hostname each, or else.
        """
        backend, other = EchoBackend("first"), EchoBackend("other")
        self._backends = (backend, other)
        self.http_port, self.https_port = free_port(), free_port()
        self.other_backend_port = other.port
        self.backend_port = backend.port
        written = shape.documents(size, self.http_port, self.https_port, backend.port)
        workspace = Workspace(root)
        self.files = WatchedFiles(workspace, layout, written)
        self.clusters = size
        self._shape = shape
        self._root = root
        self.daemon = MeasuredDaemon(workspace, parameters, settings or {})
        self._envoy: EnvoyProcess | None = None
        self._floor: Floor | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for backend in self._backends:
                stack.enter_context(backend)
            stack.callback(self.daemon.kill)
            self.daemon.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def client(self, known: Versions | None = None, node: str = "bench") -> DeltaClient:
        """Return a bare client of everything."""
        wanted = self._shape.wanted(self.clusters)
        return DeltaClient(self.daemon.xds_port, self._shape.selector, wanted, known, node)

    def envoy(self) -> EnvoyProcess:
        """Return the Envoy that the daemon serves, once it serves."""
        if self._envoy is None:
            self._envoy = self._start_envoy("egxds", self.daemon.xds_port)
            until_routed(self.http_port)
        return self._envoy

    def resources(self) -> Bodies:
        """Return everything that the daemon serves."""
        with self.client() as client:
            client.wait_whole(self.clusters)
        return client.held.bodies

    def floor(self) -> Floor:
        """Return the floor, once its Envoy serves."""
        if self._floor is None:
            bodies = self.resources()
            ports = {self.http_port: free_port(), self.https_port: free_port()}
            bodies[names.LISTENER] = {name: _moved(body, ports) for name, body in bodies[names.LISTENER].items()}
            server = self._stack.enter_context(BareServer(bodies))
            envoy = self._start_envoy("floor", server.port)
            self._floor = Floor(server, envoy, ports[self.http_port], ports[self.https_port])
            until_routed(self._floor.http_port)
        return self._floor

    def _start_envoy(self, name: str, xds_port: int) -> EnvoyProcess:
        config = self.daemon.bootstrap(documents.GATEWAY, name, XdsConnection(addresses=(f"127.0.0.1:{xds_port}",)))
        envoy = EnvoyProcess(find_envoy(None), config, self._root / name)
        self._stack.callback(envoy.kill)
        envoy.start()
        return envoy


def until_routed(port: int) -> float:
    """Return when an Envoy first had its routes, of `time.perf_counter`."""
    # Nothing else answers for an unknown host.
    return until_answered(port, documents.host("unknown"), "/", lambda answer: answer[0] == 404, READY_LIMIT_S)


@dataclass(frozen=True)
class Floor:
    """An Envoy behind a bare server.

    Attributes:
        server: what serves it.
        envoy: the Envoy.
        http_port: where it serves.
        https_port: the same for TLS.
    """

    server: BareServer
    envoy: EnvoyProcess
    http_port: int
    https_port: int


def _moved(body: bytes, ports: Mapping[int, int]) -> bytes:
    """Return a listener that binds another port."""
    listener: Any = listener_pb2.Listener.FromString(body)
    address = listener.address.socket_address
    address.port_value = ports.get(address.port_value, address.port_value)
    moved: bytes = listener.SerializeToString(deterministic=True)
    return moved
