"""GRPCRoutes on a real Envoy: calls arrive where they are for, beside an HTTPRoute on the same hostname."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.grpc_backend import GrpcBackend, call
from tests.envoy.stack import Stack
from tests.envoy.test_route_filters import filter_object, reference, values
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST = "orders.test"
SERVICE = "shop.Orders"


@pytest.fixture
def orders() -> Iterator[GrpcBackend]:
    """A gRPC server."""
    with GrpcBackend("orders", SERVICE, "Place", "Cancel") as running:
        yield running


@pytest.fixture
def stack(
    workspace: Workspace,
    backend: EchoBackend,
    orders: GrpcBackend,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
) -> Stack:
    """A host with pages and a gRPC service."""
    port = free_port()
    place = {
        "matches": [{"method": {"service": SERVICE, "method": "Place"}}],
        "filters": [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-tier", "value": "gold"}]}}
        ],
        "backendRefs": [manifests.backend_ref("orders")],
    }
    gone = {
        "matches": [{"method": {"service": SERVICE, "method": "Cancel"}}],
        "backendRefs": [manifests.backend_ref("gone")],
    }
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("pages.yaml", manifests.http_route("orders", HOST, "pages"))
    workspace.write("orders.yaml", manifests.grpc_route("orders", HOST, rules=[place, gone]))
    workspace.write(
        "backends.yaml", manifests.backend("pages", backend.port) + manifests.backend("orders", orders.port)
    )
    daemon = make_daemon()
    daemon.start()
    stack = Stack(workspace, daemon, start_envoy(daemon), port)
    stack.wait_status(HOST, 200)
    return stack


def test_calls_and_pages_share_a_hostname(stack: Stack) -> None:
    """A call goes to the gRPC server over HTTP/2, with the changes of its rule; a page to the other backend."""
    answered = call(stack.port, HOST, f"/{SERVICE}/Place")
    assert (answered["backend"], answered["path"]) == ("orders", f"/{SERVICE}/Place")
    assert dict(answered["metadata"])["x-tier"] == "gold"  # type: ignore[call-overload]
    assert stack.get(HOST, f"/{SERVICE}/Place").json["backend"] == "echo"


def test_a_refused_backend_is_unavailable(stack: Stack) -> None:
    """As the standard says (GRPCRouteRule.backendRefs), and as gRPC clients may try again."""
    with pytest.raises(GRPCError) as caught:
        call(stack.port, HOST, f"/{SERVICE}/Cancel")
    assert caught.value.status is Status.UNAVAILABLE


def test_a_call_that_no_rule_takes_goes_to_the_pages(stack: Stack) -> None:
    """The HTTPRoute takes everything else on the hostname; its backend speaks no gRPC."""
    with pytest.raises(GRPCError):
        call(stack.port, HOST, "/shop.Other/Any")


def test_a_rule_takes_http_route_filters(stack: Stack) -> None:
    """Calls are given a credential, or an answer, which is one of gRPC's statuses (Envoy Gateway)."""
    matches = {name: {"matches": [{"method": {"service": SERVICE, "method": name}}]} for name in ("Place", "Cancel")}
    place = {"filters": [reference("token")], "backendRefs": [manifests.backend_ref("orders")]}
    cancel = {"filters": [reference("closed")]}
    rules = [{**matches["Place"], **place}, {**matches["Cancel"], **cancel}]
    injected = {"credential": {"valueRef": {"name": "token"}}, "header": "x-key"}
    stack.workspace.write("token.yaml", filter_object("token", credentialInjection=injected))
    stack.workspace.write("closed.yaml", filter_object("closed", directResponse={"statusCode": 403}))
    stack.workspace.write("secret.yaml", values("Secret", "token", credential="sesame"))
    stack.workspace.write("orders.yaml", manifests.grpc_route("orders", HOST, rules=rules))

    def is_given() -> bool:
        metadata = call(stack.port, HOST, f"/{SERVICE}/Place")["metadata"]
        return dict(metadata).get("x-key") == "sesame"  # type: ignore[call-overload, no-any-return]

    wait_for(is_given, "calls to be given the credential")
    with pytest.raises(GRPCError) as caught:
        call(stack.port, HOST, f"/{SERVICE}/Cancel")
    assert caught.value.status is Status.PERMISSION_DENIED
