"""Certificates of clients, on a real Envoy: who gets a connection, and where."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority, Pair
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.test_listener_sets import at_set, listener_set
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

# Python leaves a socket open that is reset just when TLS is to begin on it (`SSLSocket._create`).
pytestmark = [
    pytest.mark.envoy,
    pytest.mark.filterwarnings("ignore:.*unclosed <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"),
]

HOST, CART = "shop.test", "cart.test"
SERVER, CLIENTS, OTHERS = Authority(), Authority("Clients"), Authority("Others")
GOOD, BAD = CLIENTS.issue("good.test"), OTHERS.issue("bad.test")
_LIMIT_S = 30.0


class Site:
    """A Gateway with two HTTPS listeners, each on a port of its own, which takes ListenerSets.

    Attributes:
        ports: of both, and one more.
        daemon: serves it.
    """

    def __init__(self, workspace: Workspace, backend: EchoBackend, daemon: Daemon, directory: Path) -> None:
        self.ports = (free_port(), free_port(), free_port())
        self.daemon = daemon
        self._workspace, self._directory = workspace, directory
        workspace.write("backend.yaml", manifests.backend("echo", backend.port))
        workspace.write("cert.yaml", SERVER.issue(HOST, CART).secret("cert"))
        workspace.write("route.yaml", manifests.http_route("shop", HOST, "echo"))
        self.trust(CLIENTS.cert)

    def listen(self, **frontend: Any) -> None:
        """Write the Gateway, with what it asks of its clients."""
        listeners = [manifests.https(port, HOST, "cert", f"https-{at}") for at, port in enumerate(self.ports[:2])]
        text = manifests.gateway("web", *listeners)
        head, _, spec = text.rpartition("spec: ")
        more = {"tls": frontend, "allowedListeners": {"namespaces": {"from": "Same"}}}
        self._workspace.write("gateway.yaml", f"{head}spec: {json.dumps({**json.loads(spec), **more})}\n")

    def add_set(self) -> None:
        """Write a ListenerSet with listeners for CART on the first and the last port, and a route to it."""
        listeners = [manifests.https(self.ports[at], CART, "cert", f"https-{at}") for at in (0, 2)]
        self._workspace.write("set.yaml", listener_set(*listeners))
        self._workspace.write("cart.yaml", at_set("cart", CART, "echo"))

    def trust(self, pem: str) -> None:
        """Write who the certificates of clients are to be issued by."""
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"}, "data": {"ca.crt": pem}}
        self._workspace.write("ca.yaml", json.dumps(body))

    def status(self, at: int, shown: Pair | None = None, host: str = HOST) -> int:
        """Ask a listener; 0 where there is no connection."""
        context = ssl.create_default_context(cadata=SERVER.cert)
        if shown is not None:
            cert, key = self._directory / "client.crt", self._directory / "client.key"
            cert.write_text(shown.cert)
            key.write_text(shown.key)
            context.load_cert_chain(cert, key)
        try:
            return _get(self.ports[at], host, context)
        except OSError:
            return 0

    def answers(self, at: int, *expected: int, host: str = HOST) -> Callable[[], bool]:
        """Return what asks whether a listener answers so: without a certificate, with a good one, with a bad one."""
        return lambda: tuple(self.status(at, shown, host) for shown in (None, GOOD, BAD)) == expected


def _get(port: int, host: str, context: ssl.SSLContext) -> int:
    with (
        socket.create_connection(("127.0.0.1", port), _LIMIT_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        line = answer.readline()
        return int(line.split()[1]) if line else 0


ASKED = {"validation": {"caCertificateRefs": [{"kind": "ConfigMap", "group": "", "name": "ca"}]}}
LENIENT = {"validation": {**ASKED["validation"], "mode": "AllowInsecureFallback"}}


@pytest.fixture
def site(
    workspace: Workspace,
    backend: EchoBackend,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
    tmp_path: Path,
) -> Site:
    """It is served, and asks nothing."""
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    running = Site(workspace, backend, daemon, tmp_path)
    running.listen()
    daemon.start()
    start_envoy(daemon)
    wait_for(running.answers(0, 200, 200, 200), "everybody to be served")
    return running


def test_clients_are_checked_where_the_gateway_says_so(site: Site) -> None:
    """At all listeners, but for a port with words of its own; and nobody is where nobody can be trusted."""
    site.listen(frontend={"default": ASKED, "perPort": [{"port": site.ports[1], "tls": {}}]})
    wait_for(site.answers(0, 0, 200, 0), "clients to be checked")
    assert site.answers(1, 200, 200, 200)()
    site.listen(frontend={"default": LENIENT, "perPort": [{"port": site.ports[1], "tls": ASKED}]})
    wait_for(site.answers(1, 0, 200, 0), "clients of the other port to be checked")
    wait_for(site.answers(0, 200, 200, 200), "clients to be let in all the same")
    site.trust("nobody")
    wait_for(site.answers(1, 0, 0, 0), "the listener to be closed")
    wait_for(site.answers(0, 0, 0, 0), "the other listener to be closed")


def test_who_is_trusted_changes_without_a_new_listener(site: Site) -> None:
    """Authorities come as a secret, so that no connection is drained for them."""
    site.listen(frontend={"default": ASKED})
    wait_for(site.answers(0, 0, 200, 0), "clients to be checked")
    before = _listeners(site)
    site.trust(CLIENTS.cert + OTHERS.cert)
    wait_for(site.answers(0, 0, 200, 200), "both to be trusted")
    site.trust(OTHERS.cert)
    wait_for(site.answers(0, 0, 0, 200), "the other one to be trusted")
    assert _listeners(site) == before


def test_listeners_of_a_set_ask_what_the_gateway_asks_at_their_port(site: Site) -> None:
    """On a port that both have and on one of its own, which the Gateway may have words for without a listener there."""
    site.add_set()
    wait_for(site.answers(2, 200, 200, 200, host=CART), "the set to be served")
    assert site.answers(0, 200, 200, 200, host=CART)()
    site.listen(frontend={"default": ASKED})
    wait_for(site.answers(2, 0, 200, 0, host=CART), "clients of the set's own port to be checked")
    wait_for(site.answers(0, 0, 200, 0, host=CART), "clients of the set at the port of both to be checked")
    assert site.answers(0, 0, 200, 0)()
    site.listen(frontend={"default": LENIENT, "perPort": [{"port": site.ports[2], "tls": ASKED}]})
    wait_for(site.answers(0, 200, 200, 200, host=CART), "all to be let in at the port of both")
    wait_for(site.answers(2, 0, 200, 0, host=CART), "clients of the set's own port to be checked still")
    site.trust("nobody")
    wait_for(site.answers(2, 0, 0, 0, host=CART), "the set's listener to be closed")


def _listeners(site: Site) -> list[str]:
    return [each["version"] for each in site.daemon.api("config_dump", type="listener")["items"]]
