"""A server on a free port, with a world to serve."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from egxds.sessions import pending
from egxds.settings.daemon import AdminSettings, XdsSettings
from egxds.telemetry import Metrics
from egxds.wire.admin.server import AdminServer
from egxds.wire.grpc.server import XdsServer
from tests.wire.browser import Admin
from tests.wire.world import World


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Run every test on both event loops that the daemon may have."""
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try nothing again by itself: how long a test takes must not decide what a client is told."""
    monkeypatch.setattr(pending, "FIRST_STEP_S", 600.0)


@pytest.fixture
def world() -> World:
    """What there is to serve: nothing yet."""
    return World()


@pytest.fixture
def metrics() -> Metrics:
    """What the server counts."""
    return Metrics()


@pytest.fixture
async def server(world: World, metrics: Metrics) -> AsyncIterator[XdsServer]:
    """A running server."""
    started = XdsServer(XdsSettings(address="127.0.0.1:0"), world.stores, world.status, metrics)
    await started.start()
    yield started
    await started.drain(5)


@pytest.fixture
async def running(server: XdsServer, world: World, metrics: Metrics) -> AsyncIterator[AdminServer]:
    """A running admin server."""
    admin = AdminServer(AdminSettings(address="127.0.0.1:0"), world.stores, world.status, server.clients, metrics)
    async with anyio.create_task_group() as tasks:
        await admin.start(tasks)
        yield admin
        await admin.stop()


@pytest.fixture
def admin(running: AdminServer) -> Admin:
    """A browser pointed at it."""
    return Admin(running)
