"""`egxds dump` and `egxds healthcheck` against a running daemon's admin API."""

from __future__ import annotations

import json

import pytest
import yaml
from anyio import to_thread
from click.testing import CliRunner, Result

from egxds.cli.application import application
from egxds.wire.admin.server import AdminServer
from tests.wire.world import CDS, RDS, World

pytestmark = pytest.mark.anyio


@pytest.fixture
def admin(running: AdminServer) -> str:
    """The address of the admin server that runs."""
    return running.address


async def run(*arguments: str) -> Result:
    """Run a command on a terminal of 100 columns."""
    environment = {"COLUMNS": "100", "NO_COLOR": "1"}
    return await to_thread.run_sync(lambda: CliRunner().invoke(application, arguments, env=environment))


async def test_everything(admin: str, world: World) -> None:
    """All that is served, with where it comes from, as YAML."""
    world.load({CDS: {"a": "1"}, RDS: {"r": "1"}})
    result = await run("dump", "--admin", admin)
    items = yaml.safe_load(result.stdout)["items"]
    assert result.exit_code == 0
    assert [(item["type"], item["name"]) for item in items] == [("cluster", "a"), ("route", "r")]
    assert [item["sources"] for item in items] == [[{"file": f"{name}.yaml", "line": 1}] for name in ("a", "r")]


async def test_some(admin: str, world: World) -> None:
    """By type and by name; the table is without bodies."""
    world.load({CDS: {"a": "1", "b": "1"}, RDS: {"r": "1"}})
    routes = json.loads((await run("dump", "--admin", admin, "-t", "route", "-o", "json")).stdout)["items"]
    assert [item["name"] for item in routes] == ["r"]
    header, line = (await run("dump", "--admin", admin, "-o", "table", "b")).stdout.splitlines()
    assert header.split() == ["GATEWAY", "TYPE", "NAME", "VERSION", "SOURCE"]
    assert (line.split()[1:3], line.split()[4]) == (["cluster", "b"], "b.yaml:1")


async def test_none(admin: str, world: World) -> None:
    """A name that nothing has is a finding; that there is nothing yet is none."""
    world.load({CDS: {"a": "1"}})
    wrong = await run("dump", "--admin", admin, "-o", "table", "helo")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "no resource is called 'helo'" in wrong.stderr
    nothing = await run("dump", "--admin", admin, "-o", "table", "-t", "secret")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert nothing.stderr == "egxds: Envoys are served nothing of this type\n"


async def test_readiness(admin: str, world: World) -> None:
    """The exit status tells a daemon that is not ready from one that is not there."""
    early = await run("healthcheck", "--admin", admin)
    assert (early.exit_code, "the xDS port is not open yet" in early.stdout) == (1, True)
    world.load({})
    assert ((await run("healthcheck", "--admin", admin)).exit_code) == 0
    assert ((await run("healthcheck", "--admin", "127.0.0.1:1")).exit_code) == 3
    assert ((await run("healthcheck", "--admin", "http://127.0.0.1:1")).exit_code) == 2
