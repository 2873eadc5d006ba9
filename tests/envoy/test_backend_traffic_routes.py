"""How requests come to backends, as BackendTrafficPolicies say it, on a real Envoy: timeouts, retries, upgrades."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.traffic_backend import TrafficBackend
from tests.envoy.traffic_shop import HOST, ROUTE, RULES, TrafficShop, start_shop
from tests.envoy.workspace import Workspace

pytestmark = pytest.mark.envoy

_LIMIT_S = 20.0


@pytest.fixture
def backend() -> Iterator[TrafficBackend]:
    """The backend of the shop."""
    with TrafficBackend() as running:
        yield running


@pytest.fixture
def shop(
    workspace: Workspace, backend: TrafficBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> TrafficShop:
    """A shop without any policy."""
    return start_shop(workspace, backend.port, make_daemon, start_envoy)


def attempts(shop: TrafficShop, backend: TrafficBackend, path: str) -> int:
    """Send one request, and return how often the backend was asked."""
    backend.seen.clear()
    shop.ask(path)
    return len(backend.seen)


RETRIES: dict[str, tuple[dict[str, Any], str, int]] = {
    "as it is": ({}, "/status/503", 3),
    "more often": (
        {"numRetries": 4, "perRetry": {"backOff": {"baseInterval": "1ms", "maxInterval": "2ms"}}},
        "/status/503",
        5,
    ),
    "for a status": (
        {"numRetries": 1, "retryOn": {"triggers": ["retriable-status-codes"], "httpStatusCodes": [404]}},
        "/status/404",
        2,
    ),
    "for any failure": (
        {"numRetries": 1, "retryOn": {"triggers": ["5xx"]}, "numAttemptsPerPriority": 1},
        "/status/500",
        2,
    ),
    "not for this": ({"retryOn": {"triggers": ["gateway-error"]}}, "/status/500", 1),
    "after a time": (
        {
            "numRetries": 1,
            "retryOn": {"triggers": ["5xx"]},
            "perRetry": {"timeout": "1s", "backOff": {"maxInterval": "10ms"}},
        },
        "/slow",
        2,
    ),
}


@pytest.mark.parametrize("way", RETRIES)
def test_requests_are_tried_again(shop: TrafficShop, backend: TrafficBackend, way: str) -> None:
    """By the Gateway's policy; by a route's that asks for none, only once."""
    retry, path, expected = RETRIES[way]
    shop.policy(retry=retry)
    probe = "/status/404" if path == "/status/404" else "/status/503"
    shop.until(lambda: attempts(shop, backend, probe) > 1, "retries")
    assert attempts(shop, backend, path) == expected
    shop.policy(ROUTE, timeout={"http": {"requestTimeout": "30s"}})
    shop.until(lambda: attempts(shop, backend, "/status/503") == 1, "one attempt")


def test_what_a_rule_says_of_retries_counts_before_a_policy(shop: TrafficShop, backend: TrafficBackend) -> None:
    """Also where the policy of its own route says otherwise."""
    rule = {**RULES[1], "retry": {"codes": [503], "attempts": 1}}
    shop.workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo", rules=[RULES[0], rule]))
    shop.policy(ROUTE, retry={"numRetries": 4})
    shop.until(lambda: attempts(shop, backend, "/apart/../status/503") > 0, "requests")
    shop.until(lambda: attempts(shop, backend, "/status/503") == 2, "two attempts")


def test_slow_backends_time_out(shop: TrafficShop) -> None:
    """By the policy, unless the rule has a time of its own; a stream may be silent for as long as it says."""
    shop.policy(timeout={"http": {"requestTimeout": "100ms"}})
    # Who asks before would wait for Envoy's own 15 s.
    shop.until(lambda: '"timeout": "0.100s"' in shop.envoy.admin("/config_dump").text, "the timeout")
    shop.until(lambda: shop.ask("/slow").status == 504, "504")
    shop.policy(timeout={"http": {"requestTimeout": "0s", "streamIdleTimeout": "100ms"}})
    shop.until(lambda: shop.ask("/slow").text == "stream timeout", "an idle stream")
    rule = {**RULES[1], "timeouts": {"request": "50ms"}}
    shop.workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo", rules=[RULES[0], rule]))
    shop.policy(timeout={"http": {"requestTimeout": "15s"}})
    shop.until(lambda: shop.ask("/slow").status == 504, "504")


def turned(port: int, protocol: str = "websocket", path: str = "/ws") -> bytes:
    """Ask for another protocol, send a line, and return all that comes."""
    head = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n"
    return _led_on(port, f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n", b"hello\n")


def tunnelled(port: int, line: bytes) -> bytes:
    """Ask for a tunnel, send a line through it, and return all that comes."""
    return _led_on(port, f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n", line)


def _led_on(port: int, head: str, line: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), _LIMIT_S) as connection:
        connection.sendall(head.encode())
        found = connection.recv(65536)
        if b" 101 " in found or b" 200 " in found:
            connection.sendall(line)
            found += b"".join(iter(lambda: connection.recv(65536), b""))
        return found


def test_what_rules_ask_for_is_led_on_and_nothing_else(shop: TrafficShop) -> None:
    """Another rule answers 403 to that, and goes on with WebSockets; what nobody asks for is a request like any."""
    shop.policy({**ROUTE, "sectionName": "apart"}, httpUpgrade=[{"type": "spdy/3.1"}])
    shop.until(lambda: turned(shop.port, "SPDY/3.1", "/apart").endswith(b"hello\n"), "a line that comes back")
    assert b" 403 " in turned(shop.port, path="/apart")
    assert b" 403 " in turned(shop.port, "spdy/3.1")
    assert turned(shop.port).endswith(b"hello\n")
    assert shop.ask("/", connection="upgrade", upgrade="spdy/3").status == 200
    assert shop.ask("/", connection="upgrade", upgrade="TLS/1.2").status == 200


def test_tunnels_go_to_backends_or_end_before(shop: TrafficShop, backend: TrafficBackend) -> None:
    """By a rule that takes nothing else, whatever paths it names; without one there are none."""
    rule = {**ROUTE, "sectionName": "apart"}
    assert b" 404 " in tunnelled(shop.port, b"hello\n")
    shop.policy(rule, httpUpgrade=[{"type": "CONNECT"}])
    shop.until(lambda: tunnelled(shop.port, b"hello\n").endswith(b"hello\n"), "a line that comes back")
    assert backend.seen[-1] == f"{HOST}:443"
    assert shop.ask("/apart").status == 200
    shop.policy(rule, httpUpgrade=[{"type": "CONNECT", "connect": {"terminate": True}}])
    inner = f"GET /inside HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
    shop.until(lambda: tunnelled(shop.port, inner).endswith(b"/inside"), "an answer through the tunnel")


def test_websockets_are_led_on_unless_requests_are_held_back(shop: TrafficShop) -> None:
    """One that is held until it is there as a whole would never be led on: it is refused, and told so."""
    shop.policy(httpUpgrade=[{"type": "websocket"}], timeout={"http": {"requestTimeout": "14s"}})
    shop.until(lambda: turned(shop.port).endswith(b"hello\n"), "a line that comes back")
    shop.policy(requestBuffer={"limit": "1Ki"})
    shop.until(lambda: b" 403 " in turned(shop.port), "403")
    shop.policy(requestBuffer={"limit": "1Ki", "mode": "LimitOnly"})
    shop.until(lambda: turned(shop.port).endswith(b"hello\n"), "a line that comes back")


def test_requests_are_refused_while_others_fail(shop: TrafficShop, backend: TrafficBackend) -> None:
    """The backend is not asked by those; another rule, which has a cluster of its own, is served."""
    shop.policy(admissionControl={"samplingWindow": "30s", "minSuccessRate": 100, "maxRejectionPercent": 100})
    shop.until(lambda: attempts(shop, backend, "/status/503") == 0, "a request that is refused")
    assert shop.ask("/apart").status == 200
