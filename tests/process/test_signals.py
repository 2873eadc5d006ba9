"""Signals count from the first moment on, before what takes long to import is imported."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.envoy.manifests import http_route
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.process.redirected import RedirectedDaemon

_CAUGHT = "SigCgt:"


def catches(pid: int, number: signal.Signals) -> bool:
    """Say whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith(_CAUGHT))
    return bool(int(mask, 16) >> (number - 1) & 1)


def launch(daemon: RedirectedDaemon) -> None:
    """Start it, and wait until it has handlers, half a second before it has anything else."""
    daemon.launch()
    wait_for(lambda: catches(daemon.pid, signal.SIGHUP), "handlers of signals")


def test_reload_before_there_is_anything_to_reload(daemon: RedirectedDaemon) -> None:
    """SIGHUP at any moment of the start does not end it."""
    launch(daemon)

    def is_ready() -> bool:
        daemon.signal(signal.SIGHUP)
        return daemon.admin("/readyz").status == 200

    wait_for(is_ready, "the daemon to be ready")
    assert daemon.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_end_before_the_start_is_over(daemon: RedirectedDaemon, number: signal.Signals) -> None:
    """It ends as it always does, with 0, and nothing to say about it."""
    launch(daemon)
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
