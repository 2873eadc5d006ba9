"""Generations of files, and a running daemon that goes back to one."""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from egxds.cli.application import application
from tests.envoy.manifests import http_route
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.process.redirected import Reader, RedirectedDaemon

UNWRITTEN = "egxds_history_unwritten"
ROLLED_BACK = "egxds_source_rolled_back"


def run(daemon: RedirectedDaemon, *words: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(application, [*words, "-c", str(daemon.settings_path)])


def history(daemon: RedirectedDaemon) -> list[dict[str, Any]]:
    """Return the generations that are kept, the newest first."""
    found: list[dict[str, Any]] = json.loads(run(daemon, "history", "-o", "json").stdout)["items"]
    return found


def wait_kept(daemon: RedirectedDaemon, number: int) -> None:
    """Wait until a generation is kept."""
    wait_for(lambda: [each["generation"] for each in history(daemon)][:1] == [number], f"generation {number}")


def hosts(daemon: RedirectedDaemon) -> set[str]:
    """Return which of two hosts are served."""
    text = daemon.admin("/api/v1/config_dump").text
    return {host for host in ("a.test", "b.test", "c.test") if f'"{host}"' in text}


def wait_hosts(daemon: RedirectedDaemon, *expected: str) -> None:
    """Wait until some hosts are served."""
    wait_for(lambda: hosts(daemon) == set(expected), f"{expected} to be served")


@pytest.fixture
def state_dir(daemon: RedirectedDaemon) -> Path:
    """Where generations are kept."""
    daemon.settings["stateDir"] = "state"
    daemon.write_settings()
    return daemon.settings_path.parent / "state"


@pytest.fixture
def moved(daemon: RedirectedDaemon, workspace: Workspace, state_dir: Path) -> RedirectedDaemon:
    """One that served a host, then another, and has gone back to the first."""
    daemon.start()
    wait_kept(daemon, 1)
    workspace.write("a.yaml", http_route("a", "b.test", "echo"))
    wait_hosts(daemon, "b.test")
    wait_kept(daemon, 2)
    done = run(daemon, "rollback", "gen:head~1", "-m", "b is empty", "--author", "kim")
    assert (done.stdout, done.exit_code) == (
        "generation 3 is in force, with the files of 1, until a file changes\n",
        0,
    )
    wait_hosts(daemon, "a.test")
    assert (state_dir / "generations.history").stat().st_mode & 0o777 == 0o600
    return daemon


def test_it_is_said_everywhere(moved: RedirectedDaemon) -> None:
    """And is no reason not to be ready."""
    note = "the files are not in force: generation 1 is again, since "
    ready = moved.admin("/readyz")
    assert ready.status == 200
    assert note in ready.text
    assert "by kim: b is empty; it holds until a file changes" in ready.text
    assert moved.metric(ROLLED_BACK) == 1
    wait_for(lambda: f"warning: {note}" in run(moved, "status").stdout, "the warning")
    said = run(moved, "status")
    assert said.exit_code == 0
    assert "generation 3 is in force: 3 files of generation 1 again, until one of them changes" in said.stdout
    (problem,) = moved.api("problems")["items"]
    assert note in problem["message"]
    assert [line["to"] for line in moved.events("source.rolled_back")] == [1]
    line = " ".join(run(moved, "history").stdout.split())
    assert "in force" in line
    assert "back to 1 in the place of 2, until a file changes: b is empty" in line


def test_it_holds_over_signals_and_kills(moved: RedirectedDaemon, workspace: Workspace) -> None:
    """Until a file changes, and then the files are in force, also after a start."""
    moved.signal(signal.SIGHUP)
    wait_for(lambda: moved.events("app.reloaded"), "the reload")
    assert hosts(moved) == {"a.test"}
    moved.kill()
    moved.start()
    assert hosts(moved) == {"a.test"}
    assert moved.metric(ROLLED_BACK) == 1
    moved.kill()
    workspace.write("c.yaml", http_route("c", "c.test", "echo"))
    moved.start()
    wait_hosts(moved, "b.test", "c.test")
    wait_kept(moved, 4)
    assert history(moved)[0]["message"] == "new: routes/c.yaml; changed: routes/a.yaml"
    assert moved.admin("/readyz").text == "ok\n"
    assert moved.metric(ROLLED_BACK) == 0
    moved.kill()
    moved.start()
    assert hosts(moved) == {"b.test", "c.test"}
    assert moved.stop() == 0


def test_a_burst_is_one_generation(daemon: RedirectedDaemon, workspace: Workspace, state_dir: Path) -> None:
    """And what was edited a moment before the end is kept."""
    assert not state_dir.exists()
    daemon.start()
    wait_kept(daemon, 1)
    for number in range(50):
        workspace.write(f"{number}.yaml", http_route(f"r{number}", f"r{number}.test", "echo"))
    wait_for(lambda: '"r49.test"' in daemon.admin("/api/v1/config_dump").text, "the last route")
    assert daemon.stop() == 0
    assert [(each["generation"], each["files"]) for each in history(daemon)] == [(2, 53), (1, 3)]


def test_without_a_state_directory(daemon: RedirectedDaemon) -> None:
    """It is said what is missing."""
    daemon.start()
    assert "has no sources.etcd, or stateDir" in run(daemon, "rollback", "1").stderr
    daemon.settings["stateDir"] = "state"
    daemon.write_settings()
    done = run(daemon, "rollback", "1")
    assert (done.exit_code, "it was started without stateDir" in done.stderr) == (1, True)


def test_disk_that_was_full(daemon: RedirectedDaemon, workspace: Workspace, state_dir: Path, tmp_path: Path) -> None:
    """It is said, serving goes on, and what could not be kept is kept when there is room again."""
    reader = Reader(tmp_path / "log")  # which the limit does not touch
    reader.open()
    daemon.before, daemon.redirection = "ulimit -S -f 0;", f"2>{reader.path}"
    daemon.start()
    daemon.wait_metric(UNWRITTEN)
    workspace.write("a.yaml", http_route("a", "b.test", "echo"))
    wait_hosts(daemon, "b.test")
    assert run(daemon, "rollback", "1").exit_code == 1
    assert not (state_dir / "generations.history").exists()
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_for(lambda: daemon.metric(UNWRITTEN) == 0, "nothing to be unwritten")
    assert [each["generation"] for each in history(daemon)] == [1]
    reader.wait_for("history.written")
    assert daemon.stop() == 0
