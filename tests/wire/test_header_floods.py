"""Strangers whose headers are many, large or never at an end: the connection ends, and an Envoy beside is served."""

from __future__ import annotations

import anyio
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, RemoteSettingsChanged, ResponseReceived
from h2.settings import SettingCodes
from hpack import Encoder
from hpack.hpack import encode_integer

from egxds.wire.grpc.header_limits import HEADER_LIST_BYTES, TABLE_BYTES, limit_headers
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import ADS, envoy
from tests.wire.raw import RawClient, raw_client
from tests.wire.world import CDS, World

pytestmark = pytest.mark.anyio

HEADERS, SETTINGS, CONTINUATION = 1, 4, 9
END_HEADERS = 4
CALL = ((":method", "POST"), (":scheme", "http"), (":path", ADS), (":authority", "xds"))


def _frame(kind: int, payload: bytes, flags: int = 0, stream_id: int = 1) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream_id.to_bytes(4, "big") + payload


def _headers(*more: tuple[str, str]) -> bytes:
    return bytes(Encoder().encode([*CALL, *more], huffman=False))


def _huffman(size: int) -> bytes:
    """Return a header whose value, of `a`, is of some bytes when they are packed: 5 bits for each."""
    return b"\0\1a" + bytes((0x80 | encode_integer(size, 7)[0],)) + bytes(encode_integer(size, 7)[1:]) + bytes(size)


def _in_frames(block: bytes) -> bytes:
    first, *rest = (block[at : at + 16_000] for at in range(0, len(block), 16_000))
    return _frame(HEADERS, first) + b"".join(_frame(CONTINUATION, one) for one in rest)


FLOODS: dict[str, bytes] = {
    "many headers": _frame(HEADERS, _headers(*((f"x{number}", "") for number in range(600))), END_HEADERS),
    "one entry of the table, again and again": _frame(
        HEADERS, _headers(("x", "v" * 3900)) + b"\xbe" * 8000, END_HEADERS
    ),
    "a long string in CONTINUATION": _in_frames(_headers() + _huffman(600_000)),
    "CONTINUATION of nothing": _frame(HEADERS, _headers()) + _frame(CONTINUATION, b"") * 1000,
    "a long path": _in_frames(bytes(Encoder().encode([(":path", "/" + "x" * 60_000)], huffman=False))),
}


async def _is_ended_by(client: RawClient, flood: bytes) -> bool:
    try:
        await client.send_bytes(flood)
        return bool(await client.wait_for(lambda event: isinstance(event, ConnectionTerminated)))
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        # The end overtook the reason: the flood was not read to its end.
        return True


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_too_much_of_headers_ends_the_connection(server: XdsServer, world: World, flood: bytes) -> None:
    """With GOAWAY where the client still reads; the Envoy beside has its change."""
    world.load({CDS: {"a": "1"}})
    async with envoy(server.address) as good, raw_client(server.address) as stranger:
        assert await _is_ended_by(stranger, flood)
        assert (await good.gets(CDS, "a")).resources == {"a": "1"}


async def test_client_hears_how_much_it_may_send(server: XdsServer) -> None:
    """As a setting of HTTP/2; a token of half that size is taken."""

    def says_limit(event: object) -> bool:
        if not isinstance(event, RemoteSettingsChanged):
            return False
        changed = event.changed_settings.get(SettingCodes.MAX_HEADER_LIST_SIZE)
        return changed is not None and changed.new_value == HEADER_LIST_BYTES

    async with raw_client(server.address) as client:
        await client.flush()
        await client.wait_for(says_limit)
        headers = [*CALL, ("content-type", "application/grpc"), ("authorization", "x" * (HEADER_LIST_BYTES // 2))]
        client.h2.send_headers(1, headers)
        await client.flush()
        assert await client.wait_for(lambda event: isinstance(event, ResponseReceived))


async def test_table_for_what_is_sent_stays_small() -> None:
    """Whatever the client allows: it is walked along for each header."""
    h2 = H2Connection(H2Configuration(client_side=False))
    limit_headers(h2)
    h2.receive_data(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(SETTINGS, b"\0\1\x7f\xff\xff\xff", stream_id=0))
    assert h2.encoder.header_table_size == TABLE_BYTES
