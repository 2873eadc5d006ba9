"""Measures what hooks cost: a generation of a thousand virtual hosts, and a change of one of them.

The floor is the same requests sent to the same server by a bare gRPC client in C, as many at a time, and no reply read.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import grpc  # type: ignore[import-untyped]

from egxds.hooks.calls import HookCall
from egxds.hooks.plan.order import run
from egxds.hooks.run.batch import PARALLEL_CALLS
from egxds.hooks.run.runner import HookRunner
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager
from egxds.telemetry import Metrics
from tests.extension_server.handle import ExtensionHandle
from tests.unit.hooks.extensions import manager
from tests.unit.hooks.gateways import route, with_more_hosts

HOSTS = 1000
HOOK_MS = 5
GENERATIONS = 5
_METHOD = "/envoygateway.extension.EnvoyGatewayExtension/PostVirtualHostModify"


@dataclass(frozen=True)
class HookCost:
    """What hooks cost.

    Attributes:
        generation_s: seconds in which every virtual host is asked about; the median.
        floor_s: seconds in which a bare client asks the same; the median.
        calls: how many that takes.
        calls_of_a_change: how many calls a change of one route takes, with a cache.
    """

    generation_s: float
    floor_s: float
    calls: int
    calls_of_a_change: int


async def measure_hooks() -> HookCost:
    """Measure, with an extension server that takes its time."""
    with ExtensionHandle.start() as extension:
        extension.set_mode("slow", ms=HOOK_MS)
        gateway = with_more_hosts(HOSTS - len(_hosts(with_more_hosts(0))))
        floor_s = await _floor(extension, gateway)
        generation_s, calls = await _generations(extension, gateway)
        return HookCost(generation_s, floor_s, calls, await _change(extension, gateway))


async def _floor(extension: ExtensionHandle, gateway: GatewayTranslation) -> float:
    calls = next(batch for batch in run(gateway, (_settings(extension, "0s"),), None, {}) if batch)
    async with grpc.aio.insecure_channel(extension.address) as channel:
        ask = channel.unary_unary(_METHOD)

        async def work(waiting: Iterator[HookCall]) -> None:
            for call in waiting:
                await ask(call.request)

        durations = []
        for _ in range(GENERATIONS):
            waiting = iter(calls)
            begun = time.perf_counter()
            await asyncio.gather(*(work(waiting) for _ in range(PARALLEL_CALLS)))
            durations.append(time.perf_counter() - begun)
    return statistics.median(durations)


async def _generations(extension: ExtensionHandle, gateway: GatewayTranslation) -> tuple[float, int]:
    runner = HookRunner((_settings(extension, "0s"),), Metrics())
    durations = []
    before = extension.calls()["VirtualHost"]
    for _ in range(GENERATIONS):
        begun = time.perf_counter()
        await runner.run(gateway, None)
        durations.append(time.perf_counter() - begun)
    await runner.aclose()
    return statistics.median(durations), (extension.calls()["VirtualHost"] - before) // GENERATIONS


async def _change(extension: ExtensionHandle, gateway: GatewayTranslation) -> int:
    runner = HookRunner((_settings(extension, "1h"),), Metrics())
    first = await runner.run(gateway, None)
    before = extension.calls()["VirtualHost"]
    await runner.run(_with_one_route_changed(gateway), first.accepted)
    await runner.aclose()
    return extension.calls()["VirtualHost"] - before


def _settings(extension: ExtensionHandle, cache_ttl: str) -> ExtensionManager:
    return manager(service=extension.service, hooks=("VirtualHost",), timeout="60s", cacheTTL=cache_ttl)


def _hosts(gateway: GatewayTranslation) -> list[str]:
    return [
        host.name for configuration in gateway.route_configurations.values() for host in configuration.virtual_hosts
    ]


def _with_one_route_changed(gateway: GatewayTranslation) -> GatewayTranslation:
    first = next(iter(gateway.route_configurations.values()))
    host = first.virtual_hosts[0]
    changed = replace(host, routes=(route("httproute/shop/new"), *host.routes))
    edited = replace(first, virtual_hosts=first.virtual_hosts.edited({host.name: changed}))
    return replace(gateway, route_configurations=gateway.route_configurations.edited({first.name: edited}))
