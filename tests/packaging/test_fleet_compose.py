"""compose.fleet.yaml: three of each do together what docs/run/fleet.md promises, each on a machine of its own."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.beside import Beside
from tests.docs.blocks import blocks
from tests.envoy.processes import ROOT
from tests.envoy.waiting import wait_for
from tests.packaging.bridge import Bridge, Machine
from tests.packaging.engine import Volume
from tests.packaging.image_build import Image

COMPOSE = ROOT / "compose.fleet.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
FILES = ROOT / "config/fleet"
PAGE = blocks(ROOT / "docs/run/fleet.md")
ENVOYS = ("envoy-1", "envoy-2", "envoy-3")
REPLICAS = ("egxds-1", "egxds-2", "egxds-3")
MEMBERS = ("etcd-1", "etcd-2", "etcd-3")
_PORT = 8080
_LIMIT_S = 60.0
_RULE = "  rules: [{"
_TURN = "filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-turn, value: %s}]}}], "

pytestmark = pytest.mark.timeout(600)


def test_every_service_is_confined() -> None:
    """Nobody is root, nobody writes to a root."""
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "privileged" not in service, name
        assert service["image"] == "egxds" or service["user"] == "65532:65532"


def test_every_volume_is_declared() -> None:
    """Files that are mounted are there, and so is each volume."""
    volumes = yaml.safe_load(COMPOSE.read_text())["volumes"]
    sources = [text.partition(":")[0] for service in SERVICES.values() for text in service.get("volumes", ())]
    assert [each for each in sources if not (each in volumes or (ROOT / each).exists())] == []
    assert set(volumes) <= set(sources)


def test_the_files_name_the_services() -> None:
    """Replicas find all members, and an Envoy all replicas; its bootstrap is what the command prints that it names."""
    settings = yaml.safe_load((FILES / "egxds.yaml").read_text())
    assert settings["sources"]["etcd"]["endpoints"] == [f"http://{name}:2379" for name in MEMBERS]
    first, _, rest = (FILES / "envoy.yaml").read_text().partition("\n")
    program, *arguments = shlex.split(first.removeprefix("# "))
    assert [each for each in arguments if each.endswith(":18000")] == [f"{name}:18000" for name in REPLICAS]
    command = [sys.executable, "-m", program, *arguments]
    assert rest == subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_page_says_what_there_is() -> None:
    """Its commands are of this file, of services that it has, and of ports that these publish."""
    said = [shlex.split(line) for block in PAGE if block.language == "sh" for line in block.text.splitlines()]
    composed = [words for words in said if words[:2] == ["docker", "compose"]]
    assert composed
    assert all(words[2:4] == ["-f", COMPOSE.name] for words in composed)
    known = {*SERVICES, "up", "down", "run", "stop", "start", "exec", "--build", "--rm", "--detach", "--volumes"}
    commands = [words[4:] for words in composed]
    assert [words for words in commands if words[0] not in known] == []
    assert all(set(words) & SERVICES.keys() for words in commands if words[0] in ("run", "stop", "start", "exec"))
    published = {SERVICES[name]["ports"][0].partition(":")[0] for name in ENVOYS}
    asked = {word for words in said if words[0] == "curl" for word in words if word.startswith("http://")}
    assert {url.rpartition(":")[2].strip("/") for url in asked} <= published


class Machines:
    """All services, up in the order that compose.fleet.yaml asks for.

    Attributes:
        bridge: what connects them.
        routes: what is published.
    """

    def __init__(self, machines: Mapping[str, Machine], bridge: Bridge, routes: Path) -> None:
        self.bridge = bridge
        self.routes = routes
        self._machines = machines

    def start_all(self) -> None:
        """Start everything, and wait until each Envoy serves."""
        self.start(*MEMBERS)
        self.publish()
        self.start(*REPLICAS, "site", *ENVOYS)
        wait_for(lambda: self.turns() == {None}, "the site behind each Envoy", _LIMIT_S)

    def start(self, *names: str) -> None:
        """Start services, and wait until those are healthy that say what that is."""
        for name in names:
            self._machines[name].launch()
        for name in names:
            if "test" in SERVICES[name].get("healthcheck", {}):
                self.wait_healthy(name)

    def wait_healthy(self, name: str) -> None:
        """Wait as `depends_on` does."""
        wait_for(lambda: self._is_healthy(name), f"{name} to be healthy", _LIMIT_S)

    def _is_healthy(self, name: str) -> bool:
        self._machines[name].assert_alive()
        return self._machines[name].execute(SERVICES[name]["healthcheck"]["test"][1:]) == 0

    def stop(self, name: str) -> None:
        """End a service as an engine does."""
        self._machines[name].end_within(_LIMIT_S)

    def statuses(self) -> set[int]:
        """Return how `egxds status` ends at each replica."""
        command = ["egxds", "status", "-c", "/etc/egxds/egxds.yaml"]
        return {self._machines[name].execute(command) for name in REPLICAS}

    def publish(self) -> None:
        """Have `publish` run to its end."""
        publish = self._machines["publish"]
        publish.launch()
        assert publish.wait() == 0, publish.log

    def publish_turn(self, turn: int) -> None:
        """Publish an edit, and wait until each Envoy serves it."""
        text = (FILES / "routes/site.yaml").read_text()
        (self.routes / "site.yaml").write_text(text.replace(_RULE, _RULE + _TURN % f'"{turn}"'))
        self.publish()
        wait_for(lambda: self.turns() == {str(turn)}, f"turn {turn} of all Envoys", _LIMIT_S)

    def turns(self) -> set[str | None]:
        """Return what the Envoys tell."""
        return {asked(self.bridge.addresses[name]).headers["x-turn"] for name in ENVOYS}


def asked(address: str) -> HTTPResponse:
    """Ask an Envoy, over a connection for this once."""
    connection = HTTPConnection(address, _PORT, timeout=20)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status
    except HTTPException as err:
        raise AssertionError(repr(err)) from err
    else:
        return response
    finally:
        connection.close()


class Visitor(Beside):
    """Asks some Envoys in turns until it is left.

    Attributes:
        failures: what was no good answer.
    """

    def __init__(self, machines: Machines) -> None:
        super().__init__()
        self.failures: list[str] = []
        self._addresses = [machines.bridge.addresses[name] for name in ENVOYS]

    def _run(self) -> None:
        while not self._is_left.wait(0.01):
            for address in self._addresses:
                try:
                    asked(address)
                except (OSError, AssertionError) as err:
                    self.failures.append(f"{address}: {err!r}")


@pytest.fixture
def machines(
    image: Image, network: None, envoy_binary: Path, tmp_path: Path, require: Callable[..., None]
) -> Iterator[Machines]:
    """All of them; nothing is started."""
    require("etcd", "etcdctl", "ip")
    routes, programs, hosts = tmp_path / "routes", tmp_path / "programs", tmp_path / "hosts"
    for directory in (routes, programs):
        directory.mkdir()
    for program in ("etcd", "etcdctl"):
        shutil.copy(str(shutil.which(program)), programs / program)
    (routes / "site.yaml").write_text((FILES / "routes/site.yaml").read_text())
    with contextlib.ExitStack() as stack:
        bridge = stack.enter_context(Bridge(list(SERVICES)))
        lines = [f"{address} {name}\n" for name, address in bridge.addresses.items()]
        hosts.write_text("".join(["127.0.0.1 localhost\n", *lines]))
        found = {name: Machine(name, service, image, tmp_path) for name, service in SERVICES.items()}
        for name, machine in found.items():
            stack.callback(machine.discard)
            if SERVICES[name]["image"] != "egxds":
                machine.stand_in(programs / "etcd" if name in MEMBERS else envoy_binary)
            machine.find_others(hosts)
        found["publish"].mount(Volume(routes, "/etc/egxds/routes"))
        yield Machines(found, bridge, routes)


@pytest.mark.envoy
def test_any_of_each_may_end(machines: Machines) -> None:
    """No request is lost, and what is published meanwhile is served by all Envoys."""
    machines.start_all()
    with Visitor(machines) as visitor:
        for turn, (member, replica) in enumerate(zip(MEMBERS, REPLICAS, strict=True), start=1):
            machines.stop(member)
            machines.stop(replica)
            machines.publish_turn(turn)
            machines.start(member, replica)
        wait_for(lambda: machines.statuses() == {0}, "nothing to be wrong at any replica", _LIMIT_S)
    assert visitor.failures == []


@pytest.mark.envoy
def test_a_member_may_be_cut_off_from_everybody(machines: Machines) -> None:
    """Whoever was connected to it is told nothing, and notices; when it is back, it is at the head like the others."""
    machines.start_all()
    with Visitor(machines) as visitor:
        for turn, member in enumerate(MEMBERS, start=1):
            machines.bridge.unplug(member)
            machines.publish_turn(turn)
            machines.bridge.plug_in(member)
            machines.wait_healthy(member)
        wait_for(lambda: machines.statuses() == {0}, "nothing to be wrong at any replica", _LIMIT_S)
    assert visitor.failures == []
