"""Strangers whose headers cannot be read: nothing of their calls stays."""

from __future__ import annotations

import anyio
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived, StreamReset

from egxds.wire.grpc.connection_settings import MAX_CONCURRENT_STREAMS, configuration
from egxds.wire.grpc.http2 import server_http2
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import ADS
from tests.wire.raw import RawClient, raw_client

pytestmark = pytest.mark.anyio

CALL = ((":method", "POST"), (":scheme", "http"), (":path", ADS), (":authority", "xds"), ("te", "trailers"))
GRPC = ("content-type", "application/grpc")

MALFORMED = {
    "no content type": CALL,
    "metadata that is no base64": (*CALL, GRPC, ("x-bin", "abcde")),
    "another method of HTTP": ((":method", "GET"), *CALL[1:], GRPC),
    "a deadline that is no time": (*CALL, GRPC, ("grpc-timeout", "never")),
}


async def _say_goodbye(client: RawClient, headers: tuple[tuple[str, str], ...], count: int) -> None:
    for _ in range(count):
        client.h2.send_headers(client.h2.get_next_available_stream_id(), headers)
    last = client.h2.highest_outbound_stream_id
    await client.flush()
    await client.wait_for(lambda event: isinstance(event, StreamReset) and event.stream_id == last)


@pytest.mark.parametrize("headers", MALFORMED.values(), ids=MALFORMED)
async def test_connection_with_many_malformed_calls_keeps_none(
    server: XdsServer, headers: tuple[tuple[str, str], ...]
) -> None:
    """Each is told so and let go: after as many as may be open, and more, there is room for a good one."""
    async with raw_client(server.address) as client:
        await client.greet()
        for _ in range(3):
            await _say_goodbye(client, headers, MAX_CONCURRENT_STREAMS // 2)
            with anyio.fail_after(20):
                call = await client.open(ADS)
                answered = await client.wait_for(
                    lambda event, call=call: isinstance(event, ResponseReceived) and event.stream_id == call  # type: ignore[misc]
                )
            assert answered


def test_streams_that_ended_are_forgotten() -> None:
    """All but the last: else who opens streams all day would have 10 MB kept of them."""
    client = H2Connection(H2Configuration())
    server = server_http2(configuration(), H2Configuration(client_side=False))
    client.initiate_connection()
    for _ in range(MAX_CONCURRENT_STREAMS * 2):
        stream_id = client.get_next_available_stream_id()
        client.send_headers(stream_id, [*CALL, GRPC])
        client.reset_stream(stream_id)
        server.receive_data(client.data_to_send())
        client.receive_data(server.data_to_send())
    assert len(server.streams) + len(server._closed_streams) <= MAX_CONCURRENT_STREAMS + 1
