"""`make run`, without make: it serves, its curl lines work, it follows edits, and it leaves nothing behind."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.envoy.client import Answer, http_get
from tests.envoy.processes import ROOT, Child
from tests.envoy.waiting import wait_for
from tests.ports import free_port

pytestmark = [pytest.mark.envoy, pytest.mark.usefixtures("envoy_binary")]

SCRIPT = ROOT / "config" / "quickstart" / "run.py"
PORT_NAMES = ("HTTP_PORT", "XDS_PORT", "ADMIN_PORT", "ENVOY_ADMIN_PORT", "BACKEND_PORT")


class Quickstart(Child):
    """The quickstart on free ports, its temporary files in a directory of the test."""

    def __init__(self, directory: Path) -> None:
        super().__init__("quickstart", directory / "quickstart.log")
        self.ports = {name: free_port() for name in PORT_NAMES}
        self.temporary = directory / "tmp"
        self.temporary.mkdir()

    def launch(self) -> None:
        """Start it without waiting."""
        ports = {name: str(port) for name, port in self.ports.items()}
        environment = {**os.environ, **ports, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary)}
        self.spawn([sys.executable, str(SCRIPT)], environment)

    def wait_invitation(self) -> None:
        """Wait until it says what to try."""

        def invites() -> bool:
            self.assert_alive()
            return "Ctrl-C ends it." in self.log

        wait_for(invites, "the quickstart to serve", deadline_s=60)

    def curl_lines(self) -> list[str]:
        """What it says to try."""
        return re.findall(r"^    (curl .*)$", self.log, re.MULTILINE)


@pytest.fixture
def quickstart(tmp_path: Path) -> Iterator[Quickstart]:
    """One that is not started yet."""
    made = Quickstart(tmp_path)
    yield made
    made.discard()


def curl(line: str) -> Answer:
    """Do what a curl line says."""
    *options, url = shlex.split(line)[1:]
    parts = urlsplit(url)
    assert parts.port is not None
    host = options[1].removeprefix("Host: ") if options else str(parts.hostname)
    return http_get(parts.port, host, parts.path)


def descendants(pid: int) -> set[int]:
    """Process ids of everything a process started, and what that started."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found: set[int] = set()
    newest = {pid}
    while newest:
        newest = {child for child, parent in parents.items() if parent in newest}
        found |= newest
    return found


def runs(pid: int) -> bool:
    """Whether a process runs; one that nobody has reaped yet does not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_curl_lines_work_and_edits_follow(quickstart: Quickstart) -> None:
    """Every line it prints does what it promises, and a saved file is served."""
    quickstart.launch()
    quickstart.wait_invitation()

    hello, shop, objects = (curl(line) for line in quickstart.curl_lines())
    assert hello.json["path"] == "/hello"
    assert (shop.json["path"], shop.json["headers"]["x-shop"]) == ("/42", "quickstart")
    assert {item["kind"] for item in objects.json["items"]} == {"Gateway", "HTTPRoute", "Backend"}

    (routes,) = re.findall(r"Edit or add a file in (.*) and try again", quickstart.log)
    route = Path(routes) / "hello.yaml"
    route.write_text(route.read_text().replace("/hello", "/good-morning"))
    wait_for(lambda: http_get(quickstart.ports["HTTP_PORT"], path="/good-morning").status == 200, "the edit")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_everything(quickstart: Quickstart, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end it with success; no process and no file stays."""
    quickstart.launch()
    quickstart.wait_invitation()
    started = descendants(quickstart.pid)
    assert len(started) >= 3

    quickstart.signal(number)
    assert quickstart.wait() == 0
    assert [pid for pid in started if runs(pid)] == []
    assert list(quickstart.temporary.iterdir()) == []


def test_kill_leaves_no_process(quickstart: Quickstart) -> None:
    """Even killed without a chance to clean up it takes egxds, Envoy and the backend with it."""
    quickstart.launch()
    quickstart.wait_invitation()
    started = descendants(quickstart.pid)

    quickstart.kill()
    wait_for(lambda: not any(runs(pid) for pid in started), "its processes to go")


def test_ends_with_egxds(quickstart: Quickstart) -> None:
    """When a part of it dies, the rest ends too, and says so with exit status 1."""
    quickstart.launch()
    quickstart.wait_invitation()
    started = descendants(quickstart.pid)
    (egxds,) = (pid for pid in started if b"\0up\0" in Path(f"/proc/{pid}/cmdline").read_bytes())

    os.kill(egxds, signal.SIGKILL)
    assert quickstart.wait() == 1
    assert "quickstart: egxds ended with exit status -9" in quickstart.log
    # Envoy is ended by the kernel, as egxds has nobody to do it any more.
    wait_for(lambda: not any(runs(pid) for pid in started), "its processes to go")


@pytest.mark.parametrize("name", PORT_NAMES)
def test_port_in_use(quickstart: Quickstart, name: str) -> None:
    """A port that is taken gives one line: which port, and which variable chooses another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", quickstart.ports[name]))
        taken.listen()
        quickstart.launch()
        assert quickstart.wait() == 1
    port = quickstart.ports[name]
    expected = f"quickstart: port {port} is in use: choose another, as in make run {name}={port + 1}\n"
    assert quickstart.log == expected


def test_one_port_twice(quickstart: Quickstart) -> None:
    """One port for two things is told like a port in use."""
    quickstart.ports["XDS_PORT"] = quickstart.ports["HTTP_PORT"]
    quickstart.launch()
    assert quickstart.wait() == 1
    assert "make run XDS_PORT=" in quickstart.log


def test_usual_ports_are_those_of_the_files() -> None:
    """With the usual ports the files are served as they are: they name the ports that the Makefile names."""
    makefile = dict(re.findall(r"^export (\w+_PORT) +\?= (\d+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
    script = dict(re.findall(r'^    "(\w+_PORT)": (\d+),$', SCRIPT.read_text(), re.MULTILINE))
    assert set(makefile) == set(PORT_NAMES)
    assert makefile == script
    files = "".join(path.read_text() for path in SCRIPT.parent.rglob("*.yaml"))
    for name in set(PORT_NAMES) - {"ENVOY_ADMIN_PORT"}:
        assert re.search(rf"\b{makefile[name]}\b", files), f"no file names the usual {name}"
