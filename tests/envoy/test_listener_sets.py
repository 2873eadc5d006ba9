"""ListenerSets on a real Envoy: their listeners beside those of the Gateway, with routes of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.client import SteadyClient, http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stack import Stack
from tests.envoy.test_access import on, policy
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

SHOP, CART = "www.shop.test", "cart.shop.test"
ROUNDS = 5


def listener_set(*listeners: dict[str, Any]) -> str:
    """Return a ListenerSet for the Gateway `web`."""
    head = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\nmetadata: {name: cart}\n"
    return f"{head}spec: {json.dumps({'parentRef': {'name': 'web'}, 'listeners': listeners})}\n"


def at_set(name: str, host: str, backend: str) -> str:
    """Return an HTTPRoute at the ListenerSet."""
    at_gateway = manifests.http_route(name, host, backend)
    return at_gateway.replace('{"name": "web"}', '{"kind": "ListenerSet", "name": "cart"}')


@pytest.fixture
def stack(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Stack:
    """A Gateway with one listener and a route, which takes ListenerSets."""
    port = free_port()
    taking = '"allowedListeners": {"namespaces": {"from": "Same"}}, "listeners"'
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)).replace('"listeners"', taking))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    workspace.write("shop.yaml", manifests.http_route("shop", SHOP, "echo"))
    files = {"paths": [str(workspace.routes)], "removalDelay": "0s"}
    daemon = make_daemon(sources={"files": files})
    daemon.start()
    found = Stack(workspace, daemon, start_envoy(daemon), port)
    found.wait_status(SHOP, 200)
    return found


def add_set(stack: Stack, *ports: int) -> None:
    """Write the set with a listener for its host on the Gateway's port, and one for all hosts on each other port."""
    shared = {**manifests.http(stack.port, "shared"), "hostname": CART}
    more = [manifests.http(port, f"own-{port}") for port in ports]
    stack.workspace.write("set.yaml", listener_set(shared, *more))


def test_listeners_of_a_set_are_served_beside_those_of_the_gateway(stack: Stack) -> None:
    """On a port that both have, and on one of its own; routes of one parent are not reached at the other."""
    own = free_port()
    add_set(stack, own)
    stack.workspace.write("cart.yaml", at_set("cart", CART, "echo"))
    stack.wait_status(CART, 200)
    wait_for(lambda: http_get(own, CART, "/").status == 200, "the set's own port")
    assert http_get(own, SHOP, "/").status == 404
    stack.wait_status(SHOP, 200)
    (found,) = stack.daemon.api("objects", kind="ListenerSet")["items"]
    assert [each["attachedRoutes"] for each in found["status"]["listeners"]] == [1, 1]


def test_a_policy_for_a_set_closes_that_and_nothing_else(stack: Stack) -> None:
    """Its hosts answer 500 on the port that it shares; the Gateway's do as before."""
    add_set(stack)
    stack.workspace.write("cart.yaml", at_set("cart", CART, "echo"))
    stack.wait_status(CART, 200)
    stack.workspace.write("guard.yaml", policy("SecurityPolicy", on("ListenerSet", "cart")))
    stack.wait_status(CART, 500)
    assert stack.get(SHOP).status == 200
    stack.workspace.delete("guard.yaml")
    stack.wait_status(CART, 200)


def test_sets_that_come_and_go_fail_no_request_of_the_gateway(stack: Stack) -> None:
    """The Gateway's listener keeps its name and its connections."""
    stack.workspace.write("cart.yaml", at_set("cart", CART, "echo"))
    with SteadyClient(stack.port, SHOP) as client:
        for _ in range(ROUNDS):
            add_set(stack)
            stack.wait_status(CART, 200)
            stack.workspace.delete("set.yaml")
            stack.wait_status(CART, 404)
        client.wait_for_more()
    assert not client.failures
