"""One port for pages, for TLS that is passed on and for TLS that ends here; and one for TCP and UDP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stream_backends import DatagramBackend, StreamBackend, answered, reached
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

HERE, THERE = Authority(), Authority()
"""Who has signed what Envoy shows, and what the backend shows."""

MAIL, DATABASE, PAGES = "mail.shop.test", "db.shop.test", "www.shop.test"


class Port:
    """The two of them, and what is reached there.

    Attributes:
        workspace: the watched directory.
        daemon: serves it.
        tls: the first port.
        plain: the second one.
        backends: name → port of what the routes lead to.
    """

    def __init__(self, workspace: Workspace, daemon: Daemon, backends: dict[str, int]) -> None:
        """Write what does not change."""
        self.workspace, self.daemon, self.backends = workspace, daemon, backends
        self.tls, self.plain = free_port(), free_port()
        workspace.write("backends.yaml", "".join(manifests.backend(*each) for each in backends.items()))
        workspace.write("cert.yaml", HERE.issue("*.shop.test").secret("cert"))
        workspace.write("pages.yaml", manifests.http_route("pages", PAGES, "pages", section="https"))
        self.listen()
        self.route("TLSRoute", "mail", {"secure": 1}, [MAIL])
        self.route("TLSRoute", "database", {"one": 1}, [DATABASE])
        self.route("TCPRoute", "tcp", {"one": 1}, section="tcp")
        self.route("UDPRoute", "udp", {"first": 1}, section="udp")

    def listen(self) -> None:
        """Write the Gateway."""
        listeners = (
            manifests.https(self.tls, PAGES, "cert"),
            manifests.tls(self.tls, "*.shop.test", name="passing"),
            manifests.tls(self.tls, DATABASE, "cert", name="ending"),
            manifests.plain(self.plain, "TCP", "tcp"),
            manifests.plain(self.plain, "UDP", "udp"),
        )
        self.workspace.write("gateway.yaml", manifests.gateway("web", *listeners))

    def route(
        self, kind: str, name: str, backends: dict[str, int], hostnames: list[str] | None = None, section: str = ""
    ) -> None:
        """Write a route."""
        text = manifests.stream_route(kind, name, backends, hostnames or [], section or None)
        self.workspace.write(f"{name}.yaml", text)

    def pages(self) -> int:
        """Return the status of a page."""
        return http_get(self.tls, PAGES, ca=HERE.cert, server_name=PAGES).status

    def mail(self) -> str:
        """Return who is reached through TLS that is passed on."""
        return reached(self.tls, MAIL, THERE.cert)

    def database(self) -> str:
        """Return who is reached through TLS that ends here."""
        return reached(self.tls, DATABASE, HERE.cert)

    def tcp(self) -> str:
        """Return who is reached by TCP."""
        return reached(self.plain)

    def udp(self) -> str:
        """Return who is reached by UDP."""
        return answered(self.plain)

    def wait_served(self) -> None:
        """Wait until everything serves."""
        streams = ("secure", "one", "one")
        wait_for(lambda: (self.mail(), self.database(), self.tcp()) == streams, "streams to serve")
        wait_for(lambda: self.udp() == "first", "datagrams to be answered")
        wait_for(lambda: self.pages() == 200, "pages to serve")


@contextmanager
def backends(pages: EchoBackend, directory: Path) -> Iterator[dict[str, int]]:
    """Run what the routes lead to; gives each by its name with its port."""
    with ExitStack() as running:
        secure = running.enter_context(StreamBackend("secure", THERE.issue("*.shop.test"), directory))
        streams = {name: running.enter_context(StreamBackend(name)) for name in ("one", "two")}
        datagrams = {name: running.enter_context(DatagramBackend(name)) for name in ("first", "second")}
        found = {name: each.port for name, each in (*streams.items(), *datagrams.items())}
        yield {"pages": pages.port, "secure": secure.port, **found}


@pytest.fixture
def port(
    workspace: Workspace,
    backend: EchoBackend,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
    tmp_path: Path,
) -> Iterator[Port]:
    """Both ports, served to everybody."""
    with backends(backend, tmp_path) as found:
        files = {"paths": [str(workspace.routes)], "removalDelay": "0s"}
        port = Port(workspace, make_daemon(sources={"files": files}), found)
        port.daemon.start()
        start_envoy(port.daemon)
        port.wait_served()
        yield port
