"""`egxds hooks` against a running admin API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
import yaml
from anyio import to_thread
from click.testing import CliRunner, Result

from egxds.cli.application import application
from egxds.hooks.health.reports import FailedSubject, HookReport, HookState
from egxds.inspect.hooks import render_hook
from egxds.inspect.status import StatusStore
from egxds.object_key import ObjectKey
from egxds.problems import Location
from egxds.sessions.open_streams import Clients
from egxds.settings.daemon import AdminSettings
from egxds.settings.extensions import Hook
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics
from egxds.wire.admin.server import AdminServer

pytestmark = pytest.mark.anyio

LONG_ERROR = "INTERNAL: " + "a very long reason, " * 20
CALLED_S, RETRY_S = 1_700_000_000.0, 1_700_000_005.0
ROUTE = ObjectKey("gateway.networking.k8s.io", "HTTPRoute", "default", "a")
FAILED = (
    FailedSubject("default/web", "default/web/http/a_example", "deny", LONG_ERROR, "status", CALLED_S, (ROUTE,)),
    FailedSubject("default/web", "default/web/second/b_example", "hold", "no connection manager"),
)


def place_of(key: ObjectKey) -> Location | None:
    """Say where an object stands."""
    return Location("routes/a.yaml", 7) if key == ROUTE else None


def report(manager: str, hook: Hook, state: HookState) -> HookReport:
    """Say how a hook is doing."""
    is_failing, is_called = state is HookState.FAILING, state is not HookState.NEVER_CALLED
    return HookReport(
        manager=manager,
        hook=hook,
        state=state,
        policy="deny",
        calls=7 if is_called else 0,
        failures={"status": 2, "connect": 1} if is_failing else {},
        consecutive_failures=3 if is_failing else 0,
        last_call_s=CALLED_S if is_called else None,
        last_success_s=CALLED_S if is_called else None,
        last_error=LONG_ERROR if is_failing else "",
        next_retry_s=RETRY_S if is_failing else None,
        failed_count=3 if is_failing else 0,
        failed=FAILED if is_failing else (),
    )


REPORTS = (
    report("authz", Hook.ROUTE, HookState.NEVER_CALLED),
    report("authz", Hook.VIRTUAL_HOST, HookState.FAILING),
    report("an-extension-with-a-name-that-is-rather-long", Hook.TRANSLATION, HookState.HEALTHY),
    report("", Hook.HTTP_LISTENER, HookState.NOT_SERVING),
)


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the daemon."""
    return "asyncio"


@pytest.fixture
def reports() -> list[HookReport]:
    """What the daemon says of its hooks; none to begin with."""
    return []


@pytest.fixture
async def admin(reports: list[HookReport]) -> AsyncIterator[str]:
    """The address of a running admin server."""
    status = StatusStore()
    status.set_hooks(lambda: tuple(render_hook(one, place_of) for one in reports))
    running = AdminServer(AdminSettings(address="127.0.0.1:0"), Stores(SnapshotStore()), status, Clients(), Metrics())
    async with anyio.create_task_group() as tasks:
        await running.start(tasks)
        yield running.address
        await running.stop()


async def run(*arguments: str) -> Result:
    """Run the command on a terminal of 80 columns."""
    environment = {"COLUMNS": "80", "NO_COLOR": "1"}
    return await to_thread.run_sync(lambda: CliRunner().invoke(application, ["hooks", *arguments], env=environment))


async def test_table(admin: str, reports: list[HookReport]) -> None:
    """A line for each hook, nothing beyond 80 columns, errors whole below; a failing hook is a finding."""
    reports.extend(REPORTS)
    result = await run("--admin", admin)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["EXTENSION", "HOOK", "STATE", "ON", "FAILURE", "CALLS", "FAILED", "LAST", "CALL"]
    assert lines[1].split() == ["authz", "Route", "never", "called", "deny", "0", "0", "never"]
    assert lines[2].split()[:6] == ["authz", "VirtualHost", "failing", "deny", "7", "3"]
    said = " ".join(result.stdout.split())
    assert " ".join(LONG_ERROR.split()) in said
    at = datetime.fromtimestamp(CALLED_S, UTC).astimezone().strftime("%H:%M:%S")
    assert (
        "VirtualHost hook of extension authz fails on "
        f"default/web/http/a_example of Gateway default/web (deny, since {at}) HTTPRoute default/a (routes/a.yaml:7)"
    ) in said
    assert said.endswith("no connection manager and 1 more")
    assert "VirtualHost hook of extension authz: last error, tried again " in result.stdout


async def test_a_hook_that_is_never_called_is_warned_about(admin: str, reports: list[HookReport]) -> None:
    """A hook that nothing needs goes unnoticed otherwise; by itself it is no finding."""
    reports.append(REPORTS[0])
    result = await run("--admin", admin, "-o", "json")
    assert result.exit_code == 0
    assert result.stderr == (
        "egxds: warning: Route hook of extension authz is set up, and nothing has needed it so far\n"
    )


@pytest.mark.parametrize("form", ["json", "yaml"])
async def test_data(admin: str, reports: list[HookReport], form: str) -> None:
    """As data it is what the admin API says."""
    reports.extend(REPORTS)
    result = await run("--admin", admin, "-o", form)
    read = json.loads(result.stdout) if form == "json" else yaml.safe_load(result.stdout)
    assert read == {"items": [render_hook(one, place_of) for one in reports]}


async def test_without_extensions_there_is_nothing_to_list(admin: str) -> None:
    """That is no finding."""
    result = await run("--admin", admin)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "egxds: no extension is set up\n")


async def test_the_address_is_found_in_the_settings(admin: str, tmp_path: Path) -> None:
    """`-c` names the daemon's own settings file."""
    config = tmp_path / "egxds.yaml"
    config.write_text(f"sources: {{files: {{paths: [r]}}}}\nadmin: {{address: '{admin}'}}\n")
    assert (await run("-c", str(config))).exit_code == 0


async def test_a_daemon_that_is_not_there_is_no_finding() -> None:
    """The message says where it was looked for."""
    result = await run("--admin", "127.0.0.1:1")
    assert (result.exit_code, "cannot ask the daemon at 127.0.0.1:1" in result.stderr) == (3, True)
