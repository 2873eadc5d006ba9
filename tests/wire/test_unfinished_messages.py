"""Strangers who announce large messages and do not finish them: little is held, and an Envoy beside is served."""

from __future__ import annotations

import anyio
import pytest
from h2.exceptions import StreamClosedError

from egxds.settings.daemon import XdsSettings
from egxds.settings.limits import XdsLimits
from egxds.telemetry import Metrics
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import ADS, envoy
from tests.wire.raw import RawClient, framed, raw_client
from tests.wire.world import CDS, World

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
STREAMS = 20


async def _fill(client: RawClient, size: int) -> None:
    """Begin a message on many streams, and send of each what the server takes."""
    calls = [await client.open(ADS) for _ in range(STREAMS)]
    left = {call: framed(bytes(size - 1), size=size) for call in calls}
    while left:
        for call, rest in tuple(left.items()):
            sent = _send_some(client, call, rest)
            if sent is None or sent == len(rest):
                del left[call]
            else:
                left[call] = rest[sent:]
        await client.flush()
        await client.hear()


def _send_some(client: RawClient, call: int, data: bytes) -> int | None:
    """Send what the server takes of a call now; None where it has ended it."""
    try:
        room = min(client.h2.local_flow_control_window(call), client.h2.max_outbound_frame_size, len(data))
        if room > 0:
            client.h2.send_data(call, data[:room])
        return max(0, room)
    except StreamClosedError:
        return None


@pytest.mark.parametrize("stall_s", [0.5, 60.0], ids=["given up soon", "held as long as there is room"])
async def test_who_does_not_finish_is_no_burden(world: World, metrics: Metrics, stall_s: float) -> None:
    """What is held stays within its limit, and an Envoy that comes back with much to say is taken in."""
    limits = XdsLimits(receiveBytes=4 * MIB, messageTimeout=stall_s)
    settings = XdsSettings(address="127.0.0.1:0", maxReceiveMessageSize=4 * MIB, limits=limits)
    server = XdsServer(settings, world.stores, world.status, metrics)
    await server.start()
    world.load({CDS: {"a": "1"}})
    async with raw_client(server.address) as stranger, anyio.create_task_group() as tasks:
        tasks.start_soon(_fill, stranger, 3 * MIB)
        async with envoy(server.address) as good:
            with anyio.fail_after(20):
                await good.ask(CDS, irv={f"a cluster by the number {number}": "1" for number in range(5000)})
                assert (await good.told()).resources == {"a": "1"}
        held = metrics.registry.get_sample_value("egxds_xds_unfinished_request_bytes")
        assert held is not None
        assert held <= 4 * MIB
        tasks.cancel_scope.cancel()
    await server.drain(5)
