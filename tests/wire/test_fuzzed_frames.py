"""Frames at random, from a seed: whatever a stranger sends, an Envoy beside is served, and nothing of it stays.

Half of it is what a client could say, half is noise: frames of random types, flags, lengths and streams, messages that
are cut or lie about their size, requests in odd orders, and connections that end in between.
"""

from __future__ import annotations

import asyncio
import os
import random

import anyio
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from h2.exceptions import ProtocolError

from egxds.wire.grpc.server import XdsServer
from tests.wire.client import ADS, NODE, envoy
from tests.wire.raw import RawClient, framed, raw_client
from tests.wire.test_csds import FETCH, STREAM
from tests.wire.world import CDS, EDS, LDS, RDS, World, described

pytestmark = pytest.mark.anyio

SEED = int(os.environ.get("FUZZ_SEED", "1"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "30"))
STEPS = 25
LOG_BYTES = 32 * 1024
"""Of what libraries log by themselves: each kind once."""
SERVED_S = 10
WATCH = "/grpc.health.v1.Health/Watch"


class Stranger:
    """One connection that says things at random."""

    def __init__(self, client: RawClient, chance: random.Random) -> None:
        self._client = client
        self._chance = chance
        self._calls: list[int] = []

    async def step(self) -> None:
        """Say one of them."""
        await self._chance.choice((self._call, self._ask, self._ask, self._cut, self._reset, self._noise))()

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

    async def _say(self, message: bytes) -> None:
        if self._calls:
            is_last = self._chance.random() < 0.2
            await self._client.send(self._chance.choice(self._calls), message, last=is_last)


async def _annoy(address: str, chance: random.Random) -> None:
    try:
        async with raw_client(address) as client:
            stranger = Stranger(client, chance)
            for _ in range(STEPS):
                await stranger.step()
    except (ProtocolError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        # Its own library would not say it, or the server has ended it.
        return


async def test_noise_leaves_nothing_behind(server: XdsServer, world: World, caplog: pytest.LogCaptureFixture) -> None:
    """FUZZ_SEED and FUZZ_ROUNDS say what is sent, and how much of it."""
    print(f"FUZZ_SEED={SEED}")  # noqa: T201 read where the test fails
    world.load({CDS: {"a": "0"}})
    async with envoy(server.address) as good:
        assert await good.gets(CDS, "a")
        before = len(asyncio.all_tasks())
        for at in range(ROUNDS):
            async with anyio.create_task_group() as tasks:
                for stranger in range(4):
                    tasks.start_soon(_annoy, server.address, random.Random(f"{SEED} {at} {stranger}"))
            world.load({CDS: {"a": str(at + 1)}})
            with anyio.fail_after(SERVED_S):
                told = await good.told()
            assert told.resources == {"a": str(at + 1)}, f"FUZZ_SEED={SEED}, round {at}"
            await good.ack(CDS)
        with anyio.fail_after(SERVED_S):
            while len(described(server.clients)) > 1 or len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 see above
                await anyio.sleep(0.01)
    assert len(caplog.text) < LOG_BYTES, f"FUZZ_SEED={SEED}"
