"""Strangers who do not read their sockets: little waits for them, and an Envoy beside is served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from h2.settings import SettingCodes

from egxds.settings.daemon import XdsSettings
from egxds.settings.limits import XdsLimits
from egxds.telemetry import Metrics
from egxds.wire.grpc.connection_settings import WRITE_BUFFER_BYTES
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import ADS, NODE
from tests.wire.raw import RawClient, framed
from tests.wire.world import RDS, World

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
STRANGERS = 20
PART_BYTES = 64 * 1024
SERVED_S = 15


@asynccontextmanager
async def _connected(path: Path) -> AsyncIterator[RawClient]:
    """Connect by a Unix socket: the kernel holds little for it, and never gives up who does not read."""
    async with await anyio.connect_unix(path) as connection:
        client = RawClient(connection)
        client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**30})
        client.h2.increment_flow_control_window(2**30)
        yield client


async def _ask(client: RawClient, name: str) -> None:
    request = discovery_pb2.DeltaDiscoveryRequest(node=NODE, type_url=RDS, resource_names_subscribe=[name])
    await client.send(await client.open(ADS), framed(request.SerializeToString()))


async def test_who_does_not_read_its_socket(world: World, metrics: Metrics, tmp_path: Path) -> None:
    """Connections are ended and counted, those that took nothing for longest first; one that reads gets everything."""
    path = tmp_path / "xds.sock"
    limits = XdsLimits(unwrittenBytes=MIB)
    server = XdsServer(XdsSettings(address=f"unix:{path}", limits=limits), world.stores, world.status, metrics)
    await server.start()
    world.load({RDS: {"r": "x" * MIB}})
    async with AsyncExitStack() as stack:
        for _ in range(STRANGERS):
            await _ask(await stack.enter_async_context(_connected(path)), "r")
        limited = metrics.xds_limited_total.labels(limit="xds.limits.unwrittenBytes")
        with anyio.fail_after(SERVED_S):
            while not limited._value.get():  # noqa: ASYNC110 until all have been written to
                await anyio.sleep(0.01)
        held = metrics.registry.get_sample_value("egxds_xds_unwritten_bytes")
        assert held is not None
        assert held <= MIB + WRITE_BUFFER_BYTES + PART_BYTES
        good = await stack.enter_async_context(_connected(path))
        await _ask(good, "r")
        received = 0
        with anyio.fail_after(SERVED_S):
            while received < MIB:
                before = len(good.seen)
                await good.hear()
                received += sum(len(getattr(event, "data", b"")) for event in good.seen[before:])
        assert limited._value.get() < STRANGERS
    with anyio.fail_after(SERVED_S):
        while metrics.registry.get_sample_value("egxds_xds_unwritten_bytes"):  # noqa: ASYNC110 until all are seen gone
            await anyio.sleep(0.01)
    await server.drain(5)
