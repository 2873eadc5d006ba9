"""What most tests start is forked from a process that has imported egxds: like one that is started from nothing."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.envoy.daemon import Daemon
from tests.envoy.waiting import FACT_LIMIT_S, wait_for
from tests.envoy.workspace import Workspace

_OF_STATUS = ("Umask", "Threads", "NoNewPrivs", "SigBlk", "SigIgn", "SigCgt", "Groups", "Uid", "Gid")


class Cold(Daemon):
    """One that is started from nothing."""

    starts_warm = False


@pytest.fixture
def start(workspace: Workspace) -> Iterator[Callable[[type[Daemon]], Daemon]]:
    """Starts daemons; ends what still runs."""
    started: list[Daemon] = []

    def begin(made: type[Daemon]) -> Daemon:
        started.append(made(workspace))
        started[-1].start()
        return started[-1]

    yield begin
    for daemon in started:
        daemon.discard()


def described(daemon: Daemon) -> dict[str, object]:
    """Return what the kernel has to say of a process, other than what it has done."""
    process = Path(f"/proc/{daemon.pid}")
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    open_files = [str(path.readlink()) for path in (process / "fd").iterdir()]
    return {
        **{name: status[name] for name in _OF_STATUS},
        "open files": sorted(re.sub(r"\d+", "N", path) for path in open_files),
        "limits": (process / "limits").read_text(),
        "directory": (process / "cwd").readlink(),
        "group": (process / "stat").read_text().rpartition(") ")[2].split()[2:4],
    }


def test_the_kernel_tells_no_difference(start: Callable[[type[Daemon]], Daemon]) -> None:
    """Signals, open files, threads, limits and rights are the same."""
    warm, cold = start(Daemon), start(Cold)
    wait_for(lambda: described(warm) == described(cold), "the same of both")


def test_it_says_the_same(start: Callable[[type[Daemon]], Daemon]) -> None:
    """Events of the log, one after the other."""
    warm, cold = start(Daemon), start(Cold)
    assert [warm.stop(), cold.stop()] == [0, 0]
    assert re.findall('"event": ?"([^"]+)"', warm.log) == re.findall('"event": ?"([^"]+)"', cold.log) != []


def test_how_it_ends_is_known(start: Callable[[type[Daemon]], Daemon]) -> None:
    """By itself, or by a signal; and it is gone."""
    daemon = start(Daemon)
    daemon.kill()
    assert daemon.exit_code == -signal.SIGKILL
    assert not Path(f"/proc/{daemon.pid}").exists()
    daemon.start()
    assert daemon.exit_code is None
    assert daemon.stop() == 0


def test_it_has_the_environment_of_the_test(
    start: Callable[[type[Daemon]], Daemon], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is when it starts, not as it was when the first one did: it tells a manager that it is ready."""
    start(Daemon).stop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(FACT_LIMIT_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        start(Daemon)
        wait_for(lambda: b"READY=1" in manager.recv(4096), "the daemon to say that it is ready")
