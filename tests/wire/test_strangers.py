"""Clients that speak what is not served: each is told so, and whoever looks at the log is told once."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from typing import Any

import anyio
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from grpclib.const import Status
from h2.events import ResponseReceived
from structlog.testing import capture_logs

from egxds.telemetry import Metrics
from egxds.wire import repeated_lines
from egxds.wire.grpc.server import XdsServer
from egxds.wire.xds import strangers
from tests.wire.client import NODE, connected, envoy, stream
from tests.wire.raw import raw_client
from tests.wire.world import CDS, World

pytestmark = pytest.mark.anyio

ENVOY = {**NODE, "user_agent_name": "envoy"}
SOTW_ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
Logs = list[MutableMapping[str, Any]]


@pytest.fixture
def logs() -> Iterator[Logs]:
    """The lines of the log."""
    with capture_logs() as captured:
        yield captured


def lines(logs: Logs) -> Logs:
    """Return those about strangers."""
    return [line for line in logs if line["event"] == "session.not_served"]


async def visit(server: XdsServer, method: str, message: bytes) -> tuple[Status, str]:
    """Open a stream, send a message, and return how the stream ends."""
    async with connected(server.address) as channel, stream(channel, method) as one:
        await one.send(message)
        end: tuple[Status, str] = await one.end()
        return end


def state_of_the_world(**node: str) -> bytes:
    """Return the first request of a client that asks for the state of the world; in v2 it has the same form."""
    request = discovery_pb2.DiscoveryRequest(node={**ENVOY, **node}, resource_names=["*"], type_url=CDS)
    return bytes(request.SerializeToString())


def incremental() -> bytes:
    """Return the first request of an incremental client."""
    return bytes(discovery_pb2.DeltaDiscoveryRequest(node=ENVOY, type_url=CDS).SerializeToString())


DIALECTS = [
    pytest.param(SOTW_ADS, state_of_the_world(), "api_type: DELTA_GRPC", id="envoyproxy/envoy issue 8927: all types"),
    pytest.param(
        "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters",
        state_of_the_world(),
        "api_type: DELTA_GRPC",
        id="one type",
    ),
    pytest.param(
        "/envoy.service.discovery.v2.AggregatedDiscoveryService/StreamAggregatedResources",
        state_of_the_world(),
        "transport_api_version: V3",
        id="API v2",
    ),
    pytest.param(
        "/envoy.api.v2.ClusterDiscoveryService/DeltaClusters",
        incremental(),
        "transport_api_version: V3",
        id="envoyproxy/envoy issue 6237: incremental API v2",
    ),
    pytest.param(
        "/envoy.service.runtime.v3.RuntimeDiscoveryService/DeltaRuntime",
        incremental(),
        "take this service out",
        id="a type that is not served",
    ),
]


@pytest.mark.parametrize(("method", "message", "advice"), DIALECTS)
async def test_stranger_is_told_what_to_change(
    server: XdsServer, logs: Logs, method: str, message: bytes, advice: str
) -> None:
    """The stream ends with UNIMPLEMENTED; one line says who came, from where, and what to change."""
    status, text = await visit(server, method, message)
    assert (status, advice in text) == (Status.UNIMPLEMENTED, True)
    (line,) = lines(logs)
    assert (line["node"], line["cluster"], line["user_agent"]) == ("n1", "default/web", "envoy")
    assert (line["asked"], line["times"], line["log_level"]) == (method, 1, "warning")
    assert line["peer"].startswith("127.0.0.1:")
    assert advice in line["advice"]


async def test_type_of_v2_on_a_stream_of_v3(server: XdsServer, world: World, logs: Logs) -> None:
    """A client may speak v3, and ask for resources of v2."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as one:
        await one.ask("type.googleapis.com/envoy.api.v2.Cluster", node=ENVOY)
        assert await one.is_told_nothing()
    (line,) = lines(logs)
    assert (line["node"], line["asked"]) == ("n1", "type.googleapis.com/envoy.api.v2.Cluster")
    assert "resource_api_version: V3" in line["advice"]


