"""One object in three places comes to the same: in the process, as a server of egxds, and asked as Envoy Gateway asks.

`pytest tests/golden --update-golden` writes what is expected anew; read the difference before you keep it.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from envoy.extensions.filters.http.buffer.v3.buffer_pb2 import Buffer
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds.extension import (
    Cluster,
    ClusterContext,
    ClusterLoadAssignment,
    EndpointsContext,
    Hooks,
    Listener,
    ListenerContext,
    Resources,
    Route,
    RouteContext,
    TranslationContext,
    VirtualHost,
    VirtualHostContext,
    add_http_filter,
    http_filter,
    service_cluster,
    set_response_header,
)
from egxds.extension.answers import Asked, Fault
from egxds.extension.asking import FunctionAsker
from egxds.extension.forms import Answer
from egxds.extension.functions import defined_functions
from egxds.extension.places import OwnFiles
from egxds.extension.server import ExtensionServer, ServerLimits
from egxds.hooks.policy.outcome import HookedGateway, Outcome
from egxds.hooks.run.runner import HookRunner
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import Hook
from egxds.telemetry import Metrics
from tests.golden.pipeline import plain, translations
from tests.revisions import listed
from tests.unit.extension.envoy_gateway import as_envoy_gateway
from tests.unit.hooks.extensions import manager
from tests.unit.translate.reading import as_dict

pytestmark = pytest.mark.anyio

CASE = Path(__file__).parent / "extension"
AUTH = [{"group": "example.io", "version": "v1", "kind": "Auth"}]


class Everything(Hooks):
    """Every hook, each with what its context knows under Envoy Gateway, too."""

    async def route(self, route: Route, context: RouteContext) -> Route:
        """Tell the rule, and what its object says."""
        set_response_header(route, "x-route", f"{context.rule} match {context.match} of {context.hostnames[0]}")
        set_response_header(route, "x-realm", context.resources[0]["spec"]["realm"])
        return route

    async def endpoints(self, endpoints: ClusterLoadAssignment, context: EndpointsContext) -> ClusterLoadAssignment:
        """Tell the rule."""
        endpoints.endpoints[0].locality.zone = str(context.rule)
        return endpoints

    async def cluster(self, cluster: Cluster, context: ClusterContext) -> Cluster:
        """Tell the object."""
        cluster.alt_stat_name = f"{context.resources[0]['metadata']['name']} at {context.rule}"
        return cluster

    async def virtual_host(self, host: VirtualHost, context: VirtualHostContext) -> VirtualHost:
        """Tell Gateway and listener."""
        assert context.listener is not None
        set_response_header(host, "x-host", f"{context.gateway} {context.listener.name} {' '.join(context.hostnames)}")
        return host

    async def http_listener(self, listener: Listener, context: ListenerContext) -> Listener:
        """Take small requests only; what is returned under another name is added."""
        small = Buffer(max_request_bytes=UInt32Value(value=1024))
        add_http_filter(listener, http_filter("envoy.filters.http.buffer", small))
        listener.stat_prefix = f"{context.gateway} {context.listeners[0].protocol}"
        listener.name = "added"
        listener.address.socket_address.port_value += 1
        return listener

    async def translation(self, resources: Resources, context: TranslationContext) -> Resources | None:
        """Add a cluster; what is not returned is gone."""
        resources.clusters.append(service_cluster("authz", "127.0.0.1:9000", http2=True))
        return resources


class AskedByEnvoyGateway:
    """Asks the functions with what Envoy Gateway's requests have."""

    def __init__(self, asker: FunctionAsker) -> None:
        self._asker = asker

    async def ask(self, hook: Hook, request: bytes, timeout_s: float) -> Answer | Fault:
        return await self._asker.ask(hook, as_envoy_gateway(hook, request), timeout_s)


@asynccontextmanager
async def in_process(_directory: Path) -> AsyncIterator[dict[str, Any]]:
    """Yield the `service` of the settings by which egxds calls the object itself."""
    yield {"python": f"{__name__}:Everything"}


@asynccontextmanager
async def served(directory: Path, *, by_envoy_gateway: bool = False) -> AsyncIterator[dict[str, Any]]:
    """Yield the `service` of the settings for a server of the object."""
    asker = FunctionAsker(defined_functions(Everything()), "hooks of a test", OwnFiles())
    asked: Asked = AskedByEnvoyGateway(asker) if by_envoy_gateway else asker
    server = ExtensionServer(asked, ServerLimits())
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(directory / "s"))
    await server.listen(bound)
    yield {"unix": {"path": str(directory / "s")}}
    await server.aclose()
    asker.close()


@asynccontextmanager
async def served_to_envoy_gateway(directory: Path) -> AsyncIterator[dict[str, Any]]:
    """Yield the `service` of the settings for a server that is asked as Envoy Gateway asks."""
    async with served(directory, by_envoy_gateway=True) as service:
        yield service


@pytest.mark.parametrize("place", [in_process, served, served_to_envoy_gateway])
async def test_one_object_comes_to_the_same_wherever_it_is(place: Any, tmp_path: Path, is_update: bool) -> None:
    """By the rules of Envoy Gateway: what each hook may change, add, and leave out."""
    (translation,) = translations((CASE / "in.yaml").read_text()).values()
    async with place(tmp_path) as service:
        hooked = await run(translation, service, tmp_path)
    assert (hooked.outcome, hooked.failures) == (Outcome.ACCEPTED, ())
    made = yaml.safe_dump(told(hooked), sort_keys=True, width=120)
    if is_update:
        (CASE / "published.yaml").write_text(made)
    assert made == (CASE / "published.yaml").read_text()


async def run(translation: GatewayTranslation, service: dict[str, Any], directory: Path) -> HookedGateway:
    """Take a Gateway through the hooks."""
    runner = HookRunner((manager(resources=AUTH, service=service, timeout="20s"),), Metrics(), directory)
    await runner.start()
    hooked = await runner.run(translation, None)
    await runner.aclose()
    return hooked


def told(hooked: HookedGateway) -> Any:
    """Return what is published, as plain data."""
    return plain([as_dict(each) for each in listed(hooked.resources)])
