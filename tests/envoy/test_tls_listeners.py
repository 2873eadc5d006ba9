"""Listeners that share a port, told apart by server names: what one asks of its clients is not to be had at another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority, Pair
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http_route, https
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

AUTHORITY = Authority()
HOSTS = ("*.shop.test", "shop.test")
MUTUAL = {"gateway.istio.io/tls-terminate-mode": "MUTUAL"}


class Shop:
    """A wildcard and its bare domain, which share a certificate, each a listener with a route of its own.

    Attributes:
        workspace: the watched directory.
        daemon: serves it.
        port: of both listeners.
    """

    def __init__(self, workspace: Workspace, backend: EchoBackend, daemon: Daemon) -> None:
        self.workspace, self.daemon, self.port = workspace, daemon, free_port()
        workspace.write("backend.yaml", backend_manifest("echo", backend.port))
        workspace.write("cert.yaml", AUTHORITY.issue(*HOSTS).secret("cert"))
        workspace.write("www.yaml", http_route("www", "www.shop.test", "echo"))
        workspace.write("apex.yaml", http_route("apex", "shop.test", "echo"))
        self.listen()

    def listen(self, secret: str = "cert", **tls: Any) -> None:
        """Write the Gateway anew.

        Args:
            secret: that of the bare domain.
            tls: what its listener asks for besides.
        """
        wide, bare = https(self.port, "*.shop.test", "cert", "wide"), https(self.port, "shop.test", secret, "bare")
        bare["tls"] |= tls
        self.workspace.write("gateway.yaml", gateway("web", wide, bare))

    def status(self, server_name: str, host: str = "") -> int:
        """Ask for a host over a connection made for another; 0 where the connection is closed."""
        try:
            ca = AUTHORITY.cert
            return http_get(self.port, host or server_name, ca=ca, server_name=server_name).status
        except OSError:
            return 0

    def answers(self, server_name: str, status: int) -> Callable[[], bool]:
        """Return what asks whether a host is answered so."""
        return lambda: self.status(server_name) == status


@pytest.fixture
def shop(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Shop:
    """It is served."""
    running = Shop(workspace, backend, make_daemon())
    running.daemon.start()
    start_envoy(running.daemon)
    for host in ("www.shop.test", "shop.test"):
        wait_for(running.answers(host, 200), f"{host} to serve")
    return running


@pytest.mark.parametrize(
    ("server_name", "host", "status"),
    [
        pytest.param("www.shop.test", "shop.test", 421, id="envoyproxy/gateway issue 2675"),
        pytest.param("shop.test", "www.shop.test", 421, id="istio/istio issue 55732"),
        pytest.param("shop.test", f"www.shop.test:{443}", 421, id="with a port"),
        pytest.param("www.shop.test", "other.shop.test", 404, id="of the same listener, without a route"),
        pytest.param("www.shop.test", "elsewhere.test", 404, id="of no listener"),
    ],
)
def test_a_request_for_another_listener_is_misdirected(shop: Shop, server_name: str, host: str, status: int) -> None:
    """A client that uses a connection twice is told to make another one, and only then (GEP-3567)."""
    assert shop.status(server_name, host) == status


def test_what_is_asked_of_clients_and_not_done_closes_one_listener(shop: Shop) -> None:
    """A listener from elsewhere that asks for client certificates lets nobody in (istio/istio PR 41299)."""
    (option,) = MUTUAL
    shop.listen(options=MUTUAL)
    wait_for(shop.answers("shop.test", 500), "the listener to be closed")
    assert shop.status("www.shop.test") == 200
    assert shop.status("www.shop.test", "shop.test") == 421
    wait_for(lambda: any(option in each["problem"] for each in shop.daemon.events("model.problem")), "it to be said")
    shop.listen()
    wait_for(shop.answers("shop.test", 200), "the listener to be open again")


def test_no_other_listener_serves_one_without_a_certificate(shop: Shop) -> None:
    """Its connections are closed, although the next wider listener could take them."""
    shop.workspace.write("www.yaml", http_route("www", "vip.shop.test", "echo"))
    wide, vip = https(shop.port, "*.shop.test", "cert", "wide"), https(shop.port, "vip.shop.test", "vip", "vip")
    shop.workspace.write("gateway.yaml", gateway("web", wide, vip))
    wait_for(shop.answers("vip.shop.test", 0), "the connection to be closed")
    assert shop.status("www.shop.test") == 404
    assert shop.status("www.shop.test", "vip.shop.test") == 421
    shop.workspace.write("vip.yaml", AUTHORITY.issue("vip.shop.test").secret("vip"))
    wait_for(shop.answers("vip.shop.test", 200), "the listener to serve with its certificate")


def test_a_certificate_is_served_however_it_is_written(shop: Shop) -> None:
    """A chain of which the first block has no newline, as `cat` makes it (envoyproxy/gateway issue 8519)."""
    pair = AUTHORITY.issue("odd.test")
    pasted = Pair("\ufeff" + pair.cert.rstrip() + AUTHORITY.cert, "  " + pair.key.replace("\n", "\n  "))
    shop.workspace.write("odd.yaml", pasted.secret("odd"))
    shop.workspace.write("route.yaml", http_route("odd", "odd.test", "echo"))
    shop.workspace.write("gateway.yaml", gateway("web", https(shop.port, "odd.test", "odd")))
    wait_for(shop.answers("odd.test", 200), "the certificate to be served")
