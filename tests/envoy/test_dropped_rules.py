"""A rule that no Envoy could serve, on a real Envoy: the others are served, and what it is for is closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stack import Stack
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST, ALL_BAD, SHARED = "some.test", "none.test", "shared.test"
BAD_HEADER = {"name": "x-tenant", "type": "RegularExpression", "value": "["}
BAD_PATH = {"type": "RegularExpression", "value": "/api/["}
HOST_HEADER = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "Host", "value": "a"}]}}


def _rule(*matches: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"matches": list(matches), "backendRefs": [manifests.backend_ref("pages")], **more}


BAD_RULES = [
    _rule({"path": {"value": "/filter"}}, filters=[HOST_HEADER]),
    _rule({"path": {"value": "/tenant"}, "headers": [BAD_HEADER]}),
    _rule({"path": BAD_PATH}),
    _rule({"path": {"value": "/twice"}}, {"path": BAD_PATH}),
]


@pytest.fixture
def stack(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Stack:
    """One host with good and bad rules, one with bad ones alone, and one that a good route has too."""
    port = free_port()
    everything = _rule({"path": {"value": "/"}})
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("backends.yaml", manifests.backend("pages", backend.port))
    workspace.write("some.yaml", manifests.http_route("some", HOST, "pages", rules=[everything, *BAD_RULES]))
    workspace.write("none.yaml", manifests.http_route("none", ALL_BAD, "pages", rules=[_rule({"path": BAD_PATH})]))
    workspace.write("shared.yaml", manifests.http_route("shared", SHARED, "pages", rules=[_rule({"path": BAD_PATH})]))
    good = _rule({"path": {"value": "/good"}})
    workspace.write("good.yaml", manifests.http_route("good", SHARED, "pages", rules=[good]))
    daemon = make_daemon()
    daemon.start()
    stack = Stack(workspace, daemon, start_envoy(daemon), port)
    stack.wait_status(HOST, 200)
    return stack


def test_what_dropped_rules_are_for_goes_to_no_other_rule(stack: Stack) -> None:
    """Good matches and good conditions are closed; what cannot be told from other traffic is left to the others."""
    answers = {path: stack.get(HOST, path).status for path in ("/", "/filter/x", "/tenant", "/twice", "/api/x")}
    assert answers == {"/": 200, "/filter/x": 500, "/tenant": 200, "/twice": 500, "/api/x": 200}
    assert http_get(stack.port, HOST, "/tenant", headers={"x-tenant": "any"}).status == 500


def test_a_host_of_which_no_rule_is_left_is_closed_where_nobody_else_serves_it(stack: Stack) -> None:
    """Another route on the hostname goes on; an unknown host is unknown as ever."""
    assert stack.get(ALL_BAD, "/any").status == 500
    assert [stack.get(SHARED, path).status for path in ("/good", "/else")] == [200, 500]
    assert stack.get("unknown.test").status == 404


def test_a_rule_that_is_mended_is_served(stack: Stack) -> None:
    """And one that turns bad is closed alone, with no other request lost."""
    mended = [_rule({"path": {"value": "/api"}})]
    stack.workspace.write("none.yaml", manifests.http_route("none", ALL_BAD, "pages", rules=mended))
    stack.wait_status(ALL_BAD, 200, "/api")
    stack.wait_status(ALL_BAD, 404, "/any")
    closed = [*mended, _rule({"path": {"value": "/closed"}}, filters=[HOST_HEADER])]
    stack.workspace.write("none.yaml", manifests.http_route("none", ALL_BAD, "pages", rules=closed))
    stack.wait_status(ALL_BAD, 500, "/closed")
    assert stack.get(ALL_BAD, "/api").status == 200
