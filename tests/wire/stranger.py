"""A stranger on the xDS port who says things at random: half of it what a client could say, half of it noise.

Frames of random types, flags, lengths and streams, messages that are cut or lie about their size, requests in odd
orders, calls with odd headers, trailers and windows, other protocols, and connections that end in between.
"""

from __future__ import annotations

import random

import anyio
from envoy.service.discovery.v3 import discovery_pb2
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from tests.wire.client import ADS, NODE
from tests.wire.raw import RawClient, framed, raw_client
from tests.wire.test_csds import FETCH, STREAM
from tests.wire.world import CDS, EDS, LDS, RDS

STEPS = 25
WATCH = "/grpc.health.v1.Health/Watch"
_SILENCE_S = 0.05
_PIECES = (
    b"",
    b"PRI * HT",
    b"GET / HTTP/1.1\r\n\r\n",
    b"POST /v3/discovery:clusters HTTP/1.1\r\n\r\n{",
    b"\x16\x03\x01\x02\0\1\0",
)
"""Of other protocols, and of a connection preface that is never finished."""


class Stranger:
    """One connection that says things at random."""

    def __init__(self, client: RawClient, chance: random.Random) -> None:
        self._client = client
        self._chance = chance
        self._calls: list[int] = []

    async def step(self) -> None:
        """Say one of them."""
        said = (
            *(self._call, self._ask, self._ask, self._cut, self._reset, self._noise),
            *(self._odd_call, self._many_names, self._empty, self._trail, self._window, self._priority),
        )
        await self._chance.choice(said)()

    async def _call(self) -> None:
        self._calls.append(await self._client.open(self._chance.choice((ADS, ADS, FETCH, STREAM, WATCH, "/no/such"))))

    async def _ask(self) -> None:
        chance = self._chance
        request = discovery_pb2.DeltaDiscoveryRequest(
            node=NODE if chance.random() < 0.7 else None,
            type_url=chance.choice((CDS, EDS, LDS, RDS, "", "type.googleapis.com/none", "x" * 2000)),
            resource_names_subscribe=chance.choices(("a", "b", "*", "", "no\nsuch"), k=chance.randrange(4)),
            resource_names_unsubscribe=chance.choices(("a", "*", ""), k=chance.randrange(3)),
            initial_resource_versions={"a": "1"} if chance.random() < 0.3 else {},
            response_nonce=chance.choice(("", "1", "0", "x" * 300)),
        )
        await self._say(framed(request.SerializeToString()))

    async def _cut(self) -> None:
        noise = self._chance.randbytes(self._chance.randrange(200))
        size, flag = self._chance.choice((None, 0, 10, 70_000, 2**31)), self._chance.choice((0, 0, 1, 255))
        await self._say(framed(noise, size=size, flag=flag))

    async def _reset(self) -> None:
        if self._calls:
            self._client.h2.reset_stream(self._calls.pop(self._chance.randrange(len(self._calls))))
            await self._client.flush()

    async def _noise(self) -> None:
        chance = self._chance
        payload = chance.randbytes(chance.choice((0, 1, 4, 5, 6, 8, 30, 300)))
        size = len(payload) if chance.random() < 0.8 else chance.randrange(2**24)
        head = size.to_bytes(3, "big") + bytes((chance.randrange(12), chance.randrange(256)))
        stream = chance.choice((0, 0, 1, 2, 3, *self._calls, 2**31 - 1))
        await self._client.send_bytes(head + stream.to_bytes(4, "big") + payload)

    async def _odd_call(self) -> None:
        """Leave out a header, or have one that cannot be read."""
        odd = [("x-bin", "abcde"), ("grpc-timeout", "soon"), ("grpc-encoding", "gzip"), ("x", "y" * 3000)]
        headers = [*self._client.headers(ADS), self._chance.choice(odd)]
        if self._chance.random() < 0.3:
            headers.pop(self._chance.randrange(4, len(headers)))
        self._client.h2.send_headers(self._client.h2.get_next_available_stream_id(), headers)
        await self._client.flush()

    async def _many_names(self) -> None:
        names = [f"{self._chance.getrandbits(256):0100}" for _ in range(100)]
        request = discovery_pb2.DeltaDiscoveryRequest(node=NODE, type_url=EDS, resource_names_subscribe=names)
        # Behind it a field whose length is a number that is too large.
        await self._say(framed(request.SerializeToString() + self._chance.choice((b"", b"", b"\x12" + b"\xff" * 11))))

    async def _empty(self) -> None:
        """DATA of nothing, padded or not."""
        if self._calls:
            padding = self._chance.choice((None, 0, 200))
            self._client.h2.send_data(self._chance.choice(self._calls), b"", pad_length=padding)
            await self._client.flush()

    async def _trail(self) -> None:
        """End a call with headers, which only a server does."""
        if self._calls:
            call = self._calls.pop(self._chance.randrange(len(self._calls)))
            self._client.h2.send_headers(call, [("x", "y")], end_stream=True)
            await self._client.flush()

    async def _window(self) -> None:
        """Open and shut the window that the server writes into."""
        size = self._chance.choice((0, 1, 65_535, 2**31 - 1))
        self._client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: size})
        await self._client.flush()

    async def _priority(self) -> None:
        streams = (self._chance.randrange(1, 2**31) for _ in range(30))
        frames = (b"\0\0\5\2\0" + one.to_bytes(4, "big") + self._chance.randbytes(5) for one in streams)
        await self._client.send_bytes(b"".join(frames))

    async def _say(self, message: bytes) -> None:
        if self._calls:
            is_last = self._chance.random() < 0.2
            await self._client.send(self._chance.choice(self._calls), message, last=is_last)


async def annoy(address: str, chance: random.Random) -> None:
    """Connect, and say things until there is enough or the server has it.

    Args:
        address: of the server.
        chance: decides what is said.
    """
    try:
        async with raw_client(address) as client:
            if chance.random() < 0.1:
                await client.send_raw(chance.choice(_PIECES))
                await anyio.sleep(_SILENCE_S)
                return
            stranger = Stranger(client, chance)
            for _ in range(STEPS):
                await stranger.step()
    except (ProtocolError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        # Its own library would not say it, or the server has ended it.
        return
