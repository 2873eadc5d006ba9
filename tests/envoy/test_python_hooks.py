"""Hooks in Python, each with a good host beside it that is served all the while."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.client import SteadyClient
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOOKS = """
import asyncio, ctypes, os, pathlib, time

DEED = pathlib.Path({deed!r})
MARK = "first"

class Odd:
    async def virtual_host(self, host, context):
        if host.domains[0].startswith("odd"):
            exec(compile(DEED.read_text(), "deed.py", "exec"), globals())
        header = host.response_headers_to_add.add().header
        header.key, header.value = "x-mark", MARK
        return host
"""

DEEDS = {
    "raises": "raise KeyboardInterrupt",
    "is closed": "raise GeneratorExit",
    "cannot be shown": "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})()",
    "blocks": "time.sleep(4)",
    "spins": "while True: pass",
}
CRASHES = {
    "exits": "os._exit(1)",
    "crashes": "ctypes.string_at(0)",
    "is killed": "os.kill(os.getpid(), 9)",
    "wants all memory": "kept = bytearray(4_000_000_000)",
}


class World:
    """The hosts `good.test` and `odd.test`; what the hook does for the second is in a file."""

    def __init__(self, workspace: Workspace, stack: Stack, directory: Path, deed: Path) -> None:
        self.stack = stack
        self.hooks = directory / "odd_hooks.py"
        self.deed = deed
        self._workspace = workspace
        self._edits = 0

    def ask_again(self) -> None:
        """Change the route of the odd host, so that its hook is asked."""
        self._edits += 1
        self._workspace.write("odd.yaml", odd_route(self._edits))


def odd_route(edits: int) -> str:
    """Return the odd host's route; each edit adds a match that leads nowhere new."""
    matches = [{"path": {"type": "PathPrefix", "value": f"/{at or ''}"}} for at in range(edits + 1)]
    rule = {"matches": matches, "backendRefs": [{"kind": "Backend", "group": "gateway.envoyproxy.io", "name": "echo"}]}
    return http_route("odd", "odd.test", "echo", rules=[rule])


@pytest.fixture
def make_world(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Callable[[str], World]:
    """Start a daemon with the hook, and an Envoy."""

    def make(isolation: str) -> World:
        port, directory, deed = free_port(), workspace.root / "hooks", workspace.root / "deed"
        directory.mkdir()
        (directory / "odd_hooks.py").write_text(HOOKS.format(deed=str(deed)))
        deed.write_text("pass")
        workspace.write("gateway.yaml", gateway("web", http(port)))
        workspace.write("backends.yaml", backend_manifest("echo", backend.port))
        workspace.write("good.yaml", http_route("good", "good.test", "echo"))
        workspace.write("odd.yaml", odd_route(0))
        daemon = make_daemon(extensionManagers=[extension(directory, isolation)])
        daemon.start()
        stack = Stack(workspace, daemon, start_envoy(daemon), port)
        stack.wait_backend("good.test", "echo")
        stack.wait_backend("odd.test", "echo")
        return World(workspace, stack, directory, deed)

    return make


def extension(directory: Path, isolation: str) -> dict[str, Any]:
    """Return the settings of the extension."""
    return {
        "name": "odd",
        "service": {"python": "odd_hooks:Odd", "path": [str(directory)], "isolation": isolation},
        "hooks": {"xdsTranslator": {"post": ["VirtualHost"]}},
        "timeout": "1s",
    }


@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_what_a_hook_does_to_one_host_denies_that_host(make_world: Callable[[str], World], isolation: str) -> None:
    """And the daemon, the other host and the hook go on, whatever it is."""
    world = make_world(isolation)
    deeds = DEEDS | (CRASHES if isolation == "process" else {})
    with SteadyClient(world.stack.port, "good.test") as client:
        for name, deed in deeds.items():
            world.deed.write_text(deed)
            world.ask_again()
            world.stack.wait_status("odd.test", 500)
            client.wait_for_more()
            world.stack.daemon.assert_alive()
            world.deed.write_text("pass")
            wait_for(lambda: world.stack.get("odd.test").status == 200, f"odd.test to be back after it {name}", 60)
        client.wait_for_more()


@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_newer_code_is_served_with_no_file_of_routes_touched(
    make_world: Callable[[str], World], isolation: str
) -> None:
    """Whole, or not at all, with an error that says where; and no request is lost."""
    world = make_world(isolation)

    def mark() -> str | None:
        return world.stack.get("good.test").headers.get("x-mark")

    def load_error() -> str:
        return str(world.stack.daemon.api("hooks")["items"][0]["loadError"])

    with SteadyClient(world.stack.port, "good.test") as client:
        wait_for(lambda: mark() == "first", "the first version")
        text = world.hooks.read_text()
        world.hooks.write_text(text.replace("return host", "return = host"))
        wait_for(lambda: f"{world.hooks}:13" in load_error(), "the error of the second version")
        assert mark() == "first"
        world.hooks.write_text(text.replace('"first"', '"third"'))
        wait_for(lambda: mark() == "third", "the third version")
        assert load_error() == ""
        client.wait_for_more()
