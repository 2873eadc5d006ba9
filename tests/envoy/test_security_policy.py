"""Who gets in, as SecurityPolicies say it, on a real Envoy: also over connections that were open before they did."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.client import Answer, http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stack import Stack
from tests.envoy.test_access import on
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST, OTHER = "shop.test", "free.test"
GATEWAY, SHOP, CART = on("Gateway", "web"), on("HTTPRoute", "shop"), on("HTTPRoute", "shop", "cart")
_LIMIT_S = 20.0


def security_policy(name: str, *targets: dict[str, str], **spec: Any) -> str:
    """Return a SecurityPolicy."""
    said = json.dumps({"targetRefs": list(targets), **spec})
    head = f"---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\nmetadata: {{name: {name}}}\n"
    return f"{head}spec: {said}\n"


def users(name: str = "users", **passwords: str) -> str:
    """Return a Secret with users and their passwords."""
    lines = (
        f"{user}:{{SHA}}{base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()}"
        for user, password in passwords.items()
    )
    values = json.dumps({".htpasswd": "\n".join(lines)})
    return f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {values}\n"


def login(user: str, password: str) -> dict[str, str]:
    """Return the header that a browser sends after a login."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


BASIC: dict[str, Any] = {"basicAuth": {"users": {"name": "users"}}}
ANN = login("ann", "sesame")


class Shop(Stack):
    """Two hosts at one listener; of one of them a rule has a name."""

    def status(self, path: str = "/", host: str = HOST, headers: dict[str, str] | None = None) -> int:
        """Return the status of an answer."""
        return http_get(self.port, host, path, headers=headers).status

    def wait(self, expected: dict[str, int], headers: dict[str, str] | None = None) -> None:
        """Wait until `host/path` answer with statuses."""

        def answer() -> bool:
            found = {
                each: self.status("/" + each.partition("/")[2], each.partition("/")[0], headers) for each in expected
            }
            assert found == expected
            return True

        wait_for(answer, f"{expected}")


