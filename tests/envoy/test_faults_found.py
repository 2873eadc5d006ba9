"""Each fault that an operator meets at night is found by one command, which names its cause and its line.

The faults are broken into a daemon and a real Envoy that are fine, told, mended, and then told no more.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

_LIMIT_S = 60.0
HOST = "app.test"
Break = Callable[[Stack, ExitStack], None]


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        happens: breaks it; what holds it open is put on the stack, whose end is part of the mending.
        arguments: of the command.
        prints: an expression for what the command prints of it.
        exits: the status of the command.
    """

    happens: Break
    arguments: tuple[str, ...]
    prints: str
    exits: int


def _missing_secret(stack: Stack, _held: ExitStack) -> None:
    listeners = manifests.http(stack.port), manifests.https(free_port(), HOST, "nowhere")
    stack.workspace.write("gateway.yaml", manifests.gateway("web", *listeners))


def _taken_port(stack: Stack, held: ExitStack) -> None:
    taken = held.enter_context(socket.create_server(("0.0.0.0", 0))).getsockname()[1]
    listeners = manifests.http(stack.port), manifests.http(taken, "taken")
    stack.workspace.write("gateway.yaml", manifests.gateway("web", *listeners))


def _broken_file(stack: Stack, _held: ExitStack) -> None:
    stack.workspace.write("extra.yaml", "apiVersion: v1\nkind: [\n")


def _shadowed_route(stack: Stack, _held: ExitStack) -> None:
    stack.workspace.write("extra.yaml", manifests.http_route("later", HOST, "app"))


FAULTS = {
    "missing Secret": Fault(
        _missing_secret,
        ("status",),
        r"error: Gateway default/web: .*no accepted document defines Secret default/nowhere \(\S*gateway\.yaml:\d+\)",
        1,
    ),
    "Envoy refuses a listener": Fault(
        _taken_port,
        ("status",),
        r"error: Envoy envoy-1: refuses default/web/taken: .*Address already in use.*gateway\.yaml:\d+\)",
        1,
    ),
    "broken file": Fault(_broken_file, ("status",), r"error: .*extra\.yaml:\d+\)", 1),
    "shadowed route": Fault(
        _shadowed_route,
        ("status",),
        r"warning: HTTPRoute default/later: rule 0 is shadowed .* HTTPRoute default/app \(\S*app\.yaml:\d+\).*"
        r"\(\S*extra\.yaml:\d+\)",
        0,
    ),
}


@pytest.fixture
def stack(
    workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy, backend: EchoBackend
) -> Stack:
    """One host, which a real Envoy serves."""
    port = free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("app.yaml", manifests.http_route("app", HOST, "app"))
    workspace.write("backend.yaml", manifests.backend("app", backend.port))
    daemon = make_daemon()
    daemon.start()
    found = Stack(workspace, daemon, start_envoy(daemon), port)
    found.wait_status(HOST, 200)
    return found


def _run(stack: Stack, fault: Fault) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "egxds", *fault.arguments, "--admin", stack.daemon.settings["admin"]["address"]]
    return subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)


def _mend(stack: Stack) -> None:
    stack.workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(stack.port)))
    stack.workspace.write("extra.yaml", "")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_found_by_one_command(fault: Fault, stack: Stack) -> None:
    """The command is fine, names the cause and its line while it is there, and is fine when it has gone."""

    def is_told() -> bool:
        done = _run(stack, fault)
        return re.search(fault.prints, done.stdout) is not None and done.returncode == fault.exits

    def is_fine() -> bool:
        done = _run(stack, fault)
        return re.search(fault.prints, done.stdout) is None and done.returncode == 0

    wait_for(is_fine, "the command to be fine before")
    with ExitStack() as held:
        fault.happens(stack, held)
        wait_for(is_told, "the cause to be told")
    _mend(stack)
    wait_for(is_fine, "the command to be fine again")
    stack.wait_status(HOST, 200)
