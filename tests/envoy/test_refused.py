"""What an Envoy refused is served as soon as it can be: nobody has to edit anything, or restart."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from egxds.sessions.pending import LONGEST_STEP_S
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.client import FRESH, SteadyClient, http_get
from tests.envoy.conftest import RunEnvoy, StartEnvoy
from tests.envoy.control_plane import ControlPlane, plain_bootstrap
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.resources import cluster, endpoints, listener, route
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

PATIENCE_S = 6 * LONGEST_STEP_S
LISTENERS = ("x", "y", "z")
HOST = "any.test"
SENT = "egxds: sent to envoy-1 what it refused: 1 resource\n"
NOTHING_REFUSED = "egxds: no Envoy refuses anything\n"


class Shop:
    """A Gateway whose listeners each have a backend of their own name.

    Attributes:
        daemon: serves it.
        ports: of x, y, z, and more that are free.
    """

    def __init__(self, workspace: Workspace, daemon: Daemon, backends: Sequence[EchoBackend]) -> None:
        self.daemon = daemon
        self.ports = [free_port() for _ in range(4)]
        self._workspace = workspace
        for name, backend in zip(LISTENERS, backends, strict=True):
            workspace.write(f"backend-{name}.yaml", backend_manifest(name, backend.port))
            workspace.write(f"route-{name}.yaml", http_route(name, HOST, name, section=name))
        self.listen(*self.ports[:3])

    def listen(self, *ports: int) -> None:
        """Give x, y and z these ports."""
        self._workspace.write("gateway.yaml", gateway("web", *map(http, ports, LISTENERS)))

    def wait_served(self, *ports: int) -> None:
        """Wait until each of x, y and z answers on its port."""

        def served() -> bool:
            assert [answer_at(port) for port in ports] == list(LISTENERS[: len(ports)])
            return True

        wait_for(served, f"x, y, z at {ports}", PATIENCE_S)

    def wait_well(self) -> None:
        """Wait until nothing is refused, and everything says so."""

        def is_well() -> bool:
            assert self.daemon.admin("/readyz").text == "ok\n"
            assert self.programmed() == {"": "True", "x": "True", "y": "True", "z": "True"}
            assert self.command("clients").returncode == 0
            return True

        wait_for(is_well, "all to be well")

    def wait_refused(self, name: str) -> None:
        """Wait until everything says that a listener is refused."""

        def is_refused() -> bool:
            programmed = self.programmed()
            assert (programmed[""], programmed[name]) == ("False", "False")
            assert f"refuses listener default/web/{name}: cannot bind" in self.daemon.admin("/readyz").text
            shown = self.command("clients")
            told = " ".join(shown.stdout.split())
            assert shown.returncode == 1
            assert f"default/web/{name} (routes/gateway.yaml:" in told.replace(str(self._workspace.root) + "/", "")
            assert "Address already in use" in told
            return True

        wait_for(is_refused, f"{name} to be refused, and said to be")

    def programmed(self) -> dict[str, str]:
        """Return the status of Programmed of the Gateway, by an empty name, and of its listeners."""
        (item,) = self.daemon.api("objects", kind="Gateway")["items"]
        parts = [("", item["status"]), *((each["name"], each) for each in item["status"]["listeners"])]
        return {name: _programmed(part) for name, part in parts}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that asks the daemon."""
        command = [sys.executable, "-m", "egxds", *arguments, "--admin", self.daemon.settings["admin"]["address"]]
        environment = {**os.environ, "COLUMNS": "300"}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


def _programmed(part: Any) -> str:
    return str(next(one["status"] for one in part["conditions"] if one["type"] == "Programmed"))


def answer_at(port: int) -> str | None:
    """Return the name of the backend that answers on a port, and so of the listener; None where nothing does."""
    try:
        answer = http_get(port, HOST)
    except OSError:
        return None
    return str(answer.json["backend"]) if answer.status == 200 else None


