"""Strangers who ask for large responses and take nothing of them: little is held, and an Envoy beside is served."""

from __future__ import annotations

import anyio
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from h2.events import StreamReset

from egxds.settings.daemon import XdsSettings
from egxds.settings.limits import XdsLimits
from egxds.telemetry import Metrics
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import ADS, NODE, envoy
from tests.wire.raw import framed, raw_client
from tests.wire.world import CDS, RDS, World

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
STREAMS = 12
HONEST = 50
SERVED_S = 15


def _asks_for(name: str) -> bytes:
    request = discovery_pb2.DeltaDiscoveryRequest(node=NODE, type_url=RDS, resource_names_subscribe=[name])
    return framed(request.SerializeToString())


def _held(metrics: Metrics) -> float:
    held = metrics.registry.get_sample_value("egxds_xds_untaken_response_bytes")
    assert held is not None
    return held


async def test_who_takes_nothing_is_no_burden(world: World, metrics: Metrics) -> None:
    """Who took nothing for longest is reset and counted, until there is room for an Envoy that reads."""
    limits = XdsLimits(sendBytes=4 * MIB)
    server = XdsServer(XdsSettings(address="127.0.0.1:0", limits=limits), world.stores, world.status, metrics)
    await server.start()
    world.load({RDS: {f"r{number}": "x" * MIB for number in range(STREAMS + 1)}})
    async with raw_client(server.address) as stranger, envoy(server.address) as good:
        for number in range(STREAMS):
            call = await stranger.open(ADS)
            await stranger.send(call, _asks_for(f"r{number}"))
        reset = await stranger.wait_for(lambda event: isinstance(event, StreamReset))
        assert isinstance(reset, StreamReset)
        with anyio.fail_after(SERVED_S):
            told = await good.gets(RDS, [f"r{STREAMS}"])
        assert len(told.resources[f"r{STREAMS}"]) == MIB
        assert _held(metrics) <= 5 * MIB + 4096
    assert metrics.xds_limited_total.labels(limit="xds.limits.sendBytes")._value.get() >= 1
    with anyio.fail_after(SERVED_S):
        while _held(metrics):  # noqa: ASYNC110 until the server has seen that all have gone
            await anyio.sleep(0.01)
    await server.drain(5)


async def test_the_same_is_held_once(world: World, metrics: Metrics) -> None:
    """Streams that are sent the same share it, whatever their nonces: none has to go."""
    limits = XdsLimits(sendBytes=4 * MIB)
    server = XdsServer(XdsSettings(address="127.0.0.1:0", limits=limits), world.stores, world.status, metrics)
    await server.start()
    world.load({RDS: {"big": "x" * MIB}})
    async with raw_client(server.address) as stranger:
        for _ in range(STREAMS):
            stranger.queue_open(ADS)
        await stranger.flush()
        for call in range(1, 2 * STREAMS, 2):
            stranger.h2.send_data(call, _asks_for("big"))
        await stranger.flush()
        with anyio.fail_after(SERVED_S):
            while not _held(metrics):  # noqa: ASYNC110 until the server has begun to write
                await anyio.sleep(0.01)
            async with envoy(server.address) as good:
                assert (await good.gets(RDS, ["big"])).resources
        assert _held(metrics) <= 4 * MIB
    assert not metrics.xds_limited_total.labels(limit="xds.limits.sendBytes")._value.get()
    await server.drain(5)


async def test_honest_envoys_reach_no_limit(server: XdsServer, world: World, metrics: Metrics) -> None:
    """Many that come back at once, each with thousands of names and versions, are all answered; none is cut off."""
    names = [f"a cluster by the number {number}" for number in range(2000)]
    world.load({CDS: {"a": "1"}})
    answered = 0

    async def come_back() -> None:
        nonlocal answered
        async with envoy(server.address) as one:
            assert (await one.gets(CDS, irv=dict.fromkeys(names, "1"))).resources == {"a": "1"}
            answered += 1

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for _ in range(HONEST):
                tasks.start_soon(come_back)
    assert answered == HONEST
    limited = [sample for one in metrics.xds_limited_total.collect() for sample in one.samples if sample.value]
    assert not [sample for sample in limited if sample.name.endswith("_total")]
