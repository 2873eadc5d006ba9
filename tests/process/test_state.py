"""What lies in `stateDir` never keeps the daemon from starting, and a disk that was full from writing."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.envoy.manifests import http_route
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.process.guest import SETTINGS
from tests.process.redirected import Reader, RedirectedDaemon

IGNORED = "egxds_state_files_ignored_total"
UNWRITTEN = "egxds_states_unwritten"


@pytest.fixture
def state_dir(daemon: RedirectedDaemon) -> Path:
    """Where it keeps states."""
    daemon.settings |= SETTINGS
    daemon.write_settings()
    path = daemon.settings_path.parent / "state"
    path.mkdir(mode=0o700)
    return path


def sparse(path: Path) -> None:
    """Make a file of 2 GB that takes no room."""
    path.touch()
    os.truncate(path, 2 * 1024**3)


def wait_kept(directory: Path) -> Path:
    """Wait for the Gateway's file."""
    (path,) = wait_for(lambda: list(directory.glob("default_web-*.state")), "the state to be kept")
    return path


@pytest.mark.parametrize("make", [os.mkfifo, sparse, Path.mkdir, lambda path: path.symlink_to("/")])
def test_things_in_the_directory(daemon: RedirectedDaemon, state_dir: Path, make: Callable[[Path], object]) -> None:
    """It starts, in the memory that it always takes, says what it has set aside, and keeps states."""
    make(state_dir / "x.state")
    daemon.start()
    assert daemon.metric(IGNORED) == 1
    assert daemon.metric("process_resident_memory_bytes") < 500_000_000
    # Lines of the log are written behind all else.
    (event,) = wait_for(lambda: daemon.events("hook.state_ignored"), "the log to have it")
    assert event["advice"] == "renamed to x.state.unusable: look at it, or remove it"
    wait_kept(state_dir)
    assert daemon.stop() == 0


def test_state_that_is_spoiled(daemon: RedirectedDaemon, state_dir: Path) -> None:
    """What is in the Gateway's own file ends nothing."""
    daemon.start()
    path = wait_kept(state_dir)
    daemon.stop()
    path.write_bytes(path.read_bytes()[:-100] + b"[" * 100_000)
    daemon.start()
    assert Path(f"{path}.unusable").exists()
    wait_kept(state_dir)
    assert daemon.stop() == 0


def test_disk_that_was_full(daemon: RedirectedDaemon, workspace: Workspace, state_dir: Path, tmp_path: Path) -> None:
    """What could not be written is written when there is room again, without an edit; a metric says so meanwhile."""
    reader = Reader(tmp_path / "log")  # which the limit does not touch
    reader.open()
    daemon.before, daemon.redirection = "ulimit -S -f 0;", f"2>{reader.path}"
    daemon.start()
    daemon.wait_metric(UNWRITTEN)
    assert list(state_dir.iterdir()) == []
    workspace.write("b.yaml", http_route("b", "b.test", "echo"))
    wait_for(lambda: "b.test" in daemon.admin("/api/v1/config_dump").text, "the new route")
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert b"b.test" in wait_kept(state_dir).read_bytes()
    wait_for(lambda: daemon.metric(UNWRITTEN) == 0, "nothing to be unwritten")
    reader.wait_for("hook.state_written")
    assert reader.read.count(b"hook.state_not_written") == 1
    assert daemon.stop() == 0
