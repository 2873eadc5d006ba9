"""The page of systemd, done under a booted systemd: the units start, serve, restart and are hardened as it says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks
from tests.envoy.manifests import backend, gateway, http, http_route
from tests.envoy.waiting import wait_for
from tests.packaging.machine import Machine

PAGE = ROOT / "docs" / "run" / "systemd.md"

pytestmark = [pytest.mark.timeout(280), pytest.mark.envoy]


@pytest.fixture
def machine(require: Callable[..., None], envoy_binary: Path, tmp_path: Path) -> Iterator[Machine]:
    """A machine that has been booted, without egxds."""
    require("systemd-nspawn", "unshare", "nsenter")
    if os.geteuid() != 0:
        pytest.skip("only root can boot a machine in systemd-nspawn")
    assert envoy_binary
    booted = Machine(tmp_path)
    try:
        booted.boot()
    except RuntimeError as err:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"systemd-nspawn cannot boot a machine here: {err}")
    yield booted
    booted.end()


def follow(machine: Machine, block: Block) -> None:
    """Do what a block of the page says."""
    verb, _, path = block.detail.partition(" ")
    if verb == "install":
        machine.install()
    elif verb == "shell":
        machine.shell(block.text)
    elif verb == "write":
        machine.write(path, block.text)
    else:
        assert verb == "says", block
        expect(machine, block.text)


def expect(machine: Machine, text: str) -> None:
    """Wait until a command says what the page shows."""
    prompt, *lines = text.splitlines()

    def says() -> bool:
        said = machine.run("sh", "-c", prompt.removeprefix("$ "), statuses=None)
        assert [line for line in lines if line not in said] == [], said
        return True

    wait_for(says, text)


def test_every_block_is_done() -> None:
    """Except for what needs a newer systemd than the oldest that is served."""
    (left,) = (block for block in blocks(PAGE) if block.kind != "systemd")
    assert "Type=notify-reload" in left.text


def test_the_page(machine: Machine) -> None:
    """A reader who does what the page says has what it shows."""
    for block in blocks(PAGE):
        if block.marker:
            follow(machine, block)
    # With the last of what it says: a socket that systemd made for a group.
    assert "root xds srw-rw----" in machine.shell("stat -c '%U %G %A' /run/egxds-xds.sock")


UNIT = "/etc/systemd/system/egxds.service"
DROP_IN = f"{UNIT}.d/test.conf"
HOOKS = "/srv/egxds/config/examples/in-process-hook/hooks"
POST = {"xdsTranslator": {"post": ["VirtualHost"]}}


def manager(name: str, service: dict[str, object], timeout: str = "10s") -> dict[str, object]:
    """An extension that is asked about virtual hosts."""
    return {"name": name, "service": service, "hooks": POST, "timeout": timeout}


@pytest.fixture
def installed(machine: Machine) -> Machine:
    """A machine with egxds, one Gateway with a route, and the unit."""
    machine.install()
    routes = gateway("web", http(8080)) + http_route("a", "a.test", "echo") + backend("echo", 3000)
    machine.write("/etc/egxds/routes/web.yaml", routes)
    machine.shell("cp config/systemd/egxds.service /etc/systemd/system/")
    return machine


def start(machine: Machine, *managers: dict[str, object], drop_in: str = "") -> None:
    """Start the service with these extensions, and with these lines in its unit."""
    settings = {"sources": {"files": {"paths": ["routes/"]}}, "stateDir": "/var/lib/egxds"}
    machine.write("/etc/egxds/egxds.yaml", json.dumps({**settings, "extensionManagers": managers}))
    machine.write(DROP_IN, f"[Service]\n{drop_in}\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "egxds")


def status_of(machine: Machine, name: str) -> str:
    """One property of the service, as systemd knows it."""
    return machine.run("systemctl", "show", "--value", "--property", name, "egxds").strip()


def wait_for_status(machine: Machine, begin: str) -> None:
    """Wait until the line for people begins so."""
    wait_for(lambda: status_of(machine, "StatusText").startswith(begin), begin)


def ask(machine: Machine, path: str) -> str:
    """What the admin port answers."""
    return machine.run("curl", "-sf", f"http://127.0.0.1:19080{path}")


def states_of_hooks(machine: Machine) -> dict[str, str]:
    """How each extension is doing, by its name."""
    return {hook["manager"]: hook["state"] for hook in json.loads(ask(machine, "/api/v1/hooks"))["items"]}


def test_hooks_of_each_kind_run_with_the_hardening(installed: Machine) -> None:
    """Over gRPC, in a process with its limit of memory, and on a thread: all answer; files, states and metrics work."""
    serve = ["egxds", "extension", "serve", "greeting:Greetings", "--path", HOOKS, "--listen", "127.0.0.1:5005"]
    installed.run("systemd-run", "-q", "--unit=egxds-extension", f"/opt/egxds/bin/{serve[0]}", *serve[1:])
    python = {"python": "greeting:Greetings", "path": [HOOKS]}
    start(
        installed,
        manager("grpc", {"ip": {"address": "127.0.0.1", "port": 5005}}),
        manager("process", {**python, "limits": {"memory": "256Mi"}}) | {"onFailure": "hold"},
        manager("thread", {**python, "isolation": "thread"}),
    )
    wait_for_status(installed, "serving 1 Gateway to 0 Envoys")
    # The server of hooks is started beside egxds, and may be there behind it.
    well = dict.fromkeys(("grpc", "process", "thread"), "healthy")
    wait_for(lambda: states_of_hooks(installed) == well, "all hooks to be well")
    assert "\nprocess_resident_memory_bytes " in ask(installed, "/metrics")
    wait_for(lambda: installed.run("ls", "/var/lib/private/egxds") != "", "states to be kept")

    installed.run("rm", "/etc/egxds/routes/web.yaml")
    wait_for_status(installed, "serving 1 Gateway to 0 Envoys; the last good state of routes/web.yaml is in force: ")


def test_a_hook_that_asks_for_too_much_fails_alone(installed: Machine) -> None:
    """A call of the system that the unit denies is a failed call of the hook, and ends nothing."""
    greedy = "import os\n\nclass Hooks:\n    async def virtual_host(self, host, context):\n        os.nice(1)\n"
    installed.write("/etc/egxds/hooks/greedy.py", greedy)
    start(installed, manager("greedy", {"python": "greedy:Hooks", "path": ["hooks"], "isolation": "thread"}))
    wait_for_status(installed, "serving 1 Gateway to 0 Envoys; hook greedy VirtualHost fails: 1 Gateway denied")
    (hook,) = json.loads(ask(installed, "/api/v1/hooks"))["items"]
    assert "PermissionError" in hook["lastError"]
    assert status_of(installed, "NRestarts") == "0"


def test_a_start_may_take_longer_than_systemd_waits(installed: Machine) -> None:
    """An extension that is silent for longer than TimeoutStartSec: the start is not ended and tried again for ever."""
    # Nobody takes what comes to this socket.
    installed.run("systemd-run", "-q", "--socket-property=ListenStream=127.0.0.1:5005", "sleep", "infinity")
    silent = manager("authz", {"ip": {"address": "127.0.0.1", "port": 5005}}, "22s")
    start(installed, silent, drop_in="TimeoutStartSec=20")
    assert status_of(installed, "NRestarts") == "0"
    wait_for_status(installed, "serving 1 Gateway to 0 Envoys; hook authz VirtualHost fails: 1 Gateway denied")


def test_what_is_stuck_is_started_again(installed: Machine) -> None:
    """A process that does nothing any more is ended by the watchdog, and another one serves."""
    start(installed, drop_in="WatchdogSec=5")
    installed.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", "egxds")
    wait_for(lambda: status_of(installed, "NRestarts") == "1", "another process")
    wait_for(lambda: status_of(installed, "ActiveState") == "active", "it to serve")
    assert "watchdog" in installed.run("journalctl", "-u", "egxds", "--no-pager").lower()
