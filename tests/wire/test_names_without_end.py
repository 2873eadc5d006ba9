"""A stranger who asks for ever more names: its stream ends, it is told why, and that is logged once."""

from __future__ import annotations

import anyio
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from structlog.testing import capture_logs

from egxds.settings.daemon import XdsSettings
from egxds.settings.limits import XdsLimits
from egxds.telemetry import Metrics
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import ADS, NODE, envoy
from tests.wire.raw import framed, raw_client
from tests.wire.world import CDS, EDS, World

pytestmark = pytest.mark.anyio

LIMIT = "xds.limits.nameBytes"
STREAMS = 5
_PATIENCE_S = 20.0


def _asks(number: int) -> bytes:
    names = [f"{number * 100 + at:0100}" for at in range(100)]
    return framed(
        discovery_pb2.DeltaDiscoveryRequest(node=NODE, type_url=EDS, resource_names_subscribe=names).SerializeToString()
    )


async def test_names_without_end(world: World, metrics: Metrics) -> None:
    """RESOURCE_EXHAUSTED with the name of the setting; the Envoy beside is served."""
    limits = XdsLimits(nameBytes=35_000)
    server = XdsServer(XdsSettings(address="127.0.0.1:0", limits=limits), world.stores, world.status, metrics)
    await server.start()
    world.load({CDS: {"a": "1"}})
    with capture_logs() as lines:
        async with envoy(server.address) as good, raw_client(server.address) as stranger:
            stranger.h2.increment_flow_control_window(2**24)
            for _ in range(STREAMS):
                call = await stranger.open(ADS)
                for number in range(4):
                    await stranger.send(call, _asks(number))
                trailers = await stranger.trailers(call)
                assert trailers["grpc-status"] == "8"
                assert LIMIT in trailers["grpc-message"]
            assert (await good.gets(CDS, "a")).resources == {"a": "1"}
    assert [line["limit"] for line in lines if line["log_level"] == "warning"] == [LIMIT]
    assert metrics.xds_limited_total.labels(limit=LIMIT)._value.get() == STREAMS
    await server.drain(5)


def _asked(server: XdsServer) -> set[str]:
    return {each.type_url for client in server.clients.all() for each in client.session.status()}


async def test_what_is_reported_again_is_not_kept(server: XdsServer) -> None:
    """Not even while there is nothing to hold it against: only the first request of a type reports."""
    async with envoy(server.address) as stranger:
        for number in range(STREAMS):
            await stranger.ask(CDS, irv={f"a{number}": "1"})
        await stranger.ask(EDS, irv={"last": "1"})
        with anyio.fail_after(_PATIENCE_S):
            while EDS not in _asked(server):  # noqa: ASYNC110 a request that is not answered is told by nobody
                await anyio.sleep(0.01)
        (stream,) = server._ads._streams
    assert [request.initial_versions for request, _ in stream._newcomer._early] == [{"a0": "1"}, {"last": "1"}]
