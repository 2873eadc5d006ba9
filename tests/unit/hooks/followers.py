"""What tests of whole runs do with a real extension server: order it about, and follow a Gateway as the daemon does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio import to_thread

from egxds.hooks.policy.outcome import Accepted, HookedGateway, Outcome
from egxds.hooks.run.runner import HookRunner
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import ExtensionManager
from egxds.telemetry import Metrics
from tests.extension_server.handle import ExtensionHandle
from tests.unit.hooks.extensions import manager

LIMIT_S = 30.0
"""How long a fact may take to come about before a test gives up."""


def manager_of(extension: ExtensionHandle, attempts: int = 2, **settings: Any) -> ExtensionManager:
    """Make the settings of an extension that is given up on quickly."""
    quick = {"retry": {"maxAttempts": attempts, "initialBackoff": "1ms"}}
    return manager(service=extension.service | quick, **({"timeout": "1500ms"} | settings))


async def calls(extension: ExtensionHandle) -> dict[str, int]:
    """Ask the server how often it was called."""
    return await to_thread.run_sync(extension.calls)


async def cancelled(extension: ExtensionHandle) -> int:
    """Ask the server how many VirtualHost calls were given up."""
    return (await to_thread.run_sync(extension.cancelled))["VirtualHost"]


async def order(extension: ExtensionHandle, mode: str, **details: Any) -> None:
    """Set the mode of the server without holding up the event loop."""
    await to_thread.run_sync(lambda: extension.set_mode(mode, **details))


def is_accepted(hooked: HookedGateway) -> bool:
    """Say whether every hook accepted."""
    return hooked.outcome is Outcome.ACCEPTED


def is_not_accepted(hooked: HookedGateway) -> bool:
    """Say whether a hook failed."""
    return not is_accepted(hooked)


class Follower:
    """Publishes one Gateway as the daemon does: a recovery starts its run over, cutting short the one under way."""

    def __init__(self, runner: HookRunner, gateway: GatewayTranslation) -> None:
        self._runner = runner
        self._gateway = gateway
        self._accepted: Accepted | None = None
        self._again = anyio.Event()
        self._scope = anyio.CancelScope()
        self._published: list[HookedGateway] = []
        self._news = anyio.Event()

    async def until(self, is_so: Callable[[HookedGateway], bool]) -> HookedGateway:
        """Wait for a publication of which something is so."""
        with anyio.fail_after(LIMIT_S):
            while not (self._published and is_so(self._published[-1])):
                self._news = anyio.Event()
                await self._news.wait()
        return self._published[-1]

    def recover(self) -> None:
        """Start the run over."""
        self._again.set()
        self._scope.cancel()

    async def follow(self) -> None:
        """Run and publish until cancelled."""
        while True:
            self._again = anyio.Event()
            with anyio.CancelScope() as self._scope:
                hooked = await self._runner.run(self._gateway, self._accepted)
                self._accepted = hooked.accepted
                self._published.append(hooked)
                self._news.set()
            await self._again.wait()


@asynccontextmanager
async def following(
    settings: ExtensionManager, gateway: GatewayTranslation
) -> AsyncIterator[tuple[Follower, HookRunner]]:
    """Run and watch until the block is left."""
    runner = HookRunner((settings,), Metrics())
    follower = Follower(runner, gateway)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.watch, follower.recover, lambda: None)
        tasks.start_soon(follower.follow)
        yield follower, runner
        tasks.cancel_scope.cancel()
    await runner.aclose()
