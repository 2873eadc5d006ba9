"""How clients are taken, as ClientTrafficPolicies say it, on a real Envoy: addresses, headers, paths, limits."""

from __future__ import annotations

import json
import socket
import struct
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

HOST = "shop.test"
GATEWAY = on("Gateway", "web")
_LIMIT_S = 30.0


def traffic_policy(name: str, *targets: dict[str, str], **spec: Any) -> str:
    """Return a ClientTrafficPolicy."""
    said = json.dumps({"targetRefs": list(targets), **spec})
    head = f"---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: ClientTrafficPolicy\nmetadata: {{name: {name}}}\n"
    return f"{head}spec: {said}\n"


class Shop(Stack):
    """One host at one listener."""

    def ask(self, path: str = "/", **headers: str) -> Answer:
        """Ask for a path."""
        return http_get(self.port, HOST, path, headers={name.replace("_", "-"): each for name, each in headers.items()})

    def told(self, name: str, **headers: str) -> str | None:
        """Return what the backend is told in a header."""
        found: str | None = self.ask(**headers).json["headers"].get(name)
        return found

    def raw(self, sent: bytes) -> bytes:
        """Send bytes on a connection, and return what comes until it is closed; nothing where it is reset."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), _LIMIT_S) as connection:
                connection.sendall(sent)
                return b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionError:
            return b""

    def policy(self, **spec: Any) -> None:
        """Write the policy of the Gateway."""
        self.workspace.write("policy.yaml", traffic_policy("clients", GATEWAY, **spec))


def _until(fact: Callable[[], bool], what: str) -> None:
    wait_for(fact, what)


@pytest.fixture
def shop(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Shop:
    """A shop without any policy."""
    port = free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo"))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    daemon.start()
    found = Shop(workspace, daemon, start_envoy(daemon), port)
    found.wait_status(HOST, 200)
    return found


ADDRESSES: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "two hops": ({"xForwardedFor": {"numTrustedHops": 2}}, {"x_forwarded_for": "9.9.9.9, 8.8.8.8, 7.7.7.7"}, "8.8.8.8"),
    "trusted ranges": (
        {"xForwardedFor": {"trustedCIDRs": ["127.0.0.0/8", "7.7.7.7"]}},
        {"x_forwarded_for": "9.9.9.9, 8.8.8.8, 7.7.7.7"},
        "8.8.8.8",
    ),
    "a header": ({"customHeader": {"name": "x-client"}}, {"x_client": "5.5.5.5"}, "5.5.5.5"),
}


@pytest.mark.parametrize("way", ADDRESSES)
def test_the_address_of_a_client_is_found_where_the_policy_says(shop: Shop, way: str) -> None:
    """And nowhere else: without it Envoy believes nobody, and who gets in goes by the connection's own address."""
    detection, headers, expected = ADDRESSES[way]
    rule = {"action": "Allow", "principal": {"clientCIDRs": [f"{expected}/32"]}}
    guard = {"targetRefs": [GATEWAY], "authorization": {"defaultAction": "Deny", "rules": [rule]}}
    head = "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\nmetadata: {name: guard}\n"
    shop.workspace.write("guard.yaml", f"{head}spec: {json.dumps(guard)}\n")
    _until(lambda: shop.ask(**headers).status == 403, "403 for who claims to be somebody")
    shop.policy(clientIPDetection=detection)
    _until(lambda: shop.ask(**headers).status == 200, "200 for who is somebody")
    assert shop.ask().status == 403


def test_a_client_without_an_address_is_refused_where_that_is_asked(shop: Shop) -> None:
    """failClosed; what is misspelt in such a policy closes the listener, and mending it opens it again."""
    shop.policy(clientIPDetection={"customHeader": {"name": "x-client", "failClosed": True}})
    _until(lambda: shop.ask().status == 403, "403")
    assert shop.ask(x_client="5.5.5.5").status == 200
    shop.policy(clientIPDetection={"customHeader": {"name": "x-client", "failClose": True}})
    _until(lambda: shop.ask(x_client="5.5.5.5").status == 500, "500 for a misspelt field")
    shop.policy(clientIPDetection={"customHeader": {"name": "x-client"}})
    _until(lambda: shop.ask().status == 200, "200")


_REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
_V1 = b"PROXY TCP4 6.6.6.6 127.0.0.1 1000 80\r\n"
_V2 = (
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11"
    + struct.pack("!H", 12)
    + socket.inet_aton("4.4.4.4")
    + socket.inet_aton("127.0.0.1")
    + struct.pack("!HH", 1000, 80)
)


def test_connections_say_whom_they_come_from(shop: Shop) -> None:
    """PROXY protocol, both versions; one that does not say it is closed, unless it need not."""
    shop.policy(proxyProtocol={})
    _until(lambda: b'"6.6.6.6"' in shop.raw(_V1 + _REQUEST), "the address of version 1")
    assert b'"4.4.4.4"' in shop.raw(_V2 + _REQUEST)
    assert shop.raw(_REQUEST) == b""
    shop.policy(proxyProtocol={"optional": True})
    _until(lambda: b" 200 OK" in shop.raw(_REQUEST), "200 without it")
    assert b'"4.4.4.4"' in shop.raw(_V2 + _REQUEST)
    shop.policy(enableProxyProtocol=True)
    _until(lambda: shop.raw(_REQUEST) == b"", "the older field")


HEADERS: dict[str, tuple[dict[str, Any], dict[str, str], str, str | None]] = {
    "set early": ({"earlyRequestHeaders": {"set": [{"name": "x-a", "value": "1%"}]}}, {"x_a": "0"}, "x-a", "1%"),
    "added early": ({"earlyRequestHeaders": {"add": [{"name": "x-a", "value": "1"}]}}, {}, "x-a", "1"),
    "added if absent": (
        {"earlyRequestHeaders": {"addIfAbsent": [{"name": "x-a", "value": "1"}]}},
        {"x_a": "0"},
        "x-a",
        "0",
    ),
    "removed early": ({"earlyRequestHeaders": {"remove": ["X-A"]}}, {"x_a": "0"}, "x-a", None),
    "removed by a prefix": (
        {"earlyRequestHeaders": {"removeOnMatch": [{"type": "Prefix", "value": "x-a"}]}},
        {"x_abc": "0"},
        "x-abc",
        None,
    ),
    "an id that is kept": ({"requestID": "Preserve"}, {"x_request_id": "mine"}, "x-request-id", "mine"),
    "an id that is kept, by the older field": (
        {"preserveXRequestID": True},
        {"x_request_id": "mine"},
        "x-request-id",
        "mine",
    ),
    "no id": ({"requestID": "Disable"}, {}, "x-request-id", None),
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers_of_requests(shop: Shop, case: str) -> None:
    """They are changed before routes are looked at."""
    asked, sent, name, expected = HEADERS[case]
    assert shop.told(name, **sent) != expected or case == "added if absent"
    shop.policy(headers={**asked, "lateResponseHeaders": {"set": [{"name": "x-late", "value": "here"}]}})
    _until(lambda: shop.ask().headers.get("x-late") == "here", "the policy to be in force")
    assert shop.told(name, **sent) == expected


def test_underscores_and_sizes_of_headers(shop: Shop) -> None:
    """A header with an underscore is let through where that is said, and long ones up to a limit."""
    with_underscore = {"x_under_score": "1"}

    def status(**headers: str) -> int:
        return http_get(shop.port, HOST, headers=headers).status

    assert status(**with_underscore) == 400
    shop.policy(headers={"withUnderscoresAction": "Allow", "maxRequestHeaderLimit": "2Ki"})
    _until(lambda: status(**with_underscore) == 200, "underscores to be let through")
    assert status(long="x" * 4096) == 431


PATHS: dict[str, tuple[dict[str, Any], str, int, str]] = {
    "an escaped slash is refused": ({"escapedSlashesAction": "RejectRequest"}, "/a%2Fb", 400, ""),
    "an escaped slash is kept": ({"escapedSlashesAction": "KeepUnchanged"}, "/a%2Fb", 200, "/a%2Fb"),
    "an escaped slash is written out": ({"escapedSlashesAction": "UnescapeAndForward"}, "/a%2Fb", 200, "/a/b"),
    "two slashes are kept": ({"disableMergeSlashes": True}, "/a//b", 200, "/a//b"),
}


@pytest.mark.parametrize("case", PATHS)
def test_paths_are_normalised_as_the_policy_says(shop: Shop, case: str) -> None:
    """What it does not say is as the settings have it."""
    asked, path, status, seen = PATHS[case]

    def holds() -> bool:
        answer = shop.ask(path)
        return answer.status == status and (status != 200 or answer.json["path"] == seen)

    assert not holds()
    shop.policy(path=asked)
    _until(holds, case)


def test_health_checks_are_answered_without_a_route(shop: Shop) -> None:
    """Also where the rest is denied to everybody."""
    assert shop.ask("/ready").text
    shop.policy(healthCheck={"path": "/ready"})
    _until(lambda: shop.ask("/ready").text == "", "the check to be answered")
    assert shop.ask("/").status == 200
    guard = {"targetRefs": [GATEWAY], "basicAuth": {"users": {"name": "gone"}}}
    head = "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\nmetadata: {name: guard}\n"
    shop.workspace.write("guard.yaml", f"{head}spec: {json.dumps(guard)}\n")
    shop.wait_status(HOST, 500)
    assert shop.ask("/ready").status == 200


def test_connections_beyond_a_limit_are_closed(shop: Shop) -> None:
    """Those that are there stay."""
    shop.policy(connection={"connectionLimit": {"value": 1}})

    def second_is_closed() -> bool:
        with socket.create_connection(("127.0.0.1", shop.port), _LIMIT_S) as first:
            first.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            assert first.recv(15).startswith(b"HTTP/1.1 200")
            return shop.raw(_REQUEST) == b""

    _until(second_is_closed, "a second connection to be closed")


def test_slow_requests_time_out(shop: Shop) -> None:
    """A request that does not end is answered 408."""
    shop.policy(timeout={"http": {"requestHeadersReceivedTimeout": "200ms"}}, healthCheck={"path": "/ready"})
    _until(lambda: shop.ask("/ready").text == "", "the policy to be in force")
    with socket.create_connection(("127.0.0.1", shop.port), _LIMIT_S) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")


def test_letters_of_headers_stay_as_they_are(shop: Shop) -> None:
    """preserveHeaderCase, as backends see requests; and HTTP/1.0 is taken where it is asked for."""
    old = f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode()
    assert b" 426 " in shop.raw(old)
    shop.policy(http1={"preserveHeaderCase": True, "http10": {}})
    _until(lambda: b" 200 " in shop.raw(old), "HTTP/1.0")
    with socket.create_server(("127.0.0.1", 0)) as server:
        shop.workspace.write("backend.yaml", manifests.backend("echo", server.getsockname()[1]))
        wait_for(lambda: _head_of_next(server, shop), "a request at the other backend")


def _head_of_next(server: socket.socket, shop: Shop) -> bool:
    """Ask once, and tell whether the letters of a header came as they were sent."""
    server.settimeout(0.5)
    with socket.create_connection(("127.0.0.1", shop.port), _LIMIT_S) as client:
        client.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX-FoO: 1\r\n\r\n".encode())
        connection, _ = server.accept()
        with connection:
            return b"\r\nX-FoO: 1\r\n" in connection.recv(65536)


def test_what_is_not_about_access_goes_without(shop: Shop) -> None:
    """HTTP/3 is not served yet: an error, and nothing is closed for it; what stands beside it is done."""
    shop.policy(http3={}, healthCheck={"path": "/ready"})
    _until(lambda: shop.ask("/ready").text == "", "the check to be answered")
    assert shop.ask().status == 200


def test_a_policy_for_one_of_two_listeners_of_a_port_closes_it(shop: Shop) -> None:
    """HTTP listeners of a port have one chain (Envoy Gateway): the other one is served."""
    listeners = [{**manifests.http(shop.port, name), "hostname": f"{name}.test"} for name in ("shop", "free")]
    shop.workspace.write("gateway.yaml", manifests.gateway("web", *listeners))
    shop.workspace.write("free.yaml", manifests.http_route("free", "free.test", "echo"))
    shop.wait_status("free.test", 200)
    spec = {"clientIPDetection": {"xForwardedFor": {"numTrustedHops": 1}}}
    shop.workspace.write("policy.yaml", traffic_policy("clients", on("Gateway", "web", "shop"), **spec))
    shop.wait_status(HOST, 500)
    shop.wait_status("free.test", 200)
    shop.workspace.write("policy.yaml", traffic_policy("clients", GATEWAY, **spec))
    shop.wait_status(HOST, 200)