@contextlib.contextmanager
def taken(port: int) -> Iterator[None]:
    """Have another program listen on a port."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


@contextlib.contextmanager
def unharmed(port: int) -> Iterator[None]:
    """See that no request to a port fails meanwhile, on connections that are kept and on new ones."""
    with SteadyClient(port, HOST) as kept, SteadyClient(port, HOST, headers=FRESH) as fresh:
        yield
        for client in (kept, fresh):
            client.wait_for_more()
    assert [kept.failures, fresh.failures] == [[], []]


@pytest.fixture
def shop(workspace: Workspace, make_daemon: Callable[..., Daemon]) -> Iterator[Shop]:
    """A Gateway with three listeners, and a running daemon."""
    with contextlib.ExitStack() as running:
        made = Shop(workspace, make_daemon(), [running.enter_context(EchoBackend(name)) for name in LISTENERS])
        made.daemon.start()
        yield made


def test_port_that_is_taken_and_freed(shop: Shop, start_envoy: StartEnvoy) -> None:
    """Nothing is edited (istio/istio issue 7765, envoyproxy/envoy issue 3395, envoyproxy/gateway issue 5477)."""
    with taken(shop.ports[0]):
        start_envoy(shop.daemon)
        shop.wait_refused("x")
        with unharmed(shop.ports[1]):
            wait_for(lambda: len(shop.daemon.events("session.push")) > 8, "a few tries")
    shop.wait_served(*shop.ports[:3])
    shop.wait_well()
    wait_for(lambda: shop.daemon.events("session.nack_over"), "the log to have it")
    warnings = [line for line in shop.daemon.events("session.nack") if line["level"] == "warning"]
    assert len(warnings) == 1


@pytest.mark.parametrize("means", ["SIGHUP", "resync", "resync of another"])
def test_somebody_who_knows_that_the_port_is_free_does_not_wait(
    shop: Shop, start_envoy: StartEnvoy, means: str
) -> None:
    """SIGHUP and `egxds resync` send what was refused, and nothing else; the next try may still be faster."""
    with taken(shop.ports[0]):
        start_envoy(shop.daemon)
        shop.wait_refused("x")
        wait_for(lambda: len(nacks(shop)) >= 4, "tries to be rare", PATIENCE_S)
    before = len(pushes(shop))
    if means == "SIGHUP":
        shop.daemon.signal(signal.SIGHUP)
    else:
        if means == "resync of another":
            assert shop.command("resync", "envoy-2").returncode == 1
        result = shop.command("resync", "envoy-1")
        assert (result.returncode, result.stderr) in ((0, SENT), (0, NOTHING_REFUSED))
    shop.wait_served(*shop.ports[:3])
    shop.wait_well()
    sent = [push for push in pushes(shop)[before:] if push["type"] == "listener"]
    assert {push["resources"] for push in sent} == {1}
    assert shop.command("resync").stderr == NOTHING_REFUSED


def pushes(shop: Shop) -> list[dict[str, Any]]:
    """Return what was sent, a log line for each response."""
    return shop.daemon.events("session.push")


def nacks(shop: Shop) -> list[dict[str, Any]]:
    """Return what was refused, a log line for each response."""
    return shop.daemon.events("session.nack")


EXCHANGES = {
    "x takes the port of y, which moves on": ((1, 3, 2), (0, 1, 2)),
    "y takes the port of x, which moves on": ((3, 0, 2), (0, 1, 2)),
    "x and y exchange theirs": ((1, 0, 2), (0, 1, 2)),
}


@pytest.mark.parametrize("steps", EXCHANGES.values(), ids=EXCHANGES.keys())
def test_ports_that_change_hands(shop: Shop, start_envoy: StartEnvoy, steps: Sequence[Sequence[int]]) -> None:
    """And back; Envoy refuses nothing, and the third never notices (envoyproxy/envoy PR 3593, cilium PR 48624)."""
    start_envoy(shop.daemon)
    shop.wait_served(*shop.ports[:3])
    with unharmed(shop.ports[2]):
        for step in steps:
            ports = [shop.ports[number] for number in step]
            shop.listen(*ports)
            shop.wait_served(*ports)
    assert nacks(shop) == []
    shop.wait_well()


def test_three_ports_in_a_circle(shop: Shop, start_envoy: StartEnvoy) -> None:
    """Round, and round again, and the other way."""
    start_envoy(shop.daemon)
    shop.wait_served(*shop.ports[:3])
    first = shop.ports[:3]
    for ports in (first[1:] + first[:1], first[2:] + first[:2], first, first[2:] + first[:2]):
        shop.listen(*ports)
        shop.wait_served(*ports)
    assert nacks(shop) == []


def test_ports_that_were_exchanged_while_nobody_served(shop: Shop, start_envoy: StartEnvoy) -> None:
    """The daemon that comes back does not know where the Envoy listens, and finds out."""
    start_envoy(shop.daemon)
    shop.wait_served(*shop.ports[:3])
    x, y, z = shop.ports[:3]
    with unharmed(z):
        shop.daemon.kill()
        shop.listen(y, x, z)
        shop.daemon.start()
        shop.wait_served(y, x, z)
    shop.wait_well()


@pytest.mark.parametrize("is_served", [True, False], ids=["served", "nobody serves"])
def test_ports_that_are_exchanged_beside_one_that_is_taken(
    shop: Shop, start_envoy: StartEnvoy, *, is_served: bool
) -> None:
    """Those two do not wait for the third, which is refused for as long as another program has its port."""
    x, y, z = shop.ports[:3]
    with taken(x):
        start_envoy(shop.daemon)
        shop.wait_refused("x")
        if not is_served:
            shop.daemon.kill()
        shop.listen(x, z, y)
        if not is_served:
            shop.daemon.start()
        wait_for(lambda: (answer_at(z), answer_at(y)) == ("y", "z"), "y and z to have exchanged theirs", PATIENCE_S)
        shop.wait_refused("x")
    shop.wait_served(x, z, y)
    shop.wait_well()


def test_envoy_that_comes_back_in_the_middle(shop: Shop, start_envoy: StartEnvoy) -> None:
    """An Envoy that leaves takes its refusals with it; the next one's are its own."""
    with taken(shop.ports[0]):
        envoy = start_envoy(shop.daemon)
        shop.wait_refused("x")
        envoy.stop()
        wait_for(lambda: shop.daemon.admin("/readyz").text == "ok\n", "the refusal to be gone")
        start_envoy(shop.daemon)
        shop.wait_refused("x")
        shop.daemon.kill()
        shop.daemon.start()
        shop.wait_refused("x")
    shop.wait_served(*shop.ports[:3])
    shop.wait_well()


