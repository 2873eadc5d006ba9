"""What the server does where many clients want something at the same time."""

from __future__ import annotations

from contextlib import AsyncExitStack

import anyio
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from h2.settings import SettingCodes

from egxds.sessions.events import Response
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import ADS, NODE, Envoy, envoy
from tests.wire.raw import RawClient, framed, raw_client
from tests.wire.world import CDS, RDS, World, described

pytestmark = pytest.mark.anyio

LARGE = {f"httproute/default/route-{number}/rule/0": "f" * 32 for number in range(3_000)}
"""Versions of a reconnect that takes several looks at the socket."""


async def everybody(clients: AsyncExitStack, address: str, count: int) -> list[Envoy]:
    """Connect clients that follow all clusters."""
    return [await clients.enter_async_context(envoy(address)) for _ in range(count)]


async def test_a_change_is_encoded_once(server: XdsServer, world: World, encoded: list[Response]) -> None:
    """A change goes to all streams in the same bytes, also to those that have had more responses than others."""
    world.load({CDS: {"a": "1"}})
    async with AsyncExitStack() as clients:
        envoys = await everybody(clients, server.address, 40)
        for number, one in enumerate(envoys):
            for _ in range(1 + number % 3):
                await one.gets(CDS, ["a"])
        encoded.clear()
        world.set({CDS: {"a": "2"}})
        told = [await one.told() for one in envoys]
    assert [one.resources for one in told] == [{"a": "2"}] * 40
    assert len({one.nonce for one in told}) == 3
    assert len(encoded) == 1


async def asleep(clients: AsyncExitStack, address: str) -> None:
    """Ask for a large resource on a connection that is never read."""
    client = await clients.enter_async_context(raw_client(address))
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1})
    client.h2.increment_flow_control_window(2**31 - 1 - 65_535)
    await ask(client, discovery_pb2.DeltaDiscoveryRequest(type_url=RDS, resource_names_subscribe=["big"], node=NODE))


async def ask(client: RawClient, request: discovery_pb2.DeltaDiscoveryRequest) -> None:
    """Open a stream and write one request, as far as the windows that the client knows of let it."""
    call = await client.open(ADS)
    message = framed(request.SerializeToString())
    for at in range(0, min(len(message), 65_535), 16_000):
        await client.send(call, message[at : min(at + 16_000, 65_535)])


async def test_clients_that_do_not_read_delay_nobody(server: XdsServer, world: World) -> None:
    """Clients whose sockets are full are passed by; every other one is told of each change."""
    world.load({CDS: {"a": "1"}, RDS: {"big": "x" * 8_000_000}})
    async with AsyncExitStack() as clients:
        envoys = await everybody(clients, server.address, 20)
        for one in envoys:
            await one.gets(CDS)
        for _ in range(5):
            await asleep(clients, server.address)
        for version in "23456":
            world.set({CDS: {"a": version}, RDS: {"big": version * 8_000_000}})
            for one in envoys:
                assert (await one.told()).resources == {"a": version}
                await one.ack(CDS)


async def come_back(address: str, served: list[int]) -> None:
    """Reconnect with many versions, none of which is there any more."""
    async with envoy(address) as one:
        await one.ask(CDS, irv=LARGE)
        served.append(len((await one.told()).removed))


async def test_all_come_back_at_once(server: XdsServer, world: World) -> None:
    """Every one of many large reconnects is read whole and answered, though they arrive in pieces that interleave."""
    world.load({CDS: {"a": "1"}})
    served: list[int] = []
    async with anyio.create_task_group() as clients:
        for _ in range(40):
            clients.start_soon(come_back, server.address, served)
    assert served == [len(LARGE)] * 40


async def test_client_that_leaves_within_its_request(server: XdsServer, world: World) -> None:
    """A client that is gone before its large request was taken in leaves nothing behind."""
    world.load({CDS: {"a": "1"}})
    request = discovery_pb2.DeltaDiscoveryRequest(type_url=CDS, initial_resource_versions=LARGE, node=NODE)
    for _ in range(20):
        async with raw_client(server.address) as client:
            await ask(client, request)
    async with envoy(server.address) as one:
        assert (await one.gets(CDS)).resources == {"a": "1"}
    with anyio.fail_after(20):
        while described(server.clients):
            await anyio.wait_all_tasks_blocked()
    assert not world.store._subscribers