async def test_who_comes_back_is_counted(
    server: XdsServer, logs: Logs, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Envoy comes back for ever: it is mentioned once, and after a while again, with the number of its visits."""
    for _ in range(5):
        await visit(server, SOTW_ADS, state_of_the_world())
    assert [line["times"] for line in lines(logs)] == [1]
    monkeypatch.setattr(server._strangers._lines, "_every_s", 0.0)
    await visit(server, SOTW_ADS, state_of_the_world())
    assert [line["times"] for line in lines(logs)] == [1, 5]
    await visit(server, SOTW_ADS, state_of_the_world(id="n2"))
    assert [line["node"] for line in lines(logs)] == ["n1", "n1", "n2"]
    assert metrics.registry.get_sample_value("egxds_xds_strangers_total", {"dialect": "sotw"}) == 7


async def test_a_fleet_fills_no_log(server: XdsServer, logs: Logs, metrics: Metrics) -> None:
    """Envoys with new names each time are mentioned up to a number, and counted beyond."""
    many = repeated_lines.MOST + 10
    for number in range(many):
        await visit(server, SOTW_ADS, state_of_the_world(id=f"n{number}"))
    assert len(lines(logs)) == repeated_lines.MOST
    assert metrics.registry.get_sample_value("egxds_xds_strangers_total", {"dialect": "sotw"}) == many


async def test_only_so_many_are_heard_at_once(server: XdsServer, logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are refused without being asked who they are."""
    monkeypatch.setattr(strangers, "MAX_HEARD", 0)
    assert (await visit(server, SOTW_ADS, state_of_the_world()))[0] is Status.UNIMPLEMENTED
    assert [line["node"] for line in lines(logs)] == [""]


async def test_what_a_stranger_says_is_cut(server: XdsServer, logs: Logs) -> None:
    """Neither the lines nor what is remembered grow with what strangers say (`test_repeated_lines`)."""
    for number in range(4):
        await visit(server, SOTW_ADS, state_of_the_world(id=f"{number}" * 10_000, user_agent_name="x" * 10_000))
    said = {line["user_agent"] for line in lines(logs)}
    assert said == {"x" * 128 + "…(10000 bytes)"}
    assert len({line["node"] for line in lines(logs)}) == 4


@pytest.mark.parametrize("message", [b"\xff\xff\xff", b"", b"\x12\x03\xff\xff\xff"])
async def test_stranger_that_says_nothing_of_use(server: XdsServer, logs: Logs, message: bytes) -> None:
    """What is no request names nobody."""
    assert (await visit(server, SOTW_ADS, message))[0] is Status.UNIMPLEMENTED
    assert [line["node"] for line in lines(logs)] == [""]


async def test_stranger_that_says_nothing(server: XdsServer, logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for."""
    monkeypatch.setattr(strangers, "PATIENCE_S", 0.01)
    async with connected(server.address) as channel, stream(channel, SOTW_ADS) as one:
        assert (await one.end())[0] is Status.UNIMPLEMENTED
    assert [line["node"] for line in lines(logs)] == [""]


def by_rest(**node: object) -> bytes:
    """Return a request as an Envoy writes it."""
    return json.dumps({"node": {**ENVOY, **node}, "resource_names": []}, separators=(",", ":")).encode()


@pytest.mark.parametrize("path", ["/v3/discovery:clusters", "/v2/discovery:listeners"])
async def test_rest_by_http2(server: XdsServer, logs: Logs, path: str) -> None:
    """It is answered 501, and the connection stays for others."""
    body = by_rest(metadata={"x": "y" * 50_000})
    async with raw_client(server.address) as client:
        number = client.h2.get_next_available_stream_id()
        fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "xds")]
        client.h2.send_headers(number, [*fields, ("content-length", str(len(body)))])
        for start in range(0, len(body), 16_384):
            client.h2.send_data(number, body[start : start + 16_384])
        await client.flush()
        event = await client.wait_for(lambda event: isinstance(event, ResponseReceived))
    assert isinstance(event, ResponseReceived)
    assert (":status", "501") in [(str(name), str(value)) for name, value in event.headers or ()]
    (line,) = lines(logs)
    assert (line["node"], line["cluster"], line["asked"]) == ("n1", "default/web", path)
    assert "api_type: DELTA_GRPC" in line["advice"]


async def test_rest_by_http1(server: XdsServer, logs: Logs) -> None:
    """The connection is closed, since HTTP/1 is not spoken here."""
    body = by_rest(id="n" * 1000)
    host, _, port = server.address.rpartition(":")
    async with await anyio.connect_tcp(host, int(port)) as connection:
        head = f"POST /v3/discovery:clusters HTTP/1.1\r\nhost: xds\r\ncontent-length: {len(body)}\r\n\r\n"
        await connection.send(head.encode() + body)
        with anyio.fail_after(20):
            async for _ in connection:
                pass
    assert [(line["node"], line["cluster"]) for line in lines(logs)] == [("n" * 128 + "…(256 bytes)", "default/web")]


@pytest.mark.parametrize(
    "said", [b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"]
)
async def test_probe_is_no_stranger(server: XdsServer, logs: Logs, said: bytes) -> None:
    """What load balancers do to a port is not mentioned (open-telemetry/opentelemetry-collector issue 4747)."""
    host, _, port = server.address.rpartition(":")
    async with await anyio.connect_tcp(host, int(port)) as connection:
        await connection.send(said)
        await connection.receive()
    async with connected(server.address) as channel, stream(channel) as one:
        await one.ask(CDS, node=ENVOY)
    assert lines(logs) == []
