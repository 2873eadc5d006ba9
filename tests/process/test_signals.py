"""Signals count from the first moment on, before what takes long to import is imported."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.envoy.manifests import http_route
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.process.redirected import RedirectedDaemon

_CAUGHT = "SigCgt:"
_BLOCKED = "SigBlk:"


def is_in(pid: int, mask: str, number: signal.Signals) -> bool:
    """Say whether a signal is in one of the masks of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    (bits,) = (line.split()[1] for line in status.splitlines() if line.startswith(mask))
    return bool(int(bits, 16) >> (number - 1) & 1)


def launch(daemon: RedirectedDaemon, environment: Mapping[str, str] | None = None) -> None:
    """Start it, and wait until it has handlers, half a second before it has anything else."""
    daemon.launch(environment)
    wait_for(lambda: is_in(daemon.pid, _CAUGHT, signal.SIGHUP), "handlers of signals")


def never_imported(directory: Path) -> dict[str, str]:
    """Return an environment in which an import of the start does not end: on no machine is it over too soon."""
    (directory / "click.py").write_text("import time\n\ntime.sleep(3600)\n")
    return {**os.environ, "PYTHONPATH": str(directory)}


def kept(daemon: RedirectedDaemon, number: signal.Signals) -> list[str]:
    """What starts it with signals blocked, of which one has come already."""
    blocked = ["/usr/bin/env", "--block-signal=TERM,INT,HUP"]
    return [*blocked, "sh", "-c", f'kill -{number.name[3:]} $$; exec "$@"', "sh", *daemon.command]


def test_reload_before_there_is_anything_to_reload(daemon: RedirectedDaemon) -> None:
    """SIGHUP at any moment of the start does not end it."""
    launch(daemon)

    def is_ready() -> bool:
        daemon.signal(signal.SIGHUP)
        return daemon.admin("/readyz").status == 200

    wait_for(is_ready, "the daemon to be ready")
    assert daemon.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_end_before_the_start_is_over(daemon: RedirectedDaemon, number: signal.Signals, tmp_path: Path) -> None:
    """It ends as it always does, with 0, and nothing to say about it."""
    launch(daemon, never_imported(tmp_path))
    daemon.signal(number)
    assert daemon.wait() == 0
    assert daemon.log == ""


def test_end_in_the_middle_of_a_long_load(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """It ends without waiting for what 60,000 routes would come to, which takes longer than a stop may."""
    workspace.write("many.yaml", "\n---\n".join(http_route(f"r{n}", f"h{n}.test", "echo") for n in range(60_000)))
    daemon.launch()
    daemon.wait_log("app.listening")
    assert daemon.stop() == 0
    assert (daemon.log.count("app.stopped"), daemon.log.count("app.started")) == (1, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_end_that_was_kept(daemon: RedirectedDaemon, number: signal.Signals) -> None:
    """What the kernel kept since it was blocked, as for the first process of a container, counts."""
    daemon.spawn(kept(daemon, number))
    assert daemon.wait() == 0
    assert daemon.log == ""


def test_reload_that_was_kept(daemon: RedirectedDaemon) -> None:
    """It ends nothing; and afterwards nothing is blocked, which child processes would inherit."""
    daemon.spawn(kept(daemon, signal.SIGHUP))
    daemon.wait_ready()
    assert not any(is_in(daemon.pid, _BLOCKED, each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
    assert daemon.stop() == 0
