"""Extensions' own objects on a real Envoy: custom backends, policies, and what their status says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.client import Answer, SteadyClient
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import extension_kind as kind
from tests.envoy.manifests import extension_object
from tests.envoy.shop import manager
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.extension_server.edits import ALT_STAT_NAME, ENDPOINT_ZONE, POLICY_HEADER, ROUTE_HEADER
from tests.extension_server.handle import ExtensionHandle
from tests.ports import free_port

pytestmark = pytest.mark.envoy

POOLED, PLAIN = "pooled.example.com", "plain.example.com"
POOLED_CLUSTER, PLAIN_CLUSTER = "httproute/default/pooled/rule/0", "httproute/default/plain/rule/0"


def policy(name: str, *targets: tuple[str, str]) -> str:
    """Write a policy on some objects of Gateway API."""
    refs = [
        {"group": "gateway.networking.k8s.io", "kind": target_kind, "name": target} for target_kind, target in targets
    ]
    return extension_object("Limit", name, {"targetRefs": refs})


@pytest.fixture
def extension() -> Iterator[ExtensionHandle]:
    """A working extension server."""
    with ExtensionHandle.start() as running:
        yield running


@pytest.fixture
def stack(
    workspace: Workspace,
    backend: EchoBackend,
    extension: ExtensionHandle,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
) -> Stack:
    """One route to a custom backend that leads to `echo`, one to `echo` itself."""
    port = free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    workspace.write("pool.yaml", extension_object("Pool", "pool", {"address": "127.0.0.1", "port": backend.port}))
    to_pool = {"backendRefs": [{"group": manifests.EXTENSION_GROUP, "kind": "Pool", "name": "pool"}]}
    workspace.write("pooled.yaml", manifests.http_route("pooled", POOLED, "", rules=[to_pool]))
    workspace.write("plain.yaml", manifests.http_route("plain", PLAIN, "echo"))
    own_kinds = {"backendResources": [kind("Pool")], "policyResources": [kind("Limit")]}
    daemon = make_daemon(extensionManagers=[manager(extension, "deny", **own_kinds)])
    daemon.start()
    envoy = start_envoy(daemon)
    return Stack(workspace, daemon, envoy, port)


def published(daemon: Daemon, kind_name: str) -> dict[str, dict[str, Any]]:
    """Return name → body of everything of a type that is published."""
    return {item["name"]: item["body"] for item in daemon.api("config_dump", type=kind_name)["items"]}


def wait_answer(stack: Stack, host: str, header: str, value: str | None) -> Answer:
    """Wait until a host answers 200 with a header of this value, or without it."""

    def scan() -> Answer:
        answer = stack.get(host)
        assert (answer.status, answer.headers.get(header)) == (200, value), answer
        return answer

    return wait_for(scan, f"{header}: {value} from {host}")


def test_traffic_flows_to_a_custom_backend_whose_address_only_the_extension_knows(stack: Stack) -> None:
    """The Cluster hook is called with the object, and what it makes of the cluster is what Envoy uses."""
    stack.wait_backend(POOLED, "echo")
    wait_answer(stack, POOLED, ROUTE_HEADER, "pool")
    clusters = published(stack.daemon, "cluster")
    assert clusters[POOLED_CLUSTER]["alt_stat_name"] == ALT_STAT_NAME
    assert "alt_stat_name" not in clusters[PLAIN_CLUSTER]
    assert stack.daemon.events("session.nack") == []


def test_what_means_something_else_than_in_envoy_gateway_is_said_once_at_the_start(
    workspace: Workspace, extension: ExtensionHandle, make_daemon: Callable[..., Daemon]
) -> None:
    """`failOpen: false` holds back the update there; the key that does so here is named."""
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(free_port())))
    settings = {key: value for key, value in manager(extension, "deny").items() if key != "onFailure"}
    daemon = make_daemon(extensionManagers=[settings | {"failOpen": False}])
    daemon.start()
    (note,) = daemon.events("settings.note")
    assert (note["level"], note["key"]) == ("warning", "extensionManagers[0].failOpen")
    assert "onFailure: hold" in note["note"]


def test_a_custom_backend_follows_its_object(stack: Stack) -> None:
    """A change of the object alone moves the traffic."""
    stack.wait_backend(POOLED, "echo")
    with EchoBackend("other") as other:
        stack.workspace.write(
            "pool.yaml", extension_object("Pool", "pool", {"address": "127.0.0.1", "port": other.port})
        )
        stack.wait_backend(POOLED, "other")


def test_the_endpoints_hook_changes_what_eds_delivers(stack: Stack) -> None:
    """Its change is in what is published, and traffic goes on."""
    stack.wait_backend(PLAIN, "echo")
    (locality,) = published(stack.daemon, "endpoint")[PLAIN_CLUSTER]["endpoints"]
    assert locality["locality"]["zone"] == ENDPOINT_ZONE


@pytest.mark.parametrize(("hook", "denied"), [("Cluster", {POOLED}), ("Endpoints", {POOLED, PLAIN})])
def test_a_failing_backend_hook_denies_the_routes_that_use_the_cluster(
    stack: Stack, extension: ExtensionHandle, hook: str, denied: set[str]
) -> None:
    """They answer 500 and nothing else does; clusters and endpoints stay as they are; then all is well by itself."""
    for host in (POOLED, PLAIN):
        stack.wait_backend(host, "echo")
    before = published(stack.daemon, "cluster"), published(stack.daemon, "endpoint")

    extension.set_mode("internal", hook=hook)
    # Everything belongs to it, so that all is new to the hooks.
    stack.workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(stack.port), content="touched"))
    for host in (POOLED, PLAIN):
        stack.wait_status(host, 500 if host in denied else 200)
    assert (published(stack.daemon, "cluster"), published(stack.daemon, "endpoint")) == before

    extension.set_mode("ok")
    for host in (POOLED, PLAIN):
        stack.wait_backend(host, "echo")


def test_the_route_hook_gets_the_policies_on_its_route_and_on_no_other(stack: Stack) -> None:
    """A policy makes the hook called for a route that names no object of the extension."""
    wait_answer(stack, PLAIN, POLICY_HEADER, None)
    stack.workspace.write("limit.yaml", policy("limit", ("HTTPRoute", "plain")))
    wait_answer(stack, PLAIN, POLICY_HEADER, "limit")
    wait_answer(stack, POOLED, POLICY_HEADER, None)
    stack.workspace.delete("limit.yaml")
    wait_answer(stack, PLAIN, POLICY_HEADER, None)


def test_the_status_of_a_policy_says_where_it_takes_effect(stack: Stack) -> None:
    """Accepted under the Gateway; a target that is not there is said, and accepted once it is."""
    stack.workspace.write("limit.yaml", policy("limit", ("HTTPRoute", "plain"), ("HTTPRoute", "later")))

    def ancestors() -> dict[tuple[str, str], str]:
        (item,) = stack.daemon.api("objects", kind="Limit")["items"]
        found = item["status"]["ancestors"]
        assert all(condition["lastTransitionTime"] for entry in found for condition in entry["conditions"])
        return {
            (entry["ancestorRef"]["kind"], entry["ancestorRef"]["name"]): entry["conditions"][0]["reason"]
            for entry in found
        }

    wait_for(
        lambda: ancestors() == {("Gateway", "web"): "Accepted", ("HTTPRoute", "later"): "TargetNotFound"},
        "the policy to miss a target",
    )
    stack.workspace.write("later.yaml", manifests.http_route("later", "later.example.com", "echo"))
    wait_for(lambda: ancestors() == {("Gateway", "web"): "Accepted"}, "the policy to be accepted")


def test_a_policy_that_its_hook_refuses_is_not_accepted(stack: Stack, extension: ExtensionHandle) -> None:
    """Its words stand in the status of the policy and of the route; the host beside it is served all the while."""
    for host in (POOLED, PLAIN):
        stack.wait_backend(host, "echo")
    extension.set_mode("permission-denied", hook="Route")
    with SteadyClient(stack.port, POOLED) as client:
        stack.workspace.write("limit.yaml", policy("limit", ("HTTPRoute", "plain")))
        stack.wait_status(PLAIN, 500)
        wait_for(lambda: "told to be" in condition(stack, "Limit", "ancestors", "Accepted")["message"], "its words")
        assert condition(stack, "Limit", "ancestors", "Accepted")["status"] == "False"
        said = condition(stack, "HTTPRoute", "parents", "egxds.io/HooksAccepted", name="plain")
        assert (said["status"], said["reason"]) == ("False", "Denied")
        (hook,) = [each for each in stack.daemon.api("hooks")["items"] if each["hook"] == "Route"]
        assert (hook["state"], hook["nextRetry"]) == ("refusing", None)
        extension.set_mode("ok")
        stack.workspace.write("limit.yaml", policy("limit", ("HTTPRoute", "plain"), ("HTTPRoute", "pooled")))
        wait_answer(stack, PLAIN, POLICY_HEADER, "limit")
    assert client.failures == []
    wait_for(
        lambda: condition(stack, "Limit", "ancestors", "Accepted")["status"] == "True", "the policy to be accepted"
    )


def condition(stack: Stack, kind_name: str, below: str, wanted: str, **name: str) -> dict[str, Any]:
    """Return a condition of the one object of a kind, below its first parent or ancestor."""
    (item,) = stack.daemon.api("objects", kind=kind_name, **name)["items"]
    found = [each for each in item["status"][below][0]["conditions"] if each["type"] == wanted]
    assert found, item["status"]
    return dict(found[0])
