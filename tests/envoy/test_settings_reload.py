"""The settings file changes while Envoys are served: SIGHUP takes it, no request fails, and no stream is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.client import SteadyClient
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import backend_ref, gateway, http, http_route
from tests.envoy.shop import versions
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.extension_server.edits import ROUTE_HEADER, VIRTUAL_HOST_HEADER
from tests.extension_server.handle import ExtensionHandle
from tests.ports import free_port

pytestmark = pytest.mark.envoy


@pytest.fixture
def stack(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Stack:
    """One host, an Envoy, and a directory beside the one that is watched."""
    port = free_port()
    workspace.write("gateway.yaml", gateway("web", http(port)))
    workspace.write("backend.yaml", backend_manifest("echo", backend.port))
    workspace.write("a.yaml", http_route("a", "a.test", "echo"))
    more = workspace.root / "more"
    more.mkdir()
    (more / "b.yaml").write_text(http_route("b", "b.test", "echo"))
    daemon = make_daemon()
    daemon.start()
    running = Stack(workspace, daemon, start_envoy(daemon), port)
    running.wait_backend("a.test", "echo")
    return running


@pytest.fixture
def servers() -> Iterator[tuple[ExtensionHandle, ExtensionHandle]]:
    """Two extension servers that say `1` and `2`."""
    with ExtensionHandle.start() as one, ExtensionHandle.start() as other:
        other.say("2")
        yield one, other


def extension(service: dict[str, object], **more: Any) -> dict[str, Any]:
    """The settings of an extension with the VirtualHost hook."""
    return {"name": "words", "service": service, "hooks": {"xdsTranslator": {"post": ["VirtualHost"]}}, **more}


def reload(stack: Stack, **settings: Any) -> dict[str, Any]:
    """Write settings, send SIGHUP, and return what it came to."""
    stack.daemon.settings |= settings
    stack.daemon.write_settings()
    return sighup(stack)


def sighup(stack: Stack) -> dict[str, Any]:
    """Send SIGHUP, and return what it came to."""
    before = len(stack.daemon.events("app.reloaded"))
    stack.daemon.signal(signal.SIGHUP)
    wait_for(lambda: len(stack.daemon.events("app.reloaded")) > before, "app.reloaded in the log")
    return stack.daemon.events("app.reloaded")[-1]


def wait_word(stack: Stack, word: str | None) -> None:
    """Wait until the host answers with what an extension says, or without."""
    wait_for(lambda: stack.get("a.test").headers.get(VIRTUAL_HOST_HEADER) == word, f"{word!r} from a.test")


def mistake_in_between(stack: Stack, server: ExtensionHandle) -> None:
    """Misspell settings, and spell them right again; meanwhile those of before count, and the extension is asked."""
    whole = stack.daemon.settings_path.read_text()
    stack.daemon.settings_path.write_text(whole.replace("timeout", "timeuot").replace("more", "nowhere"))
    assert sighup(stack)["settings"] == "refused"
    server.say("3")
    assert sighup(stack)["settings"] == "refused"
    wait_word(stack, "3")
    stack.wait_backend("b.test", "echo")
    assert "did you mean timeout?" in stack.daemon.admin("/readyz").text
    stack.daemon.settings_path.write_text(whole)
    assert sighup(stack)["settings"] == "accepted"


def test_nothing_is_lost_whatever_changes(stack: Stack, servers: tuple[ExtensionHandle, ExtensionHandle]) -> None:
    """A directory, an extension, another server for it, its end; a mistake in between: every request is answered."""
    one, other = servers
    listeners = versions(stack.daemon, "listener")
    with SteadyClient(stack.port, "a.test") as client:
        client.wait_for_more()
        stack.wait_status("b.test", 404)
        paths = [*stack.daemon.settings["sources"]["files"]["paths"], "more"]
        reload(stack, sources={"files": {"paths": paths}}, logging={"level": "info", "format": "json"})
        stack.wait_backend("b.test", "echo")
        acks = stack.daemon.events("session.ack")

        line = reload(stack, extensionManagers=[extension(one.service)])
        assert line["settings_changed"] == ["extensionManagers[words]: none → set up"]
        assert line["asked_again"] == ["words"]
        wait_word(stack, "1")
        line = reload(stack, extensionManagers=[extension(other.service, timeout="3s")])
        assert [change.partition(": ")[0] for change in line["settings_changed"]] == [
            "extensionManagers[words].service.ip.port",
            "extensionManagers[words].timeout",
        ]
        wait_word(stack, "2")

        mistake_in_between(stack, other)
        del stack.daemon.settings["extensionManagers"]
        reload(stack)
        wait_word(stack, None)
        client.wait_for_more()
    assert client.failures == []
    assert len(stack.daemon.events("session.open")) == 1
    # They are lines of level debug: the new level is also that of a stream that was open before.
    assert stack.daemon.events("session.ack") == acks
    assert stack.daemon.events("session.nack") == []
    assert versions(stack.daemon, "listener") == listeners


def test_an_extension_that_is_away_is_replaced(stack: Stack, servers: tuple[ExtensionHandle, ExtensionHandle]) -> None:
    """What it denied is served as soon as another address is read; and the one that never was is not waited for."""
    nowhere: dict[str, object] = {"ip": {"address": "127.0.0.1", "port": free_port()}}
    reload(stack, extensionManagers=[extension(nowhere, timeout="200ms")])
    stack.wait_status("a.test", 500)
    reload(stack, extensionManagers=[extension(servers[0].service)])
    wait_word(stack, "1")
    (hook,) = stack.daemon.api("hooks")["items"]
    assert (hook["manager"], hook["state"], hook["failed"]) == ("words", "healthy", [])


def test_an_extension_that_cannot_be_loaded_leaves_all_as_it_was(
    stack: Stack, servers: tuple[ExtensionHandle, ExtensionHandle]
) -> None:
    """As a start with such settings would not begin: the one of before goes on."""
    reload(stack, extensionManagers=[extension(servers[0].service)])
    wait_word(stack, "1")
    missing = {"name": "more", "service": {"python": "nowhere:Hooks"}, "hooks": {"xdsTranslator": {"post": ["Route"]}}}
    line = reload(stack, extensionManagers=[extension(servers[1].service), missing], logging={"level": "debug"})
    assert (line["settings"], line["settings_changed"], line["asked_again"]) == ("refused", [], ["words"])
    (refused,) = stack.daemon.events("settings.refused")
    assert "nowhere" in refused["faults"][0]
    wait_word(stack, "1")
    assert [hook["manager"] for hook in stack.daemon.api("hooks")["items"]] == ["words"]


AUTH = "---\napiVersion: example.io/v1\nkind: Auth\nmetadata: {name: auth, namespace: default}\nspec: {}\n"
GUARDED = {"type": "ExtensionRef", "extensionRef": {"group": "example.io", "kind": "Auth", "name": "auth"}}


class Visitor:
    """Asks for a host again and again, and remembers each kind of answer."""

    def __init__(self, stack: Stack, host: str) -> None:
        self.seen: set[tuple[int, bool]] = set()
        self._stack = stack
        self._host = host
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            answer = self._stack.get(self._host)
            self.seen.add((answer.status, ROUTE_HEADER in answer.headers))


def test_nobody_is_let_in_while_a_guard_comes_or_goes(
    stack: Stack, servers: tuple[ExtensionHandle, ExtensionHandle]
) -> None:
    """A route with a filter of an extension is served through its hook, or answers 500; at no moment without it."""
    rule = {"filters": [GUARDED], "backendRefs": [backend_ref("echo")]}
    stack.workspace.write("guarded.yaml", AUTH + http_route("guarded", "guarded.test", "echo", rules=[rule]))
    stack.wait_status("guarded.test", 500)
    guard = {
        "name": "guard",
        "service": servers[0].service,
        "hooks": {"xdsTranslator": {"post": ["Route"]}},
        "resources": [{"group": "example.io", "version": "v1", "kind": "Auth"}],
    }
    with Visitor(stack, "guarded.test") as visitor:
        for _ in range(3):
            reload(stack, extensionManagers=[guard])
            stack.wait_status("guarded.test", 200)
            reload(stack, extensionManagers=[])
            stack.wait_status("guarded.test", 500)
    assert visitor.seen == {(200, True), (500, False)}
