"""The systemd unit: well formed, and what it starts keeps systemd's rules."""

from __future__ import annotations

import contextlib
import os
import re
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
PAGE = ROOT / "docs" / "run" / "systemd.md"
MOST_EXPOSURE = 1.5


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


def next_message(service: Daemon, manager: socket.socket, *passed_over: str) -> str:
    """The next message of the service that does not begin with one of some words."""

    def receive() -> str:
        service.assert_alive()
        message = manager.recv(4096).decode()
        return "" if message.startswith(passed_over) else message

    return wait_for(receive, "the next message to systemd")


def next_state(service: Daemon, manager: socket.socket) -> str:
    """The first line of the next message that is no status line, no sign of life and no wish for more time."""
    return next_message(service, manager, "STATUS=", "WATCHDOG=", "EXTEND_TIMEOUT_USEC=").splitlines()[0]


def next_status(service: Daemon, manager: socket.socket) -> str:
    """The next line for people; whatever else is said before it is passed over."""
    others = ("READY=", "RELOADING=", "WATCHDOG=", "EXTEND_TIMEOUT_USEC=")
    return next_message(service, manager, *others).rpartition("STATUS=")[2]


def wait_for_status(service: Daemon, manager: socket.socket, line: str) -> None:
    """Wait until a line is said to people, with whatever lines before it."""
    wait_for(lambda: next_status(service, manager) == line, line)


def said(manager: socket.socket) -> list[str]:
    """All lines that have arrived."""
    lines: list[str] = []
    with contextlib.suppress(BlockingIOError):
        while True:
            lines += manager.recv(4096).decode().splitlines()
    return lines


@pytest.mark.parametrize("name", ["egxds.service", "egxds.socket", "envoy.service"])
def test_units_are_well_formed(require: Callable[..., None], tmp_path: Path, name: str) -> None:
    """Each unit is one that systemd finds nothing to say about, once its program is installed."""
    require("systemd-analyze")
    for unit in UNIT.parent.iterdir():
        installed = re.sub(r"/opt/egxds/bin/egxds|/usr/local/bin/envoy", sys.executable, unit.read_text())
        (tmp_path / unit.name).write_text(installed)
    said = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_hardening(require: Callable[..., None]) -> None:
    """How much of the machine the service is exposed to, as systemd counts it; the page says the same."""
    require("systemd-analyze")
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Overall exposure level for egxds.service: ([\d.]+)", said.stdout)
    assert found
    assert float(found[1]) <= MOST_EXPOSURE
    assert f"`systemd-analyze security egxds` says {found[1]} " in PAGE.read_text()


def test_ready_when_readyz_says_so(service: Daemon, manager: socket.socket) -> None:
    """READY=1 comes when the daemon serves, not before: at that moment /readyz is 200."""
    service.spawn(exec_start(service), environment(manager))
    assert next_state(service, manager) == "READY=1"
    assert service.admin("/readyz").status == 200


def test_not_ready_without_its_port(service: Daemon, manager: socket.socket) -> None:
    """A daemon that cannot bind ends and has never said that it is ready."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(service.settings["xds"]["address"].rpartition(":")[2])))
        taken.listen()
        service.spawn(exec_start(service), environment(manager))
        assert service.wait() != 0
    assert "READY=1" not in said(manager)


def test_reload_and_stop(service: Daemon, manager: socket.socket) -> None:
    """The unit's ExecReload brings RELOADING=1 and READY=1; SIGTERM brings STOPPING=1 and a clean end in time."""
    service.spawn(exec_start(service), environment(manager))
    assert next_state(service, manager) == "READY=1"

    assert setting("ExecReload") == "/bin/kill -HUP $MAINPID"
    service.signal(signal.SIGHUP)
    assert next_state(service, manager) == "RELOADING=1"
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


def test_status_is_what_a_person_wants_to_know(service: Daemon, manager: socket.socket, tmp_path: Path) -> None:
    """The line says what is served and what is wrong with it, and changes when that does."""
    service.spawn(exec_start(service), environment(manager))
    wait_for_status(service, manager, "serving 1 Gateway to 0 Envoys")
    broken = tmp_path / "workspace" / "routes" / "broken.yaml"
    broken.write_text("apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {}\n")
    wait_for_status(service, manager, "serving 1 Gateway to 0 Envoys; 2 errors in the files")
    broken.unlink()
    wait_for_status(service, manager, "serving 1 Gateway to 0 Envoys")
    service.signal(signal.SIGTERM)
    wait_for_status(service, manager, "stopping: taking leave of 0 Envoys")


def test_silent_extensions_do_not_end_a_start(service: Daemon, manager: socket.socket) -> None:
    """While the start waits for an extension that does not answer, systemd is told so and asked for more time."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        service.settings["extensionManagers"] = [
            {
                "name": "authz",
                "hooks": {"xdsTranslator": {"post": ["HTTPListener"]}},
                "service": {"fqdn": {"hostname": "127.0.0.1", "port": silent.getsockname()[1]}},
                "timeout": "3s",
            }
        ]
        service.write_settings()
        service.spawn(exec_start(service), environment(manager))
        heard: list[str] = []

        def is_ready() -> bool:
            service.assert_alive()
            heard.extend(said(manager))
            return "READY=1" in heard

        wait_for(is_ready, "the daemon to be ready")
        before = heard[: heard.index("READY=1")]
        assert "STATUS=waiting for extension authz" in before
        assert "EXTEND_TIMEOUT_USEC=20000000" in before[before.index("STATUS=waiting for extension authz") :]
        wait_for_status(
            service, manager, "serving 1 Gateway to 0 Envoys; hook authz HTTPListener fails: 1 Gateway denied"
        )
