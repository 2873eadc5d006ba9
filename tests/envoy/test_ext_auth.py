"""That a server decides who gets in, on a real Envoy: what it is told, and what becomes of requests without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.authorization_servers import (
    TOLD_HEADER,
    USER_HEADER,
    WHY_HEADER,
    Asked,
    GrpcAuthorization,
    HttpAuthorization,
)
from tests.envoy.backend import EchoBackend
from tests.envoy.client import SteadyClient, http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.test_security_policy import BASIC, GATEWAY, HOST, OTHER, SHOP, KeptConnection, Shop, security_policy
from tests.envoy.tokens import FREE, open_shop
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

ANN, BOB, EVE = ({USER_HEADER: name} for name in ("ann", "bob", "eve"))
GROUPS = {"ann": "gold", "bob": "tin"}
Server = GrpcAuthorization | HttpAuthorization


@pytest.fixture
def grpc() -> Iterator[GrpcAuthorization]:
    """A server that lets two in, by gRPC."""
    with GrpcAuthorization(GROUPS) as running:
        yield running


@pytest.fixture
def http() -> Iterator[HttpAuthorization]:
    """The same by HTTP."""
    with HttpAuthorization(GROUPS) as running:
        yield running


@pytest.fixture
def shop(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Shop:
    """Two hosts that everybody may enter."""
    return open_shop(workspace, backend, make_daemon, start_envoy)


def asked_of(server: Server, name: str = "authz", **more: Any) -> dict[str, Any]:
    """Return an extAuth that asks a server, which is a Backend."""
    service = {"backendRefs": [manifests.backend_ref(name)]}
    if isinstance(server, GrpcAuthorization):
        return {"grpc": service, **more}
    told = {"headersToBackend": [TOLD_HEADER], **more.pop("http", {})}
    return {"http": {**service, **told}, "headersToExtAuth": [USER_HEADER], **more}


def guard(shop: Shop, server: Server, target: dict[str, str] = SHOP, **more: Any) -> None:
    """Have a server decide."""
    shop.workspace.write("authz.yaml", manifests.backend("authz", server.port))
    shop.workspace.write("policy.yaml", security_policy("guard", target, extAuth=asked_of(server, **more)))


def wait_guarded(shop: Shop) -> None:
    """Wait until the server is asked, which lets one in and another not."""
    shop.wait({f"{HOST}/": 401})
    shop.wait({f"{HOST}/": 200}, ANN)


def last(server: Server) -> Asked:
    """Return what a server was asked last."""
    return server.asked[-1]


@pytest.mark.parametrize("kind", [GrpcAuthorization, HttpAuthorization])
def test_a_server_decides_at_once_also_over_open_connections(shop: Shop, kind: type[Server]) -> None:
    """Its answer reaches a client that it lets not in; and nothing is drained for a policy that comes and goes."""
    kept = KeptConnection(shop.port)
    assert kept.status(HOST) == 200
    drained = shop.envoy.stats("listener_manager")["listener_manager.lds.update_success"]
    with kind(GROUPS) as server:
        guard(shop, server)
        shop.wait({f"{HOST}/": 401, f"{OTHER}/": 200})
        assert (kept.status(HOST), kept.status(HOST, **ANN), kept.status(OTHER)) == (401, 200, 200)
        refused = http_get(shop.port, HOST, "/a?b=c", headers=EVE)
        assert (refused.status, refused.headers[WHY_HEADER], "you?" in refused.text) == (401, "nobody", True)
        assert (last(server).path, last(server).headers[USER_HEADER]) == ("/a?b=c", "eve")
        let_in = http_get(shop.port, HOST, headers=BOB)
        assert (let_in.status, let_in.json["headers"][TOLD_HEADER], let_in.json["headers"].get("x-other")) == (
            200,
            "tin",
            None,
        )
    shop.workspace.delete("policy.yaml")
    shop.wait({f"{HOST}/": 200, f"{OTHER}/": 200})
    assert kept.status(HOST) == 200
    assert shop.envoy.stats("listener_manager")["listener_manager.lds.update_success"] == drained
    kept.close()


@pytest.mark.parametrize("kind", [GrpcAuthorization, HttpAuthorization])
def test_nobody_is_let_in_while_the_server_is_down_and_it_is_asked_again_when_it_is_back(
    shop: Shop, kind: type[Server]
) -> None:
    """Other routes are served as ever; the status of the answer is as the policy says."""
    port = free_port()
    with kind(GROUPS, port) as server:
        guard(shop, server)
        wait_guarded(shop)
    shop.wait({f"{HOST}/": 403, f"{OTHER}/": 200}, ANN)
    guard(shop, server, statusOnError=503)
    shop.wait({f"{HOST}/": 503, f"{OTHER}/": 200}, ANN)
    guard(shop, server, failOpen=True)
    shop.wait({f"{HOST}/": 200})
    with kind(GROUPS, port):
        shop.wait({f"{HOST}/": 401})
        assert shop.status(headers=ANN) == 200
        guard(shop, server)
        wait_guarded(shop)


def test_a_server_that_fails_lets_nobody_in(shop: Shop, http: HttpAuthorization) -> None:
    """Nor one that takes too long is waited for."""
    guard(shop, http, statusOnError=502, timeout="3s")
    wait_guarded(shop)
    http.broken = True
    assert shop.status(headers=ANN) == 502
    guard(shop, http, failOpen=True)
    shop.wait({f"{HOST}/": 200}, EVE)


@pytest.mark.parametrize("kind", [GrpcAuthorization, HttpAuthorization])
def test_bodies_are_told_as_far_as_the_policy_says(shop: Shop, kind: type[Server]) -> None:
    """One that is larger is refused, and nobody is asked."""
    with kind(GROUPS) as server:
        guard(shop, server, bodyToExtAuth={"maxRequestBytes": 10})
        shop.wait({f"{HOST}/": 401})
        assert http_get(shop.port, HOST, headers=ANN, method="POST", body="hello").status == 200
        assert last(server).body == "hello"
        asked = len(server.asked)
        assert http_get(shop.port, HOST, headers=ANN, method="POST", body="x" * 100).status == 413
        assert http_get(shop.port, HOST, headers=EVE, method="POST", body="hello").status == 401
        assert len(server.asked) == asked + 1
        assert shop.status(headers=ANN) == 200


def test_a_server_by_http_is_asked_below_a_path(shop: Shop, http: HttpAuthorization) -> None:
    """And told no headers but those that the policy names."""
    guard(shop, http, http={"path": "/check"})
    wait_guarded(shop)
    assert http_get(shop.port, HOST, "/a?b", headers={**ANN, "x-secret": "s"}).status == 200
    assert (last(http).path, last(http).headers.get("x-secret")) == ("/check/a?b", None)


def test_a_server_by_grpc_is_told_what_the_policy_names(shop: Shop, grpc: GrpcAuthorization) -> None:
    """Of headers all, unless it names some; of the route only where it says so."""
    guard(shop, grpc)
    wait_guarded(shop)
    assert shop.status(headers={**ANN, "x-more": "m"}) == 200
    assert (last(grpc).headers["x-more"], last(grpc).resources) == ("m", ())
    guard(shop, grpc, headersToExtAuth=["X-User"], includeRouteMetadata=True)

    def is_told() -> bool:
        assert shop.status(headers={**ANN, "x-more": "m"}) == 200
        return bool(last(grpc).resources)

    wait_for(is_told, "the route to be told")
    (told,) = last(grpc).resources
    assert (told["kind"], told["name"], last(grpc).headers.get("x-more")) == ("HTTPRoute", "shop", None)


def test_the_route_is_chosen_again_where_the_policy_says_so(shop: Shop, grpc: GrpcAuthorization) -> None:
    """With the headers of the server, which no client is believed."""
    guard(shop, grpc)
    wait_guarded(shop)
    assert _plan(shop, ANN) == ("gold", None)
    guard(shop, grpc, recomputeRoute=True)

    def is_chosen_again() -> bool:
        assert _plan(shop, ANN) == ("gold", "gold")
        return True

    wait_for(is_chosen_again, "the route for gold")
    assert _plan(shop, {**BOB, TOLD_HEADER: "gold"})[0] == "tin"


def _plan(shop: Shop, headers: dict[str, str]) -> tuple[str | None, str | None]:
    answer = http_get(shop.port, HOST, headers=headers)
    assert answer.status == 200
    seen = answer.json["headers"]
    return seen.get(TOLD_HEADER), seen.get("x-plan")


def test_what_cannot_be_done_closes_exactly_what_it_covers(shop: Shop, grpc: GrpcAuthorization) -> None:
    """Also with failOpen: that is for servers that do not answer, not for references that lead nowhere."""
    guard(shop, grpc, failOpen=True)
    wait_guarded(shop)
    shop.workspace.delete("authz.yaml")
    shop.wait({f"{HOST}/": 500, f"{OTHER}/": 200}, ANN)
    shop.workspace.write("authz.yaml", manifests.backend("authz", grpc.port))
    shop.wait({f"{HOST}/": 200, f"{OTHER}/": 200}, ANN)
    assert shop.status() == 401
    guard(shop, grpc, fail_open=True)
    shop.wait({f"{HOST}/": 500, f"{OTHER}/": 200}, ANN)


def test_the_most_specific_policy_is_in_force_and_may_be_merged(
    shop: Shop, grpc: GrpcAuthorization, http: HttpAuthorization
) -> None:
    """Each is asked for its own; what is merged asks the server of the one above, besides what it asks for itself."""
    guard(shop, grpc, GATEWAY)
    shop.wait({f"{HOST}/": 401, f"{OTHER}/": 401})
    shop.workspace.write("other.yaml", manifests.backend("other", http.port))
    shop.workspace.write("inner.yaml", security_policy("inner", FREE, extAuth=asked_of(http, "other")))

    def is_asked() -> bool:
        assert shop.status(host=OTHER, headers=ANN) == 200
        return bool(http.asked)

    wait_for(is_asked, "the server of the route")
    before = len(grpc.asked)
    assert (shop.status(host=OTHER), len(grpc.asked)) == (401, before)
    only = {"rules": [{"action": "Allow", "operation": {"path": {"value": "/a"}}}], "defaultAction": "Deny"}
    merged = security_policy("inner", FREE, mergeType="StrategicMerge", authorization=only)
    shop.workspace.write("inner.yaml", merged)
    shop.wait({f"{OTHER}/": 403, f"{OTHER}/a": 200, f"{HOST}/": 200}, ANN)
    assert shop.status("/a", OTHER) == 401
    shop.workspace.write("inner.yaml", security_policy("inner", FREE, authorization={"defaultAction": "Allow"}))
    shop.wait({f"{OTHER}/": 200, f"{HOST}/": 401})


def test_no_request_passes_in_the_moment_of_an_edit(
    shop: Shop, grpc: GrpcAuthorization, http: HttpAuthorization
) -> None:
    """Of the policy, of its server, and of what replaces it."""
    guard(shop, grpc)
    shop.wait({f"{HOST}/": 401})
    with SteadyClient(shop.port, HOST, headers=EVE) as client:
        for server, more, status in (
            (grpc, {"statusOnError": 503}, 401),
            (http, {}, 401),
            (grpc, {"bodyToExtAuth": {"maxRequestBytes": 10}}, 401),
            (grpc, {"grpc": {}}, 500),
            (http, {"failOpen": True}, 401),
        ):
            guard(shop, server, **more)
            shop.wait({f"{HOST}/": status, f"{OTHER}/": 200}, EVE)
            if status == 401:
                shop.wait({f"{HOST}/": 200}, ANN)
        shop.workspace.write("users.yaml", "---\napiVersion: v1\nkind: Secret\nmetadata: {name: users}\n")
        shop.workspace.write("policy.yaml", security_policy("guard", SHOP, **BASIC))
        shop.wait({f"{HOST}/": 500, f"{OTHER}/": 200}, EVE)
    assert client.served == 0
    assert client.failures


def test_a_server_by_grpc_is_told_the_context_that_the_policy_gives(shop: Shop, grpc: GrpcAuthorization) -> None:
    """Also out of a Secret, which nobody else is shown; without it, what the policy covers answers 500."""
    ref = {"kind": "Secret", "name": "tenant", "key": "id"}
    context = [{"name": "place", "value": "shop"}, {"name": "tenant", "type": "ValueRef", "valueRef": ref}]
    more: dict[str, Any] = {"contextExtensions": context, "statusOnError": 503, "headersToExtAuth": [USER_HEADER]}
    shop.workspace.write("tenant.yaml", _secret("blue-whale"))
    guard(shop, grpc, **more)
    wait_guarded(shop)
    assert http_get(shop.port, HOST, headers={**BOB, "x-more": "m"}).json["headers"][TOLD_HEADER] == "tin"
    assert (last(grpc).context, last(grpc).headers.get("x-more")) == ({"place": "shop", "tenant": "blue-whale"}, None)
    free = security_policy("free", FREE, extAuth=asked_of(grpc, contextExtensions=[{"name": "place", "value": "free"}]))
    shop.workspace.write("free-policy.yaml", free)
    shop.wait({f"{HOST}/": 200, f"{OTHER}/": 200}, ANN)
    shop.wait({f"{OTHER}/": 401})
    assert last(grpc).context == {"place": "free"}
    for text in (shop.daemon.admin("/api/v1/config_dump").text, shop.daemon.admin("/api/v1/objects").text):
        assert "blue-whale" not in text
    assert "blue-whale" not in shop.daemon.log
    with SteadyClient(shop.port, HOST, headers=EVE) as client:
        shop.workspace.write("tenant.yaml", _secret("red-fox"))

        def is_told() -> bool:
            assert shop.status(headers=ANN) == 200
            return last(grpc).context["tenant"] == "red-fox"

        wait_for(is_told, "the new tenant")
        shop.workspace.delete("tenant.yaml")
        shop.wait({f"{HOST}/": 500, f"{OTHER}/": 200}, ANN)
        shop.workspace.write("tenant.yaml", _secret("red-fox"))
        wait_guarded(shop)
        guard(shop, grpc)
        wait_for(lambda: shop.status(headers=ANN) == 200 and not last(grpc).context, "no context")
    assert client.served == 0
    assert shop.status() == 401


def _secret(tenant: str) -> str:
    return f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: tenant}}\nstringData: {{id: {tenant}}}\n"
