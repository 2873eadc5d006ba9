"""Measures one change of one route among many, through egxds and through the floor."""

from __future__ import annotations

import asyncio
import http.client
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import grpc.aio  # type: ignore[import-untyped]
from envoy.service.discovery.v3 import discovery_pb2

from egxds import names
from egxds.app.bootstrap import bootstrap
from egxds.app.envoy import find_envoy
from egxds.app.pipeline import Pipeline
from egxds.files.reading.content import Scan
from egxds.settings.daemon import Settings
from tests.bench.floor import Bodies, FloorServer
from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.workspace import Workspace
from tests.ports import free_port

CHANGES = 15
CONTENT = "x-content"
GATEWAY = "default/web"
ROUTE_CONFIGURATION = f"{GATEWAY}/http"
EDITED = 0
_METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"


@dataclass(frozen=True)
class Measured:
    """Medians, in seconds."""

    wire: float
    served: float
    floor: float


class Routes:
    """Many routes, one file each, of which one is edited again and again."""

    def __init__(self, workspace: Workspace, count: int, backend_port: int) -> None:
        self.port = free_port()
        self._workspace = workspace
        workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(self.port)))
        workspace.write("backend.yaml", manifests.backend("echo", backend_port))
        for index in range(count):
            self.edit(index, "first")

    def edit(self, index: int, content: str) -> None:
        """Save one route, whose answers carry the content in a header."""
        modifier = {"set": [{"name": CONTENT, "value": content}]}
        rule = {
            "filters": [{"type": "ResponseHeaderModifier", "responseHeaderModifier": modifier}],
            "backendRefs": [manifests.backend_ref("echo")],
        }
        route = manifests.http_route(f"route-{index}", host(index), "echo", rules=[rule])
        self._workspace.write(f"route-{index}.yaml", route)


def host(index: int) -> str:
    """Return the hostname of a route."""
    return f"h{index}.example.com"


async def measure(directory: Path, count: int) -> Measured:
    """Measure with this many routes."""
    workspace = Workspace(directory / "egxds")
    with EchoBackend() as backend:
        routes = Routes(workspace, count, backend.port)
        wire, served = await _through_egxds(workspace, routes, directory)
        floor = await _through_floor(workspace, routes, directory)
    return Measured(statistics.median(wire), statistics.median(served), statistics.median(floor))


async def _through_egxds(workspace: Workspace, routes: Routes, directory: Path) -> tuple[list[float], list[float]]:
    wire, served = [], []
    with _running(Daemon(workspace)) as daemon:
        await asyncio.to_thread(daemon.start)
        with await _envoy(daemon.bootstrap(), directory / "envoy"):
            await _until_served(routes.port, "first")
            async with _Watcher(daemon.settings["xds"]["address"]) as watcher:
                for change in range(CHANGES):
                    content = f"change-{change}"
                    begun = time.perf_counter()
                    routes.edit(EDITED, content)
                    arrived, answered = await asyncio.gather(watcher.next(), _until_served(routes.port, content))
                    wire.append(arrived - begun)
                    served.append(answered - begun)
    return wire, served


async def _through_floor(workspace: Workspace, routes: Routes, directory: Path) -> list[float]:
    settings = Settings.model_validate({"sources": {"files": {"paths": [str(workspace.routes)]}}})
    pipeline = Pipeline(settings, workspace.root)
    resources = _translate(pipeline)
    floor = FloorServer(resources)
    await floor.start()
    measured = []
    xds = {"address": f"127.0.0.1:{floor.port}"}
    started = bootstrap(settings.model_copy(update={"xds": settings.xds.model_copy(update=xds)}), GATEWAY, "floor", 0)
    try:
        with await _envoy(started, directory / "floor-envoy"):
            for change in range(CHANGES):
                content = f"floor-{change}"
                routes.edit(EDITED, content)
                frame = floor.frame(names.ROUTE_CONFIGURATION, _translate(pipeline)[names.ROUTE_CONFIGURATION])
                begun = time.perf_counter()
                floor.push(frame)
                measured.append(await _until_served(routes.port, content) - begun)
    finally:
        await floor.stop()
    return measured


def _translate(pipeline: Pipeline) -> dict[str, Bodies]:
    (gateway,) = pipeline.run(Scan.ALL).translations.values()
    configurations = [configuration.resource() for configuration in gateway.route_configurations.values()]
    everything = (*gateway.listeners.values(), *configurations, *gateway.clusters.values(), *gateway.endpoints.values())
    found: dict[str, Bodies] = {}
    for resource in everything:
        found.setdefault(resource.type_url, {})[resource.name] = resource.body
    return found


class _Watcher:
    """A client that only looks when RDS responses arrive."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.aio.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])

    async def __aenter__(self) -> Self:
        request = discovery_pb2.DeltaDiscoveryRequest
        stream = self._channel.stream_stream(
            _METHOD,
            request_serializer=request.SerializeToString,
            response_deserializer=discovery_pb2.DeltaDiscoveryResponse.FromString,
        )
        self._call = stream()
        node: Any = {"id": "watcher", "cluster": GATEWAY}
        first = request(type_url=names.ROUTE_CONFIGURATION, node=node, resource_names_subscribe=[ROUTE_CONFIGURATION])
        await self._call.write(first)
        await self.next()
        return self

    async def next(self) -> float:
        """Return when the next response arrived, and acknowledge it."""
        response = await self._call.read()
        arrived = time.perf_counter()
        acknowledgement = discovery_pb2.DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
        await self._call.write(acknowledgement)
        return arrived

    async def __aexit__(self, *_: object) -> None:
        self._call.cancel()
        await self._channel.close()


async def _until_served(port: int, content: str) -> float:
    """Return when the edited route first answered with the content."""
    return await asyncio.to_thread(_poll, port, content)


def _poll(port: int, content: str) -> float:
    give_up_at = time.perf_counter() + 60.0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10.0)
    try:
        while time.perf_counter() < give_up_at:
            connection.request("GET", "/", headers={"Host": host(EDITED)})
            response = connection.getresponse()
            response.read()
            if response.headers.get(CONTENT) == content:
                return time.perf_counter()
    finally:
        connection.close()
    raise TimeoutError(f"Envoy does not serve {content}")


@contextmanager
def _running(daemon: Daemon) -> Iterator[Daemon]:
    with ExitStack() as stack:
        stack.callback(daemon.kill)
        yield daemon


async def _envoy(config: dict[str, object], directory: Path) -> ExitStack:
    envoy = EnvoyProcess(find_envoy(None), config, directory)
    stack = ExitStack()
    stack.callback(envoy.kill)
    await asyncio.to_thread(envoy.start)
    await asyncio.to_thread(envoy.wait_ready)
    return stack
