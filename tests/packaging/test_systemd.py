"""The systemd unit: well formed, and what it starts keeps systemd's rules."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.envoy.daemon import Daemon
from tests.envoy.manifests import gateway, http
from tests.envoy.processes import ROOT
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

UNIT = ROOT / "config" / "systemd" / "egxds.service"
INSTALLED = "/opt/egxds/bin/egxds"


def setting(name: str) -> str:
    """A setting of the unit that stands there once."""
    (value,) = (line.partition("=")[2] for line in UNIT.read_text().splitlines() if line.startswith(f"{name}="))
    return value


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket that stands in for systemd's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify.sock"))
        listener.setblocking(False)
        yield listener


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Daemon]:
    """What the unit starts, with the paths of this machine."""
    workspace = Workspace(tmp_path / "workspace")
    workspace.write("gateway.yaml", gateway("web", http(free_port())))
    daemon = Daemon(workspace)
    yield daemon
    daemon.discard()


def exec_start(daemon: Daemon) -> list[str]:
    """The unit's ExecStart, with the program and the settings file of this test."""
    program, *arguments = shlex.split(setting("ExecStart"))
    assert program == INSTALLED
    settings = {"/etc/egxds/egxds.yaml": str(daemon.settings_path)}
    return [sys.executable, "-m", "egxds", *(settings.get(argument, argument) for argument in arguments)]


def environment(manager: socket.socket) -> dict[str, str]:
    """What systemd would hand over."""
    return {**os.environ, "NOTIFY_SOCKET": manager.getsockname()}


def next_state(service: Daemon, manager: socket.socket) -> str:
    """The next message of the service that is no status line and no sign of life."""

    def receive() -> str:
        service.assert_alive()
        message = manager.recv(4096).decode()
        return "" if message.startswith(("STATUS=", "WATCHDOG=")) else message

    return wait_for(receive, "the next message to systemd")


def test_unit_is_well_formed(require: Callable[..., None], tmp_path: Path) -> None:
    """The unit is one that systemd finds nothing to say about, once its program is installed."""
    require("systemd-analyze")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(INSTALLED, sys.executable))
    said = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_ready_when_readyz_says_so(service: Daemon, manager: socket.socket) -> None:
    """READY=1 comes when the daemon serves, not before: at that moment /readyz is 200."""
    service.spawn(exec_start(service), environment(manager))
    assert next_state(service, manager) == "READY=1"
    assert service.admin("/readyz").status == 200


def test_not_ready_without_its_port(service: Daemon, manager: socket.socket) -> None:
    """A daemon that cannot bind says nothing to systemd and ends."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(service.settings["xds"]["address"].rpartition(":")[2])))
        taken.listen()
        service.spawn(exec_start(service), environment(manager))
        assert service.wait() != 0
    with pytest.raises(BlockingIOError):
        manager.recv(4096)


def test_reload_and_stop(service: Daemon, manager: socket.socket) -> None:
    """The unit's ExecReload brings RELOADING=1 and READY=1; SIGTERM brings STOPPING=1 and a clean end in time."""
    service.spawn(exec_start(service), environment(manager))
    assert next_state(service, manager) == "READY=1"

    assert setting("ExecReload") == "/bin/kill -HUP $MAINPID"
    service.signal(signal.SIGHUP)
    assert next_state(service, manager).splitlines()[0] == "RELOADING=1"
    assert next_state(service, manager) == "READY=1"

    service.signal(signal.SIGTERM)
    assert next_state(service, manager) == "STOPPING=1"
    assert service.wait() == 0


def test_watchdog_is_fed(service: Daemon, manager: socket.socket) -> None:
    """With the unit's watchdog, a sign of life comes with the start."""
    assert setting("WatchdogSec").isdigit()
    limit_us = int(setting("WatchdogSec")) * 1_000_000
    service.spawn(exec_start(service), {**environment(manager), "WATCHDOG_USEC": str(limit_us)})
    wait_for(lambda: manager.recv(4096) == b"WATCHDOG=1", "a sign of life")
