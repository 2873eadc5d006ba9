"""How connections to backends are made, as BackendTrafficPolicies say it, on a real Envoy; of streams, too."""

from __future__ import annotations

import socketserver
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.balanced import (
    CLUSTER,
    GATEWAY,
    HOST,
    Balanced,
    backend_policy,
    endpoints,
    start_balanced,
)
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.listening import Listening
from tests.envoy.stream_backends import DatagramBackend, StreamBackend, answered, reached
from tests.envoy.test_access import on
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy


class PlainBackend(Listening):
    """Remembers how each connection begins, and answers HTTP to that."""

    def __init__(self) -> None:
        began = self.began = list[bytes]()

        class _Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                began.append(self.rfile.readline())
                with suppress(OSError):
                    while self.rfile.readline().strip():
                        pass
                    self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

        class _Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        super().__init__(_Server(("127.0.0.1", 0), _Handler))


@pytest.fixture
def shop(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Balanced:
    """A shop with one backend, without any policy."""
    return start_balanced(workspace, make_daemon, start_envoy, backend.port)


def test_backends_are_told_whom_a_connection_is_for(shop: Balanced) -> None:
    """Before anything else comes over it (PROXY protocol)."""
    with PlainBackend() as plain:
        shop.workspace.write("backend.yaml", endpoints("app", plain.port))
        wait_for(lambda: shop.ask().status == 200 and plain.began, "the other backend")
        shop.policy(proxyProtocol={"version": "V1"})
        wait_for(
            lambda: shop.ask() and any(each.startswith(b"PROXY TCP4 127.0.0.1 ") for each in plain.began),
            "the PROXY protocol",
        )
        shop.policy(proxyProtocol={"version": "V2"})
        wait_for(lambda: shop.ask() and any(each.startswith(b"\r\n") for each in plain.began), "its second version")


EVERYTHING_ELSE = {
    "connection": {
        "bufferLimit": "64Ki",
        "socketBufferLimit": "256Ki",
        "preconnect": {"perEndpointPercent": 150, "predictivePercent": 200},
    },
    "dns": {"dnsRefreshRate": "5s", "respectDnsTtl": False, "lookupFamily": "IPv4"},
    "http2": {
        "initialStreamWindowSize": "1Mi",
        "initialConnectionWindowSize": "2Mi",
        "maxConcurrentStreams": 9,
        "onInvalidMessage": "TerminateStream",
        "connectionKeepalive": {"interval": "30s", "timeout": "5s", "idleInterval": "20s", "intervalJitter": 10},
    },
    "circuitBreaker": {
        "perEndpoint": {"maxConnections": 9},
        "retryBudget": {"percent": {"numerator": 20}, "minRetryConcurrency": 2},
    },
    "loadBalancer": {"type": "RoundRobin", "slowStart": {"window": "5s"}},
    "tcpKeepalive": {"probes": 3, "idleTime": "10s", "interval": "5s"},
    "timeout": {
        "tcp": {"connectTimeout": "3s"},
        "http": {"connectionIdleTimeout": "1m", "maxConnectionDuration": "1h", "maxStreamDuration": "1m"},
    },
    "healthCheck": {
        "active": {"type": "HTTP", "http": {"path": "/", "retriableStatuses": [503]}, "initialJitter": "10ms"},
        "passive": {
            "splitExternalLocalOriginErrors": True,
            "consecutiveGatewayErrors": 3,
            "failurePercentageThreshold": 90,
            "alwaysEjectOneEndpoint": True,
        },
        "panicThreshold": 30,
    },
    "useClientProtocol": True,
}


def test_envoy_takes_all_of_it_together(shop: Balanced, backend: EchoBackend) -> None:
    """Of endpoints with addresses and of such with names, and serves with it."""
    shop.policy(**EVERYTHING_ELSE)
    assert shop.ask().status == 200
    name = {"fqdn": {"hostname": "localhost", "port": backend.port}}
    shop.workspace.write("backend.yaml", manifests.backend_of("app", {"endpoints": [name]}))
    wait_for(lambda: shop.cluster().get("cluster_type", {}).get("name") == "envoy.cluster.dns", "the name")
    assert shop.ask().status == 200


def test_each_listener_has_what_its_policy_asks(shop: Balanced, backend: EchoBackend) -> None:
    """A route at two of them has clusters for both, and serves at both all the while."""
    other = free_port()
    listeners = (manifests.http(shop.port), manifests.http(other, "other"))
    shop.workspace.write("gateway.yaml", manifests.gateway("web", *listeners))
    wait_for(lambda: http_get(other, HOST).status == 200, "the other listener")
    policy = backend_policy("few", on("Gateway", "web", "other"), circuitBreaker={"maxParallelRequests": 0})
    shop.workspace.write("few.yaml", policy)
    wait_for(lambda: http_get(other, HOST).status == 503, "no request to be let through there")
    assert shop.ask().json["backend"] == backend.name
    assert shop.cluster(f"{CLUSTER}@default/few")
    shop.workspace.delete("few.yaml")
    wait_for(lambda: http_get(other, HOST).status == 200, "the policy to be gone")
    wait_for(lambda: not shop.cluster(f"{CLUSTER}@default/few"), "its cluster to be gone")


@pytest.fixture
def streams(
    workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Iterator[tuple[int, Workspace]]:
    """A port for TCP and UDP, with three backends each; and where it is written."""
    with ExitStack() as running:
        tcp = [running.enter_context(StreamBackend(f"tcp-{number}")) for number in range(3)]
        udp = [running.enter_context(DatagramBackend(f"udp-{number}")) for number in range(3)]
        port = free_port()
        listeners = (manifests.plain(port, "TCP", "tcp"), manifests.plain(port, "UDP", "udp"))
        workspace.write("gateway.yaml", manifests.gateway("web", *listeners))
        workspace.write("tcp.yaml", endpoints("tcp", *(each.port for each in tcp)))
        workspace.write("udp.yaml", endpoints("udp", *(each.port for each in udp)))
        workspace.write("tcp-route.yaml", manifests.stream_route("TCPRoute", "tcp", {"tcp": 1}, section="tcp"))
        workspace.write("udp-route.yaml", manifests.stream_route("UDPRoute", "udp", {"udp": 1}, section="udp"))
        daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
        daemon.start()
        start_envoy(daemon)
        wait_for(lambda: reached(port) and answered(port), "both to be served")
        yield port, workspace


def test_a_client_of_streams_comes_to_one_backend(streams: tuple[int, Workspace]) -> None:
    """Of datagrams, too: by its address, whatever its port is."""
    port, workspace = streams
    assert len({reached(port) for _ in range(20)}) > 1
    hashed = {"type": "ConsistentHash", "consistentHash": {"type": "SourceIP"}}
    workspace.write("policy.yaml", backend_policy("backends", GATEWAY, loadBalancer=hashed))
    wait_for(lambda: len({reached(port) for _ in range(20)}) == 1, "one backend of TCP")
    wait_for(lambda: len({answered(port) for _ in range(20)}) == 1, "one backend of UDP")
