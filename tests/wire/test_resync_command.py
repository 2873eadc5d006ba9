"""`egxds resync` against a running daemon's admin API."""

from __future__ import annotations

import pytest
from anyio import to_thread
from click.testing import CliRunner, Result

from egxds.cli.application import application
from egxds.wire.admin.server import AdminServer
from egxds.wire.grpc.server import XdsServer
from tests.wire.client import envoy
from tests.wire.world import RDS, World

pytestmark = pytest.mark.anyio


@pytest.fixture
def admin(running: AdminServer) -> str:
    """The address of the admin server that runs."""
    return running.address


async def run(*arguments: str) -> Result:
    """Run the command."""
    return await to_thread.run_sync(lambda: CliRunner().invoke(application, ["resync", *arguments]))


async def test_what_was_refused_is_sent(admin: str, server: XdsServer, world: World) -> None:
    """The command says to whom, and what; an Envoy that is not there is a finding."""
    world.load({RDS: {"r": "bad"}})
    async with envoy(server.address) as one:
        await one.ask(RDS, ["r"])
        await one.told()
        await one.nack(RDS, "no such thing")
        assert await one.is_told_nothing()
        stranger = await run("n 2/x", "--admin", admin)
        result = await run("n1", "--admin", admin)
        told = await one.told()
        await one.ack(RDS)
        assert await one.is_told_nothing()
        again = await run("--admin", admin)
    assert (stranger.exit_code, "no Envoy 'n 2/x' is connected" in stranger.stderr) == (1, True)
    assert (result.exit_code, result.stderr) == (0, "egxds: sent to n1 what it refused: 1 resource\n")
    assert list(told.resources) == ["r"]
    assert (again.exit_code, again.stderr) == (0, "egxds: no Envoy refuses anything\n")


async def test_what_is_rolled_back_is_tried(admin: str, world: World) -> None:
    """Whoever is connected."""
    world.status.set_trying(lambda: 2)
    result = await run("--admin", admin)
    assert (result.exit_code, result.stderr) == (0, "egxds: tries what is rolled back: 2 objects\n")


async def test_nobody(admin: str) -> None:
    """Without an Envoy there is nothing to do."""
    result = await run("--admin", admin)
    assert (result.exit_code, result.stderr) == (0, "egxds: no Envoy refuses anything\n")


async def test_daemon_that_is_not_there() -> None:
    """One line says which address was asked."""
    result = await run("--admin", "127.0.0.1:1")
    assert result.exit_code == 3
    assert "cannot ask the daemon at 127.0.0.1:1" in result.stderr
