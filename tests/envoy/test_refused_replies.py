"""What a hook does that no Envoy takes, or refuses to do, is that host's alone: the host beside it is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.envoy import odd_hooks
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

GOOD, BAD = "good.test", "bad.test"
MISSING = "/no/such/file/of/bad"

MakeStack = Callable[..., Stack]


@pytest.fixture
def make_stack(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> MakeStack:
    """Starts a daemon with hooks of `odd_hooks`, and an Envoy, for two hosts; one of them comes later if told so."""

    def make(hooks: str, policy: str = "deny", hook: str = "VirtualHost", *, bad_later: bool = False) -> Stack:
        port = free_port()
        workspace.write("gateway.yaml", gateway("web", http(port)))
        workspace.write("backend.yaml", backend_manifest("echo", backend.port))
        workspace.write("good.yaml", http_route("good", GOOD, "echo"))
        if not bad_later:
            workspace.write("bad.yaml", http_route("bad", BAD, "echo"))
        service = {"python": f"odd_hooks:{hooks}", "path": [str(Path(odd_hooks.__file__).parent)]}
        post = {"xdsTranslator": {"post": [hook]}}
        manager = {"name": "odd", "hooks": post, "service": service, "onFailure": policy}
        daemon = make_daemon(extensionManagers=[manager])
        daemon.start()
        return Stack(workspace, daemon, start_envoy(daemon), port)

    return make


def _hook(stack: Stack) -> Any:
    (hook,) = stack.daemon.admin("/api/v1/hooks").json["items"]
    return hook


def _wait_failed(stack: Stack, reason: str) -> Any:
    """Wait until the hook is said to fail on the bad host, and on nothing else; return what is said."""

    def failing() -> Any:
        failed = _hook(stack)["failed"]
        assert [each["reason"] for each in failed] == [reason], failed
        return failed[0]

    return wait_for(failing, f"the hook to fail for {reason}")


@pytest.mark.parametrize("is_new", [True, False], ids=["new Envoy", "Envoy that is served"])
@pytest.mark.parametrize(("policy", "status"), [("deny", 500), ("bypass", 200)])
def test_what_an_envoy_refuses_is_taken_back(make_stack: MakeStack, policy: str, status: int, *, is_new: bool) -> None:
    """A file that it does not have is a fact of its machine; who made it is named, with the words of Envoy."""
    stack = make_stack("MissingFile", policy, bad_later=not is_new)
    stack.wait_status(GOOD, 200)
    with SteadyClient(stack.port, GOOD) as client:
        stack.workspace.write("bad.yaml", http_route("bad", BAD, "echo"))
        stack.wait_status(BAD, status)
        found = _wait_failed(stack, "envoy")
    assert client.failures == []
    assert found["subject"].endswith("bad_test")
    assert "'envoy-1'" in found["error"]
    assert MISSING in found["error"]
    assert [each["source"]["file"].rpartition("/")[2] for each in found["objects"]] == ["bad.yaml"]
    assert _hook(stack)["state"] == "failing"
    stack.workspace.write("bad.yaml", http_route("bad", "other.test", "echo"))
    stack.wait_status("other.test", 200)
    assert _hook(stack)["failed"] == []
    stack.wait_status(GOOD, 200)


def test_what_is_held_is_what_an_envoy_took(make_stack: MakeStack) -> None:
    """The state that it refused is none to go back to."""
    stack = make_stack("MissingFile", "hold", bad_later=True)
    stack.wait_status(GOOD, 200)
    stack.workspace.write("bad.yaml", http_route("bad", BAD, "echo"))
    _wait_failed(stack, "envoy")
    stack.wait_status(BAD, 404)
    stack.wait_status(GOOD, 200)
    assert stack.daemon.admin("/readyz").status == 200


def test_what_envoy_would_refuse_is_not_sent(make_stack: MakeStack) -> None:
    """`100%off` for one host took every host of a new Envoy."""
    stack = make_stack("BadFormat")
    stack.wait_status(GOOD, 200)
    stack.wait_status(BAD, 500)
    found = _wait_failed(stack, "invalid")
    assert "response_headers_to_add[0].header.value: no command can be read at character 4" in found["error"]
    assert set(stack.envoy.stats("rds.*update_rejected").values()) == {0}


def test_a_refusal_on_purpose_is_not_asked_about_again(make_stack: MakeStack) -> None:
    """It is denied at once, in the words of the hook, and stays so until something of it changes."""
    stack = make_stack("Refusing")
    stack.wait_status(GOOD, 200)
    stack.wait_status(BAD, 500)
    found = _wait_failed(stack, "refused")
    assert found["error"] == "refused: bad.test is not for sale"
    assert _hook(stack)["state"] == "refusing"
    calls = _hook(stack)["calls"]
    stack.workspace.write("more.yaml", http_route("more", "more.test", "echo"))
    stack.wait_status("more.test", 200)
    assert _hook(stack)["calls"] == calls + 1
    assert _hook(stack)["nextRetry"] is None
    stack.workspace.write("bad.yaml", http_route("bad", "fine.test", "echo"))
    stack.wait_status("fine.test", 200)
    assert _hook(stack)["state"] == "healthy"


@pytest.mark.parametrize(("policy", "status"), [("deny", 500), ("bypass", 200)])
def test_a_listener_that_an_envoy_refuses_for_a_hook_is_that_listeners_alone(
    make_stack: MakeStack, policy: str, status: int
) -> None:
    """A script is something that only Envoy can read; the listener beside it never notices."""
    stack = make_stack("BadScript", policy, "HTTPListener")
    stack.wait_status(GOOD, 200)
    port = free_port()
    with SteadyClient(stack.port, GOOD) as client:
        stack.workspace.write("gateway.yaml", gateway("web", http(stack.port), http(port, "bad")))
        found = _wait_failed(stack, "envoy")
        assert "script load error: line 1 of the script" in found["error"]
        on_bad = Stack(stack.workspace, stack.daemon, stack.envoy, port)
        on_bad.wait_status(GOOD, status)
        client.wait_for_more()
    assert client.failures == []
