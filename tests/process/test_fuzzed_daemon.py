"""Strangers beside a daemon of its own process: an Envoy is served, and memory, descriptors and log stay bounded."""

from __future__ import annotations

import os
import random

import anyio
import pytest

from tests.bench.process_figures import resident_mib
from tests.envoy.manifests import http_route
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.process.redirected import RedirectedDaemon
from tests.wire.client import Envoy, envoy
from tests.wire.stranger import annoy
from tests.wire.world import CDS

SEED = int(os.environ.get("FUZZ_SEED", "1"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "15"))
STRANGERS = 8
SERVED_S = 30
"""How long the Envoy beside waits for a file that is saved while strangers talk, on a machine that is busy."""

GROWTH_MIB = 64
DESCRIPTORS = 4
"""More than before, once all strangers have gone: of the daemon's own making, such as a pool that it opens later."""

LOG_BYTES = 64 * 1024
ROUND_LOG_BYTES = 4 * 1024
"""A round's own: the file that is saved, and what is pushed of it. All that is said in a round is forty times that."""

pytestmark = pytest.mark.timeout(120 + 4 * ROUNDS)


def test_strangers_beside_an_envoy(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """FUZZ_SEED and FUZZ_ROUNDS say what is sent, and how much of it."""
    print(f"FUZZ_SEED={SEED}")  # noqa: T201 read where the test fails
    daemon.settings["logging"]["level"] = "info"
    daemon.write_settings()
    daemon.start()
    before = len(list(daemon.descriptors.iterdir()))
    anyio.run(_rounds, daemon, workspace)
    wait_for(lambda: len(list(daemon.descriptors.iterdir())) <= before + DESCRIPTORS, "strangers to be gone", 60)
    assert len(daemon.log) < LOG_BYTES + ROUND_LOG_BYTES * ROUNDS, f"FUZZ_SEED={SEED}"
    for gauge in ("egxds_xds_unread_bytes", "egxds_xds_unfinished_request_bytes", "egxds_xds_connected_clients"):
        wait_for(lambda gauge=gauge: daemon.metric(gauge) == 0, f"{gauge} to be 0")  # type: ignore[misc]
    assert daemon.stop() == 0


async def _rounds(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    address = daemon.settings["xds"]["address"]
    async with envoy(address) as good:
        await good.gets(CDS)
        await _round(address, workspace, good, 0)
        before = resident_mib(daemon.pid)
        for number in range(1, ROUNDS):
            await _round(address, workspace, good, number)
            assert resident_mib(daemon.pid) < before + GROWTH_MIB, f"FUZZ_SEED={SEED}, round {number}"


async def _round(address: str, workspace: Workspace, good: Envoy, number: int) -> None:
    """Have strangers talk, and save a file meanwhile."""
    async with anyio.create_task_group() as tasks:
        for stranger in range(STRANGERS):
            tasks.start_soon(annoy, address, random.Random(f"{SEED} {number} {stranger}"))
        name = f"r{number}"
        workspace.write("changing.yaml", http_route(name, f"{name}.test", "echo"))
        with anyio.fail_after(SERVED_S):
            while f"httproute/default/{name}/rule/0" not in (await good.told()).resources:
                await good.ack(CDS)
        await good.ack(CDS)
