"""What the server does about clients that are idle, slow, half-open or gone."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Iterator

import anyio
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from grpclib.const import Status
from h2.events import (
    DataReceived,
    PingAckReceived,
    PingReceived,
    ResponseReceived,
    StreamReset,
)
from h2.settings import SettingCodes

from egxds.grpc.receive_budget import ReceiveBudget
from egxds.grpc.send_budget import SendBudget
from egxds.sessions.open_streams import Clients
from egxds.settings.limits import XdsLimits
from egxds.telemetry import Metrics
from egxds.wire.grpc.arrivals import Entrance
from egxds.wire.grpc.connection_settings import KEEPALIVE_TIME_S, KEEPALIVE_TIMEOUT_S, configuration
from egxds.wire.grpc.limiter import Limiter
from egxds.wire.grpc.server import XdsServer
from egxds.wire.grpc.server_transport import DrainableServer
from egxds.wire.listen import bind
from egxds.wire.xds.admission import Admission
from egxds.wire.xds.ads import AdsContext, AdsService
from egxds.wire.xds.door import Door
from egxds.wire.xds.refused_clients import RefusedClients
from egxds.wire.xds.strangers import Strangers
from tests.wire.client import ADS, NODE, Envoy, Told, connected, envoy, stream
from tests.wire.raw import framed, raw_client
from tests.wire.world import CDS, RDS, World, described

pytestmark = pytest.mark.anyio

SMALL = 1024 * 1024


def request(**fields: object) -> bytes:
    """Return an encoded request."""
    return bytes(discovery_pb2.DeltaDiscoveryRequest(node=NODE, **fields).SerializeToString())


# Idle connections


def _doors() -> tuple[Limiter, Strangers]:
    """Return what a server has beside its services."""
    return Limiter(XdsLimits(), Metrics()), Strangers(Metrics())


def _open_door() -> Door:
    """Return a door without rules."""
    return Door(Admission(None), RefusedClients(Metrics()))


def _ads(world: World, metrics: Metrics, clients: Clients) -> AdsService:
    budget = ReceiveBudget(SMALL, 10)
    told = (clients, Strangers(metrics), metrics)
    context = AdsContext(world.stores, world.status, *told, SMALL, budget, SendBudget(SMALL), print, _open_door())
    return AdsService(context)


@pytest.mark.rule(111)
def test_a_dead_client_is_found_within_a_minute() -> None:
    """A probe and the wait for its answer together take less than a minute, for ever."""
    settings = configuration()
    assert KEEPALIVE_TIME_S + KEEPALIVE_TIMEOUT_S < 60
    assert settings._http2_max_pings_without_data == 0
    assert settings._http2_min_sent_ping_interval_without_data < KEEPALIVE_TIME_S
    assert settings._keepalive_permit_without_calls


@pytest.mark.rule(111)
async def test_idle_stream_is_probed_again_and_again() -> None:
    """A connection without data is probed more often than the twice that grpclib would."""
    bound = await bind("xds.address", "127.0.0.1:0")
    server = DrainableServer([], configuration(keepalive_time_s=0.02), *_doors())
    await server.listen(bound.socket, Entrance(RefusedClients(Metrics())))
    probes = iter(range(5))
    async with raw_client(str(bound.address)) as client:
        await client.flush()
        await client.wait_for(lambda event: isinstance(event, PingReceived) and next(probes) == 4)
    await server.drain(5)


@pytest.mark.rule(111)
async def test_half_open_client_is_let_go(world: World, metrics: Metrics) -> None:
    """A client that neither reads nor answers, as one whose host is gone, is noticed by a probe; its stream ends."""
    world.load({CDS: {"a": "1"}})
    clients = Clients()
    ads = AdsService(
        AdsContext(
            world.stores,
            world.status,
            clients,
            Strangers(metrics),
            metrics,
            SMALL,
            ReceiveBudget(SMALL, 10),
            SendBudget(SMALL),
            print,
            _open_door(),
        )
    )
    bound = await bind("xds.address", "127.0.0.1:0")
    server = DrainableServer(
        [ads],
        configuration(keepalive_time_s=0.2, keepalive_timeout_s=0.2),
        Limiter(XdsLimits(), Metrics()),
        Strangers(Metrics()),
    )
    await server.listen(bound.socket, Entrance(RefusedClients(Metrics())))
    async with raw_client(str(bound.address)) as client:
        call = await client.open(ADS)
        await client.send(call, framed(request(type_url=CDS)))
        await client.wait_for(lambda event: isinstance(event, DataReceived))
        with anyio.fail_after(20):
            while described(clients):
                await anyio.wait_all_tasks_blocked()
    assert not world.store._subscribers
    await server.drain(5)


@pytest.mark.rule(111)
async def test_client_that_answers_is_kept(world: World, metrics: Metrics) -> None:
    """The same probes end nothing where they are answered."""
    world.load({CDS: {"a": "1"}})
    ads = AdsService(
        AdsContext(
            world.stores,
            world.status,
            Clients(),
            Strangers(metrics),
            metrics,
            SMALL,
            ReceiveBudget(SMALL, 10),
            SendBudget(SMALL),
            print,
            _open_door(),
        )
    )
    bound = await bind("xds.address", "127.0.0.1:0")
    server = DrainableServer(
        [ads],
        configuration(keepalive_time_s=0.05, keepalive_timeout_s=5),
        Limiter(XdsLimits(), Metrics()),
        Strangers(Metrics()),
    )
    await server.listen(bound.socket, Entrance(RefusedClients(Metrics())))
    probes = iter(range(5))
    async with raw_client(str(bound.address)) as client:
        call = await client.open(ADS)
        await client.send(call, framed(request(type_url=CDS)))
        await client.wait_for(lambda event: isinstance(event, PingReceived) and next(probes) == 4)
        served = sum(isinstance(event, DataReceived) for event in client.seen)
        world.set({CDS: {"a": "2"}})
        frames = iter(range(1, served + 2))
        await client.wait_for(lambda event: isinstance(event, DataReceived) and next(frames) > served)
    await server.drain(5)


@pytest.mark.rule(111)
async def test_probe_of_the_client_is_answered(server: XdsServer) -> None:
    """Envoy probes too, and closes what does not answer."""
    async with raw_client(server.address) as client:
        client.h2.ping(b"question")
        await client.flush()
        await client.wait_for(lambda event: isinstance(event, PingAckReceived))


# Slow clients


@pytest.mark.rule(110)
async def test_client_that_takes_nothing_is_reset(
    server: XdsServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A response of which nothing is taken for long ends the stream; those on the same connection go on."""
    monkeypatch.setattr("egxds.wire.xds.ads.SEND_STALL_S", 0.2)
    world.load({CDS: {"a": "1"}, RDS: {"big": "x" * 100_000}})
    async with raw_client(server.address) as client:
        stalled = await client.open(ADS)
        await client.send(stalled, framed(request(type_url=RDS, resource_names_subscribe=["big"])))
        await client.wait_for(lambda event: isinstance(event, StreamReset) and event.stream_id == stalled)
        other = await client.open(ADS)
        await client.wait_for(lambda event: isinstance(event, ResponseReceived) and event.stream_id == other)
    with anyio.fail_after(20):
        while described(server.clients):
            await anyio.wait_all_tasks_blocked()


