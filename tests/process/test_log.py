"""A log that cannot be written costs log lines, which are counted, and nothing else."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.envoy.manifests import http_route
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.process.redirected import Reader, RedirectedDaemon

LOST = "egxds_log_lines_lost_total"


@pytest.fixture
def reader(tmp_path: Path, daemon: RedirectedDaemon) -> Reader:
    """Who reads the daemon's log."""
    reader = Reader(tmp_path / "log")
    daemon.redirection = f"2>{reader.path}"
    return reader


def edit_is_taken(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """Add a route, and see that it is served."""
    workspace.write("b.yaml", http_route("b", "b.test", "echo"))
    wait_for(lambda: "b.test" in daemon.admin("/api/v1/config_dump").text, "the new route")


@pytest.mark.parametrize(
    "redirection", ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full", "<&- 2>/dev/full"]
)
def test_log_that_cannot_be_written(daemon: RedirectedDaemon, workspace: Workspace, redirection: str) -> None:
    """Closed, or on a full disk: it starts, serves, says how much was lost, and ends when it is told to."""
    daemon.redirection = redirection
    daemon.start()
    edit_is_taken(daemon, workspace)
    if "2>" in redirection:
        daemon.wait_metric(LOST, 3)
    else:
        assert daemon.metric(LOST) == 0
    assert daemon.stop() == 0


def test_pipe_that_nobody_reads(daemon: RedirectedDaemon, workspace: Workspace, reader: Reader) -> None:
    """It serves as ever, and what waited for the reader comes in order."""
    reader.open()
    reader.fill()
    daemon.start()
    edit_is_taken(daemon, workspace)
    assert daemon.admin("/healthz").status == 200
    reader.wait_for("app.started")
    events = [json.loads(line)["event"] for line in reader.read.split(b"\n") if line]
    assert [event for event in events if event.startswith("app.")] == ["app.listening", "app.started"]
    assert daemon.stop() == 0
    reader.wait_for("app.stopped")


def test_end_while_nobody_reads(daemon: RedirectedDaemon, reader: Reader) -> None:
    """SIGTERM ends it in the time that a service manager grants, though its last lines cannot be written."""
    reader.open()
    reader.fill()
    daemon.start()
    assert daemon.stop() == 0


def test_reader_that_went_away(daemon: RedirectedDaemon, workspace: Workspace, reader: Reader) -> None:
    """Lines are lost while there is none, and the next reader is told how many."""
    reader.open()
    daemon.start()
    reader.close()
    edit_is_taken(daemon, workspace)
    daemon.wait_metric(LOST)
    lost = int(daemon.metric(LOST))
    reader.open()
    reader.wait_for(" log lines were lost")
    (notice,) = [json.loads(line) for line in reader.read.split(b"\n") if b"were lost" in line]
    assert (notice["event"], notice["level"]) == ("app.log_lines_lost", "warning")
    assert notice["lines"] >= lost
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
