"""A rule that is said to be shadowed gets no request of a real Envoy, and serves when the other one goes away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

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

HOST = "shop.test"


def _route(name: str, *paths: str) -> str:
    """Write a route that sends paths to a backend of its own name."""
    matches = [{"path": {"type": "PathPrefix", "value": path}} for path in paths]
    rule = {"matches": matches, "backendRefs": [manifests.backend_ref(name)]}
    return manifests.http_route(name, HOST, name, rules=[rule])


@pytest.fixture
def stack(workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy) -> Iterator[Stack]:
    """Two routes that want the same requests, each with a backend of its own."""
    port = free_port()
    with EchoBackend("first") as first, EchoBackend("second") as second:
        workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
        workspace.write(
            "backends.yaml", manifests.backend("first", first.port) + manifests.backend("second", second.port)
        )
        workspace.write("first.yaml", _route("first", "/cart"))
        workspace.write("second.yaml", _route("second", "/cart/", "/own"))
        daemon = make_daemon()
        daemon.start()
        stack = Stack(workspace, daemon, start_envoy(daemon), port)
        stack.wait_status(HOST, 200, "/cart")
        yield stack


def _condition(stack: Stack) -> dict[str, Any] | None:
    (item,) = stack.daemon.api("objects", kind="HTTPRoute", name="second")["items"]
    conditions = item["status"]["parents"][0]["conditions"]
    return next((each for each in conditions if each["type"] == "egxds.io/Shadowed"), None)


def test_the_winner_answers_until_it_goes_and_then_the_loser_does(stack: Stack) -> None:
    """The log says when it begins and when it is over; nobody touches the file of the loser."""
    stack.wait_backend(HOST, "second", "/own")
    stack.wait_backend(HOST, "first", "/cart")
    found = _condition(stack)
    assert found is not None
    assert (found["status"], found["reason"]) == ("True", "PartiallyShadowed")
    assert re.search(r"goes to rule 0 of HTTPRoute default/first \(\S*first.yaml:5\)", found["message"])
    wait_for(lambda: _said(stack, "model.problem") == 1, "the log to have it")
    stack.workspace.delete("first.yaml")
    stack.wait_backend(HOST, "second", "/cart")
    wait_for(lambda: _condition(stack) is None, "the condition to be gone")
    wait_for(lambda: _said(stack, "model.solved") == 1, "it to be said")
    assert _said(stack, "model.problem") == 1


def test_an_expression_with_an_open_end_answers_for_longer_prefixes(stack: Stack) -> None:
    """It is tried before them, so what is said to be shadowed is."""
    wide = {"path": {"type": "RegularExpression", "value": "/.*"}}
    rule = {"matches": [wide], "backendRefs": [manifests.backend_ref("first")]}
    stack.wait_backend(HOST, "second", "/own")
    stack.workspace.write("first.yaml", manifests.http_route("first", HOST, "first", rules=[rule]))
    stack.wait_backend(HOST, "first", "/own/deep")
    wait_for(lambda: (_condition(stack) or {}).get("reason") == "Shadowed", "the condition")
    stack.wait_backend(HOST, "first", "/cart/deep")


def _said(stack: Stack, event: str) -> int:
    return sum("is shadowed in part" in each["problem"] for each in stack.daemon.events(event))