@pytest.mark.rule(110)
async def test_connection_that_takes_nothing_is_closed(
    server: XdsServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the client does not even read the socket, a reset cannot be written either."""
    monkeypatch.setattr("egxds.wire.xds.ads.SEND_STALL_S", 0.2)
    monkeypatch.setattr("egxds.grpc.messages._RESET_LIMIT_S", 0.2)
    world.load({RDS: {"big": "x" * 50_000_000}})
    async with raw_client(server.address) as client:
        client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1})
        client.h2.increment_flow_control_window(2**31 - 1 - 65_535)
        stalled = await client.open(ADS)
        await client.send(stalled, framed(request(type_url=RDS, resource_names_subscribe=["big"])))
        with anyio.fail_after(20):
            while not described(server.clients):
                await anyio.wait_all_tasks_blocked()
            while described(server.clients):
                await anyio.wait_all_tasks_blocked()


@pytest.fixture
def memory() -> Iterator[None]:
    """Trace allocations."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


async def fill(one: Envoy) -> Told:
    """Subscribe to a resource that is larger than the client's window, and read the answer."""
    await one.ask(RDS, ["big"])
    return await one.told()


@pytest.mark.rule(109)
@pytest.mark.usefixtures("memory")
async def test_slow_client(server: XdsServer, world: World) -> None:
    """A client that does not read costs one response, delays nobody, and gets the newest state when it reads."""
    world.load({RDS: {"big": "x" * 100_000}})
    async with envoy(server.address, window=65_535) as slow, envoy(server.address) as other:
        await fill(slow)
        await fill(other)
        await slow.ack(RDS)
        await other.ack(RDS)
        world.set({RDS: {"big": "0" * 100_000}})
        assert (await other.told()).resources == {"big": "0" * 100_000}
        await other.ack(RDS)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(1, 1001):
            word = f"{number:04}" * 25_000
            world.set({RDS: {"big": word}})
            assert (await other.told()).resources == {"big": word}
            await other.ack(RDS)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        assert after - before < 2_000_000
        assert (await slow.told()).resources == {"big": "0" * 100_000}
        await slow.ack(RDS)
        assert (await slow.told()).resources == {"big": "1000" * 25_000}
        await slow.ack(RDS)
        assert await slow.is_told_nothing()


# Nothing is left behind


async def visit(address: str, number: int) -> None:
    """Connect, be served, and leave in one of the ways in which clients leave."""
    async with connected(address) as channel, stream(channel) as one:
        await one.ask(CDS, node=NODE)
        await one.told()
        if number % 3 == 0:
            await one.hang_up()
            assert await one.end() == (Status.OK, "")
        elif number % 3 == 1:
            await one.ask("")
            assert (await one.end())[0] is Status.INVALID_ARGUMENT


@pytest.mark.rule(8)
@pytest.mark.usefixtures("memory")
async def test_a_thousand_visits_leave_nothing(server: XdsServer, world: World, metrics: Metrics) -> None:
    """No task, stream, subscription or memory outlives its client, whether it half-closes, errs or hangs up."""
    world.load({CDS: {"a": "1"}})
    baseline = len(asyncio.all_tasks())
    sizes = []
    for start in range(0, 1000, 50):
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
        async with anyio.create_task_group() as visits:
            for number in range(start, start + 50):
                visits.start_soon(visit, server.address, number)
    with anyio.fail_after(20):
        while len(asyncio.all_tasks()) > baseline or described(server.clients):
            await anyio.wait_all_tasks_blocked()
    gc.collect()
    assert tracemalloc.get_traced_memory()[0] - sizes[10] < 500_000
    assert not world.store._subscribers
    assert metrics.registry.get_sample_value("egxds_xds_connected_clients") == 0