def test_two_envoys_of_one_gateway(shop: Shop, start_envoy: StartEnvoy) -> None:
    """Each is named; the Gateway is not programmed for as long as one of them refuses it."""
    with taken(shop.ports[0]):
        start_envoy(shop.daemon, node_id="first")
        second = start_envoy(shop.daemon, node_id="second")
        wait_for(lambda: shop.daemon.admin("/readyz").text.count("refuses listener") == 2, "both to refuse it")
        assert "'first'" in shop.daemon.admin("/readyz").text
        second.stop()
        wait_for(lambda: shop.daemon.admin("/readyz").text.count("refuses listener") == 1, "one of them to leave")
        shop.wait_refused("x")
    shop.wait_served(*shop.ports[:3])
    shop.wait_well()


def test_file_that_comes_later(
    control_plane: ControlPlane, run_envoy: RunEnvoy, backend: EchoBackend, tmp_path: Path
) -> None:
    """A cluster is refused where a file that it names is missing, and not when it is there; the others serve."""
    missing, port = tmp_path / "ca.pem", free_port()
    served = [cluster("other"), endpoints("other", backend.port), listener("l", port, "r"), route("r", "other")]
    control_plane.publish(*served, cluster("late", ca_file=missing), endpoints("late", backend.port))
    run_envoy(plain_bootstrap(control_plane.port)).wait_ready()
    wait_for(lambda: refused(control_plane) == ["late"], "the cluster to be refused")
    with unharmed(port):
        missing.write_text(Authority().cert)
        wait_for(lambda: refused(control_plane) == [], "the cluster to be taken", PATIENCE_S)


def refused(control_plane: ControlPlane) -> list[str]:
    """Return the names of what the only Envoy refuses."""
    types = itertools.chain.from_iterable(client["types"] for client in control_plane.clients())
    return [one["name"] for status in types for one in status["refused"]]