@pytest.fixture
def shop(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Shop:
    """A shop that everybody may enter."""
    port = free_port()
    echo = [manifests.backend_ref("echo")]
    rules = [
        {"name": "cart", "matches": [{"path": {"value": "/cart"}}], "backendRefs": echo},
        {
            "matches": [{"path": {"value": "/moved"}}],
            "filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "new.test"}}],
        },
        {"matches": [{"path": {"value": "/nobody"}}], "backendRefs": [manifests.backend_ref("gone")]},
        {"backendRefs": echo},
    ]
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo", rules=rules))
    workspace.write("free.yaml", manifests.http_route("free", OTHER, "echo"))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    workspace.write("users.yaml", users(ann="sesame"))
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    daemon.start()
    found = Shop(workspace, daemon, start_envoy(daemon), port)
    found.wait({f"{HOST}/": 200, f"{OTHER}/": 200})
    return found


class KeptConnection:
    """A connection that is kept from request to request."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _LIMIT_S)
        self._answers = self._socket.makefile("rb")

    def status(self, host: str, **headers: str) -> int:
        """Send a request, and return the status of its answer."""
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._socket.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode())
        status, length = int(self._answers.readline().split()[1]), 0
        while line := self._answers.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self._answers.read(length)
        return status

    def close(self) -> None:
        """Close it."""
        self._answers.close()
        self._socket.close()


def test_a_login_is_asked_for_at_once_also_over_open_connections(shop: Shop) -> None:
    """Nothing is drained for it: the filter is there before the policy is, and what it asks comes with the routes."""
    kept = KeptConnection(shop.port)
    assert kept.status(HOST) == 200
    drained = shop.envoy.stats("listener_manager")["listener_manager.lds.update_success"]
    shop.workspace.write("policy.yaml", security_policy("guard", GATEWAY, **BASIC))
    shop.wait({f"{HOST}/": 401, f"{OTHER}/": 401, f"{HOST}/moved": 401, f"{HOST}/nobody": 401})
    assert kept.status(HOST) == 401
    assert kept.status(HOST, **ANN) == 200
    assert kept.status(OTHER, **login("ann", "open")) == 401
    shop.workspace.write("users.yaml", users(bob="opensesame"))
    shop.wait({f"{HOST}/": 200}, login("bob", "opensesame"))
    assert kept.status(HOST, **ANN) == 401
    shop.workspace.delete("policy.yaml")
    shop.wait({f"{HOST}/": 200, f"{OTHER}/": 200})
    assert kept.status(HOST) == 200
    assert shop.envoy.stats("listener_manager")["listener_manager.lds.update_success"] == drained
    kept.close()


def test_the_most_specific_policy_replaces_the_others(shop: Shop) -> None:
    """A rule's that of its route, and that the Gateway's, with all that they ask for (Envoy Gateway)."""
    shop.workspace.write("gateway-policy.yaml", security_policy("outer", GATEWAY, **BASIC))
    shop.wait({f"{HOST}/": 401, f"{HOST}/cart": 401, f"{OTHER}/": 401})
    shop.workspace.write("route-policy.yaml", security_policy("inner", SHOP, authorization={"defaultAction": "Allow"}))
    shop.wait({f"{HOST}/": 200, f"{HOST}/cart": 200, f"{OTHER}/": 401})
    shop.workspace.write("rule-policy.yaml", security_policy("innermost", CART, authorization={}))
    shop.wait({f"{HOST}/": 200, f"{HOST}/cart": 403, f"{OTHER}/": 401})
    shop.workspace.delete("route-policy.yaml")
    shop.wait({f"{HOST}/": 401, f"{HOST}/cart": 403})
    shop.workspace.delete("gateway-policy.yaml")
    shop.wait({f"{HOST}/": 200, f"{HOST}/cart": 403, f"{OTHER}/": 200})


def test_a_policy_that_is_merged_adds_to_the_one_above(shop: Shop) -> None:
    """Both count (Envoy Gateway, mergeType), and a change of the one above is one of the merged one."""
    only_get = {"defaultAction": "Deny", "rules": [{"action": "Allow", "operation": {"path": {"value": "/cart"}}}]}
    shop.workspace.write("gateway-policy.yaml", security_policy("outer", GATEWAY, **BASIC))
    shop.workspace.write(
        "route-policy.yaml", security_policy("inner", SHOP, mergeType="StrategicMerge", authorization=only_get)
    )
    shop.wait({f"{HOST}/": 401, f"{HOST}/cart": 401})
    shop.wait({f"{HOST}/": 403, f"{HOST}/cart": 200, f"{OTHER}/": 200}, ANN)
    shop.workspace.delete("gateway-policy.yaml")
    shop.wait({f"{HOST}/": 403, f"{HOST}/cart": 200, f"{OTHER}/": 200})


def test_a_policy_that_cannot_be_done_answers_500_where_it_is_in_force_and_nowhere_else(shop: Shop) -> None:
    """From when its Secret goes until it is back; a route with a policy of its own is open all the time."""
    shop.workspace.write("gateway-policy.yaml", security_policy("outer", GATEWAY, **BASIC))
    shop.workspace.write("route-policy.yaml", security_policy("inner", CART, authorization={"defaultAction": "Allow"}))
    shop.wait({f"{HOST}/": 200, f"{HOST}/cart": 200, f"{OTHER}/": 200}, ANN)
    kept = KeptConnection(shop.port)
    assert kept.status(OTHER, **ANN) == 200
    shop.workspace.delete("users.yaml")
    shop.wait({f"{HOST}/": 500, f"{HOST}/cart": 200, f"{OTHER}/": 500}, ANN)
    assert kept.status(OTHER, **ANN) == 500
    shop.workspace.write("users.yaml", users(ann="sesame"))
    shop.wait({f"{HOST}/": 200, f"{HOST}/cart": 200, f"{OTHER}/": 200}, ANN)
    assert kept.status(OTHER) == 401
    kept.close()


ALLOWED: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "addresses": ({"principal": {"clientCIDRs": ["127.0.0.0/8"]}}, {"/": 200}),
    "other addresses": ({"principal": {"clientCIDRs": ["10.0.0.0/8", "2001:db8::/32"]}}, {"/": 403}),
    "a header": ({"principal": {"headers": [{"name": "x-team", "values": ["red", "blue"]}]}}, {"/": 200}),
    "another value of it": ({"principal": {"headers": [{"name": "x-team", "values": ["green"]}]}}, {"/": 403}),
    "all that a principal says": (
        {"principal": {"clientCIDRs": ["10.0.0.0/8"], "headers": [{"name": "x-team", "values": ["red"]}]}},
        {"/": 403},
    ),
    "methods": ({"operation": {"methods": ["POST", "GET"]}}, {"/": 200}),
    "other methods": ({"operation": {"methods": ["POST"]}}, {"/": 403}),
    "a prefix": (
        {"operation": {"path": {"value": "/a/b"}}},
        {"/a/b": 200, "/a/b/c?d": 200, "/a/b?d": 200, "/a/bc": 403},
    ),
    "a path": ({"operation": {"path": {"type": "Exact", "value": "/a"}}}, {"/a": 200, "/a?b": 200, "/a/": 403}),
    "a pattern": (
        {"operation": {"path": {"type": "RegularExpression", "value": "^/a.$"}}},
        {"/ab": 200, "/ab?c": 200, "/abc": 403},
    ),
    "every other path": (
        {"operation": {"path": {"type": "Exact", "value": "/a", "invert": True}}},
        {"/a": 403, "/a?b": 403, "/b": 200},
    ),
}


def test_the_first_rule_that_holds_decides(shop: Shop) -> None:
    """Else the default does; a path is compared without its query, which would open what it is to close."""
    for name, (rule, expected) in ALLOWED.items():
        authorization = {"defaultAction": "Deny", "rules": [{"action": "Allow", **rule}]}
        shop.workspace.write("policy.yaml", security_policy("guard", SHOP, authorization=authorization))
        shop.wait({f"{HOST}{path}": status for path, status in expected.items()}, {"x-team": "red"})
        shut = {"rules": [{"action": "Deny", **rule}], "defaultAction": "Allow"}
        shop.workspace.write("policy.yaml", security_policy("guard", SHOP, authorization=shut))
        shop.wait({f"{HOST}{path}": 603 - status for path, status in expected.items()}, {"x-team": "red"})
        assert shop.status(host=OTHER) == 200, name


def test_a_preflight_is_answered_before_anybody_is_asked_who_they_are(shop: Shop) -> None:
    """A browser sends it without credentials (Fetch, CORS-preflight); a route with a policy of its own allows none."""
    allowed = {"allowOrigins": ["https://*.page.test"], "allowMethods": ["PUT"], "maxAge": "1m"}
    shop.workspace.write("policy.yaml", security_policy("outer", GATEWAY, cors=allowed, **BASIC))
    shop.wait({f"{HOST}/": 401})
    answer = _preflight(shop, HOST, "https://a.page.test")
    named = {
        name: answer.headers.get(f"access-control-{name}") for name in ("allow-origin", "allow-methods", "max-age")
    }
    assert (answer.status, named) == (
        200,
        {"allow-origin": "https://a.page.test", "allow-methods": "PUT", "max-age": "60"},
    )
    assert "access-control-allow-origin" not in _preflight(shop, HOST, "https://evil.test").headers
    answer = http_get(shop.port, HOST, headers={"origin": "https://a.page.test", **ANN})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "https://a.page.test")
    shop.workspace.write("inner.yaml", security_policy("inner", SHOP, **BASIC))

    def replaced() -> bool:
        assert _preflight(shop, HOST, "https://a.page.test").status == 401
        return True

    wait_for(replaced, "the policy of the route")
    assert _preflight(shop, OTHER, "https://a.page.test").status == 200


def _preflight(shop: Shop, host: str, origin: str) -> Answer:
    asked = {"origin": origin, "access-control-request-method": "PUT"}
    return http_get(shop.port, host, headers=asked, method="OPTIONS")


def test_keys_are_taken_where_the_policy_says_and_backends_are_told_the_client(shop: Shop) -> None:
    """From headers, parameters and cookies; a key that goes from its Secret is none at once."""
    asked = {
        "credentialRefs": [{"name": "keys"}],
        "extractFrom": [{"headers": ["x-key"]}, {"params": ["key"]}, {"cookies": ["key"]}],
        "forwardClientIDHeader": "x-client",
        "sanitize": True,
    }
    shop.workspace.write("keys.yaml", _keys(ann="secret-a", bob="secret-b"))
    shop.workspace.write("policy.yaml", security_policy("guard", SHOP, apiKeyAuth=asked))
    shop.wait({f"{HOST}/": 401, f"{HOST}/?key=secret-a": 200, f"{HOST}/?key=other": 401, f"{OTHER}/": 200})
    assert shop.status(headers={"cookie": "key=secret-b"}) == 200
    answer = http_get(shop.port, HOST, headers={"x-key": "secret-b", "x-client": "root"})
    seen = {name.lower(): value for name, value in answer.json["headers"].items()}
    assert (answer.status, seen["x-client"], "x-key" in seen) == (200, "bob", False)
    shop.workspace.write("keys.yaml", _keys(ann="secret-a"))
    shop.wait({f"{HOST}/": 401}, {"x-key": "secret-b"})
    assert shop.status(headers={"x-key": "secret-a"}) == 200
    shop.workspace.delete("keys.yaml")
    shop.wait({f"{HOST}/": 500, f"{OTHER}/": 200}, {"x-key": "secret-a"})


def _keys(**clients: str) -> str:
    values = json.dumps(clients)
    return f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: keys}}\nstringData: {values}\n"


def test_nobody_is_shown_who_may_come_in(shop: Shop) -> None:
    """Neither users nor keys, in the dump of what Envoys are given, its differences and the log."""
    shop.workspace.write("keys.yaml", _keys(ann="very-secret"))
    asked = {"credentialRefs": [{"name": "keys"}], "extractFrom": [{"headers": ["x-key"]}]}
    shop.workspace.write("policy.yaml", security_policy("guard", GATEWAY, apiKeyAuth=asked, **BASIC))
    shop.wait({f"{HOST}/": 401})
    dump = shop.daemon.admin("/api/v1/config_dump").text
    assert "BasicAuthPerRoute" in dump
    for secret in ("very-secret", "{SHA}"):
        assert secret not in dump
        assert secret not in shop.daemon.admin("/api/v1/objects").text
        assert secret not in shop.daemon.log


def test_listeners_of_one_port_have_policies_of_their_own(shop: Shop) -> None:
    """They share a RouteConfiguration, so that what is in force at one stands at its virtual hosts."""
    port, echo = shop.port, [manifests.backend_ref("echo")]
    listeners = [{**manifests.http(port, name), "hostname": host} for name, host in (("a", HOST), ("b", OTHER))]
    shop.workspace.write("gateway.yaml", manifests.gateway("web", *listeners))
    shop.wait({f"{HOST}/": 200, f"{OTHER}/": 200})
    shop.workspace.write("policy.yaml", security_policy("guard", on("Gateway", "web", "a"), **BASIC))
    shop.wait({f"{HOST}/": 401, f"{OTHER}/": 200})
    shop.workspace.write("more.yaml", manifests.http_route("more", OTHER, "echo", rules=[{"backendRefs": echo}]))
    shop.workspace.write("policy.yaml", security_policy("guard", on("Gateway", "web", "b"), **BASIC))
    shop.wait({f"{HOST}/": 200, f"{OTHER}/": 401})
    shop.workspace.write("policy.yaml", security_policy("guard", GATEWAY, **BASIC))
    shop.wait({f"{HOST}/": 401, f"{OTHER}/": 401})
    shop.workspace.delete("users.yaml")
    shop.wait({f"{HOST}/": 500, f"{OTHER}/": 500})
