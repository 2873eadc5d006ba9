"""Frames at random, from a seed: whatever a stranger sends, an Envoy beside is served, and nothing of it stays."""

from __future__ import annotations

import asyncio
import os
import random

import anyio
import pytest

from egxds.wire.grpc.server import XdsServer
from tests.wire.client import envoy
from tests.wire.stranger import annoy
from tests.wire.world import CDS, World, described

pytestmark = pytest.mark.anyio

SEED = int(os.environ.get("FUZZ_SEED", "1"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "30"))
LOG_BYTES = 32 * 1024
"""Of what libraries log by themselves: each kind once."""
SERVED_S = 30


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
                    tasks.start_soon(annoy, server.address, random.Random(f"{SEED} {at} {stranger}"))
            world.load({CDS: {"a": str(at + 1)}})
            with anyio.fail_after(SERVED_S):
                told = await good.told()
            assert told.resources == {"a": str(at + 1)}, f"FUZZ_SEED={SEED}, round {at}"
            await good.ack(CDS)
        with anyio.fail_after(SERVED_S):
            while len(described(server.clients)) > 1 or len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 see above
                await anyio.sleep(0.01)
    assert len(caplog.text) < LOG_BYTES, f"FUZZ_SEED={SEED}"
