"""A client that says much, or the same thing again and again: what is logged, kept and shown of it stays small."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from envoy.service.discovery.v3 import discovery_pb2
from grpclib.const import Status

from egxds.settings.daemon import XdsSettings
from egxds.settings.limits import XdsLimits
from egxds.telemetry import Metrics
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import ADS, NODE, connected, envoy, stream
from tests.wire.raw import raw_client
from tests.wire.world import CDS, World, described

pytestmark = pytest.mark.anyio

LONG = "n" * 1_000_000
LOG_BYTES = 100_000


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Return what the log is written to."""
    written = io.StringIO()
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(written),
    )
    yield written
    structlog.configure(**before)


def nodes_of(log: io.StringIO, event: str) -> list[str]:
    """Return whose lines of an event there are."""
    lines = map(json.loads, log.getvalue().splitlines())
    return [line["node"] for line in lines if line["event"] == event]


@pytest.fixture
async def patient(world: World, metrics: Metrics) -> AsyncIterator[XdsServer]:
    """A server that takes any number of frames."""
    limits = XdsLimits.model_validate({"framesPerSecond": 1_000_000})
    settings = XdsSettings(address="127.0.0.1:0", limits=limits)
    started = XdsServer(settings, world.stores, world.status, metrics)
    await started.start()
    yield started
    await started.drain(5)


async def test_ten_thousand_odd_requests_are_a_few_lines(patient: XdsServer, world: World, log: io.StringIO) -> None:
    """The log stays small, and says all about a good Envoy from the same address."""
    world.load({CDS: {"a": "1"}})
    says_much = {"id": LONG, "cluster": LONG, "user_agent_name": LONG}
    async with envoy(patient.address, says_much) as odd, envoy(patient.address, {**NODE, "id": "good"}) as good:
        for number in range(10_000):
            await odd.ask(CDS, sub=["", "a"], unsub=["a"], nonce=f"odd {number}")
        assert await odd.is_told_nothing()
        await good.gets(CDS)
        assert await good.is_told_nothing()
    assert len(log.getvalue()) < LOG_BYTES
    assert "good" in nodes_of(log, "session.open")
    assert "good" in nodes_of(log, "session.push")


async def test_a_client_that_reconnects_without_end_is_a_few_lines(server: XdsServer, log: io.StringIO) -> None:
    """Each time under a name of its own, or under the same."""
    async with connected(server.address) as channel:
        for number in range(300):
            async with stream(channel, ADS) as one:
                await one.ask(CDS, sub=["a"], node={"id": f"n{number % 150}", "cluster": "x"}, nonce="odd")
                await one.headers()
    assert len(log.getvalue()) < LOG_BYTES


async def test_a_client_that_is_cut_off_again_and_again_is_said_once(
    server: XdsServer, world: World, log: io.StringIO
) -> None:
    """With what it did wrong; a good one beside it has its lines."""
    world.load({CDS: {"a": "1"}})
    broken = discovery_pb2.DeltaDiscoveryRequest(node=NODE, type_url="x" * 2_000).SerializeToString()
    async with connected(server.address) as channel:
        for _ in range(100):
            async with stream(channel, ADS) as one:
                await one.send(broken)
                assert (await one.end())[0] is Status.INVALID_ARGUMENT
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["event"] for line in lines].count("session.refused") == 1
    assert [line["event"] for line in lines].count("session.close") == 1
    async with envoy(server.address, {**NODE, "id": "good"}) as good:
        await good.gets(CDS)
        assert await good.is_told_nothing()
    assert nodes_of(log, "session.open") == ["good"]
    assert "good" in nodes_of(log, "session.push")


async def test_a_long_node_is_cut_and_still_its_own(server: XdsServer, world: World) -> None:
    """What is shown of it says how long it was, and two that differ at their end are two."""
    world.load({})
    one, other = ({"id": LONG + end, "cluster": LONG, "user_agent_name": LONG} for end in "ab")
    async with envoy(server.address, one) as first, envoy(server.address, other) as second:
        assert await first.is_told_nothing()
        assert await second.is_told_nothing()
        shown = described(server.clients)
    assert len(json.dumps(shown)) < 5_000
    assert len({client["id"] for client in shown}) == 2
    assert all("…(1000001 bytes" in client["id"] for client in shown)


async def test_a_type_of_a_megabyte_is_refused(server: XdsServer, log: io.StringIO) -> None:
    """No type has such a name, and its state would be kept under it."""
    request = discovery_pb2.DeltaDiscoveryRequest(node={"id": "n1"}, type_url=LONG)
    async with connected(server.address) as channel, stream(channel, ADS) as one:
        await one.send(request.SerializeToString())
        status, message = await one.end()
    assert (status, message) == (Status.INVALID_ARGUMENT, "no type has a URL of 1000000 characters")
    assert len(log.getvalue()) < 1_000


async def test_calls_that_make_no_sense_are_one_traceback(server: XdsServer, caplog: pytest.LogCaptureFixture) -> None:
    """The library would log one for each; what it cannot read here is a header in base 64."""
    async with raw_client(server.address) as stranger:
        for _ in range(60):
            await stranger.open(ADS, {"name-bin": "A"})
        last = await stranger.open("/no/such")
        await stranger.trailers(last)
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) <= 1
