"""What the log and the metrics of a daemon say of each thing that goes wrong, and that they stop to say it."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from egxds.telemetry import EVENTS
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route, https
from tests.envoy.metrics_page import MetricsPage
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.halted import halt
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOOKS = """
import pathlib

DEED = pathlib.Path({deed!r})

class Hooks:
    async def virtual_host(self, host, context):
        exec(DEED.read_text())
        return None
"""


class World:
    """A Gateway with a route to `a.test`, an Envoy, and an extension that does what a file says.

    Attributes:
        workspace: its files.
        daemon: serves it.
        envoy: takes it.
        page: what is counted.
        deed: what the hook does.
    """

    def __init__(self, workspace: Workspace, daemon: Daemon, envoy: EnvoyProcess, deed: Path) -> None:
        self.workspace = workspace
        self.daemon = daemon
        self.envoy = envoy
        self.page = MetricsPage(daemon)
        self.deed = deed

    def wait_lines(self, event: str, count: int = 1, **fields: object) -> list[dict[str, Any]]:
        """Wait for log lines of an event that have these fields, and return them."""

        def lines() -> list[dict[str, Any]]:
            return [line for line in self.daemon.events(event) if fields.items() <= line.items()]

        wait_for(lambda: len(lines()) >= count, f"{count} lines {event} {fields}")
        return lines()


@pytest.fixture
def world(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Iterator[World]:
    """Running, and in sync; whatever it has logged in the end is in the table of events, with its fields."""
    folder, deed = workspace.root / "hooks", workspace.root / "deed"
    folder.mkdir()
    (folder / "told_hooks.py").write_text(HOOKS.format(deed=str(deed)))
    deed.write_text("pass")
    workspace.write("gateway.yaml", gateway("web", http(free_port())))
    workspace.write("backend.yaml", backend_manifest("echo", backend.port))
    workspace.write("a.yaml", http_route("a", "a.test", "echo"))
    extension = {
        "name": "told",
        "service": {"python": "told_hooks:Hooks", "path": [str(folder)]},
        "hooks": {"xdsTranslator": {"post": ["VirtualHost"]}},
    }
    daemon = make_daemon(extensionManagers=[extension])
    daemon.start()
    running = World(workspace, daemon, start_envoy(daemon), deed)
    running.page.wait("egxds_xds_node_lag_generations", "envoy-1", value=0)
    yield running
    for event, known in EVENTS.items():
        for line in daemon.events(event):
            odd = line.keys() - {"event", "level", "timestamp", "exception", *known.fields}
            assert not odd, f"{event} has fields that are not in the table: {odd}"
            assert line["level"] in known.levels, f"{event} at level {line['level']}"


def test_a_change_names_what_it_was_made_of(world: World) -> None:
    """The file and the object, not the others; and the Envoy that took it is of that generation."""
    before = world.page.value("egxds_generation") or 0
    world.workspace.write("b.yaml", http_route("b", "b.test", "echo"))
    (line,) = world.wait_lines("snapshot.published", generation=before + 1)
    assert (line["level"], line["gateway"], line["outcome"]) == ("info", "default/web", "accepted")
    assert (line["objects"], line["more"]) == (["HTTPRoute default/b"], 0)
    assert [Path(file).name for file in line["files"]] == ["b.yaml"]
    push = world.wait_lines("session.push", generation=before + 1, type="route", node="envoy-1")[0]
    assert push["names"] == ["default/web/http"]
    assert world.page.value("egxds_generation") == before + 1
    world.page.wait("egxds_xds_node_lag_generations", "envoy-1", value=0)


def test_many_changes_at_once_make_a_short_line(world: World) -> None:
    """The first are named, the others counted."""
    routes = "\n---\n".join(http_route(f"r{number}", f"r{number}.test", "echo") for number in range(100))
    world.workspace.write("many.yaml", routes)
    wait_for(lambda: _published(world.daemon) >= 101, "all routes to be published")

    def is_short() -> bool:
        line = world.daemon.events("snapshot.published")[-1]
        return (len(line["objects"]), len(line["files"]), line["more"]) == (10, 1, 90)

    wait_for(is_short, "the log to have it")


def test_what_an_envoy_refuses(world: World) -> None:
    """A warning once, with its text and the place, however often it is tried; and counted for as long as it lasts."""
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        world.workspace.write("gateway.yaml", gateway("web", http(taken.getsockname()[1])))
        (line,) = world.wait_lines("session.nack", level="warning")
        assert (line["node"], line["type"], line["names"]) == ("envoy-1", "listener", ["default/web/http"])
        assert "Address already in use" in line["error"]
        (place,) = line["sources"]
        assert Path(place).name == "gateway.yaml:2"
        world.wait_lines("session.nack", count=2, level="debug")
        assert len(world.wait_lines("session.nack", level="warning")) == 1
        assert world.page.value("egxds_xds_node_refused_resources", "envoy-1", "listener") == 1
        age_s = world.page.value("egxds_xds_node_refused_seconds", "envoy-1", "listener") or 0.0
        world.page.wait_over("egxds_xds_node_refused_seconds", "envoy-1", "listener", least=age_s)
        assert (world.page.value("egxds_xds_nacks_total", "listener") or 0) >= 2
    world.page.wait("egxds_xds_node_refused_resources", "envoy-1", "listener", value=None)
    assert world.page.value("egxds_xds_refused_resources", "listener") == 0
    world.page.wait("egxds_xds_node_lag_seconds", "envoy-1", value=0)


def test_an_envoy_that_hangs(world: World) -> None:
    """It is behind for as long as it does, by as many generations as there were."""
    halt(world.envoy.pid)
    world.workspace.write("b.yaml", http_route("b", "b.test", "echo"))
    world.page.wait("egxds_xds_node_lag_generations", "envoy-1", value=1)
    world.workspace.write("c.yaml", http_route("c", "c.test", "echo"))
    world.page.wait("egxds_xds_node_lag_generations", "envoy-1", value=2)
    lag_s = world.page.wait_over("egxds_xds_node_lag_seconds", "envoy-1", least=0)
    world.page.wait_over("egxds_xds_node_lag_seconds", "envoy-1", least=lag_s)
    world.envoy.signal(signal.SIGCONT)
    world.page.wait("egxds_xds_node_lag_seconds", "envoy-1", value=0)
    world.page.wait("egxds_xds_node_lag_generations", "envoy-1", value=0)


def test_the_last_envoy_that_goes(world: World, start_envoy: StartEnvoy) -> None:
    """One of two is lost without a word of warning; the last is warned about, and is well when it is back."""
    second = start_envoy(world.daemon, node_id="envoy-2")
    assert world.page.value("egxds_xds_connected_nodes") == 2
    second.kill()
    world.page.wait("egxds_xds_connected_nodes", value=1)
    world.wait_lines("session.close", node="envoy-2")
    assert world.daemon.events("session.last_lost") == []
    gone_s = time.time()
    world.envoy.kill()
    (line,) = world.wait_lines("session.last_lost")
    assert (line["level"], line["node"]) == ("warning", "envoy-1")
    assert world.page.value("egxds_xds_lost_nodes") == 2
    assert (world.page.value("egxds_xds_node_lost_timestamp_seconds", "envoy-1") or 0) >= gone_s - 1
    assert world.page.series("egxds_xds_node_lag_seconds") == {}
    start_envoy(world.daemon)
    world.page.wait("egxds_xds_lost_nodes", value=1)
    assert world.page.value("egxds_xds_node_lost_timestamp_seconds", "envoy-1") is None


def test_the_end_of_egxds_loses_no_envoy(world: World) -> None:
    """Its streams end because it does."""
    assert world.daemon.stop() == 0
    assert (world.daemon.events("session.last_lost"), len(world.daemon.events("session.close"))) == ([], 1)


def test_a_hook_that_fails(world: World) -> None:
    """Warnings name the hook, the host, the object and its place; since when is counted, and that it is over."""
    hook = ("VirtualHost", "told")
    assert world.page.value("egxds_hook_failing_since_timestamp_seconds", *hook) == 0
    assert world.page.value("egxds_hook_calls_total", *hook, "status") == 0
    assert (world.page.value("egxds_hook_last_success_timestamp_seconds", *hook) or 0) > 0
    since_s = time.time()
    world.deed.write_text("raise ValueError('no such table')")
    world.workspace.write("a.yaml", http_route("a", "a.test", "echo", rules=_two_paths()))
    (line,) = world.wait_lines("snapshot.published", outcome="denied")
    assert (line["level"], line["failures"], line["objects"]) == ("warning", 1, ["HTTPRoute default/a"])
    assert "a_test" in line["failing"][0]
    assert "no such table" in line["failing"][0]
    failed = world.wait_lines("hook.failed", level="warning")[0]
    assert (failed["manager"], failed["policy"], failed["objects"]) == ("told", "deny", ["HTTPRoute default/a"])
    assert [Path(place).name for place in failed["sources"]] == ["a.yaml:2"]
    assert world.page.value("egxds_gateways", "denied") == 1
    for name, labels in (
        ("egxds_hook_failing_since_timestamp_seconds", hook),
        ("egxds_gateway_not_accepted_since_timestamp_seconds", ("default/web", "denied")),
    ):
        world.page.wait_over(name, *labels, least=since_s - 1)
    world.deed.write_text("pass")
    world.page.wait("egxds_hook_failing_since_timestamp_seconds", *hook, value=0)
    world.page.wait("egxds_gateway_not_accepted_since_timestamp_seconds", "default/web", "denied", value=None)
    assert world.page.value("egxds_gateways", "denied") == 0
    assert world.wait_lines("snapshot.published", outcome="accepted")[-1]["level"] == "info"


def test_a_file_that_is_refused(world: World) -> None:
    """The last success stands still until it is mended, whatever else changes and however often it is looked at."""
    world.workspace.write("bad.yaml", "kind: [")
    world.page.wait_over("egxds_config_loads_total", "refused", least=0)
    success_s = world.page.value("egxds_config_last_success_timestamp_seconds") or 0
    assert world.page.value("egxds_objects", "unknown", "refused") == 1
    world.workspace.write("b.yaml", http_route("b", "b.test", "echo"))
    world.page.wait_over("egxds_config_loads_total", "refused", least=1)
    assert world.page.value("egxds_config_last_success_timestamp_seconds") == success_s
    refused_s = world.page.value("egxds_config_last_load_timestamp_seconds", "refused") or 0
    assert refused_s > success_s
    world.workspace.delete("bad.yaml")
    world.page.wait_over("egxds_config_last_success_timestamp_seconds", least=refused_s)
    assert world.page.value("egxds_objects", "unknown", "refused") == 0


def test_a_file_that_cannot_be_read(world: World) -> None:
    """It is counted, and the look is no success."""
    world.workspace.write("binary.yaml", b"\xff\xfe\x00")
    world.page.wait("egxds_config_unreadable", value=1)
    world.page.wait_over("egxds_config_loads_total", "unreadable", least=0)
    world.workspace.delete("binary.yaml")
    world.page.wait("egxds_config_unreadable", value=0)


def test_sighup_says_what_came_of_it(world: World) -> None:
    """That nothing is different, or which objects of which files."""
    world.daemon.signal(signal.SIGHUP)
    (line,) = world.wait_lines("app.reloaded")
    assert (line["result"], line["objects"], line["files"]) == ("accepted", [], [])
    assert line["detail"] == "the files come to nothing else than before"
    world.workspace.write("bad.yaml", "kind: [")
    world.page.wait_over("egxds_config_loads_total", "refused", least=0)
    world.daemon.signal(signal.SIGHUP)
    assert world.wait_lines("app.reloaded", count=2)[1]["result"] == "refused"


def test_a_certificate_has_its_end(world: World) -> None:
    """While it is served, under the name of its Secret."""
    world.workspace.write("cert.yaml", Authority().issue("a.test", days_left=3).secret("cert"))
    world.workspace.write("gateway.yaml", gateway("web", https(free_port(), "a.test", "cert")))
    ends_s = world.page.wait_over("egxds_certificate_expiry_timestamp_seconds", "default/cert", least=0)
    assert 2 * 86400 < ends_s - time.time() <= 3 * 86400
    world.workspace.write("gateway.yaml", gateway("web", http(free_port())))
    world.page.wait("egxds_certificate_expiry_timestamp_seconds", "default/cert", value=None)


def _two_paths() -> list[dict[str, Any]]:
    backend = {"kind": "Backend", "group": "gateway.envoyproxy.io", "name": "echo"}
    return [
        {"matches": [{"path": {"type": "PathPrefix", "value": path}}], "backendRefs": [backend]} for path in ("/x", "/")
    ]


def _published(daemon: Daemon) -> int:
    items = daemon.api("config_dump", type="route")["items"]
    return sum(str(item).count("'domains'") for item in items)
