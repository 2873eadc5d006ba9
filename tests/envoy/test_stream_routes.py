"""TLSRoutes, TCPRoutes and UDPRoutes on a real Envoy: who is reached, what is closed, and what an edit drains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stream_backends import DatagramBackend, Stream, StreamBackend, answered, reached
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HERE, THERE = Authority(), Authority()
"""Who has signed what Envoy shows, and what the backend shows."""

MAIL, DATABASE, PAGES = "mail.shop.test", "db.shop.test", "www.shop.test"
TRIES = 60


class Port:
    """One port for pages, for TLS that is passed on and for TLS that ends here; and one for TCP and UDP.

    Attributes:
        workspace: the watched directory.
        daemon: serves it.
        tls: the first port.
        plain: the second one.
    """

    def __init__(self, workspace: Workspace, daemon: Daemon, backends: dict[str, int]) -> None:
        """Write what does not change."""
        self.workspace, self.daemon = workspace, daemon
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


@pytest.fixture
def port(
    workspace: Workspace,
    backend: EchoBackend,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
    tmp_path: Path,
) -> Iterator[Port]:
    """It is served."""
    with ExitStack() as running:
        secure = running.enter_context(StreamBackend("secure", THERE.issue("*.shop.test"), tmp_path))
        streams = {name: running.enter_context(StreamBackend(name)) for name in ("one", "two")}
        datagrams = {name: running.enter_context(DatagramBackend(name)) for name in ("first", "second")}
        backends = {"pages": backend.port, "secure": secure.port}
        backends |= {name: each.port for name, each in (*streams.items(), *datagrams.items())}
        files = {"paths": [str(workspace.routes)], "removalDelay": "0s"}
        found = Port(workspace, make_daemon(sources={"files": files}), backends)
        found.daemon.start()
        start_envoy(found.daemon)
        wait_for(lambda: (found.mail(), found.database(), found.tcp()) == ("secure", "one", "one"), "streams to serve")
        wait_for(lambda: found.udp() == "first", "datagrams to be answered")
        yield found


def test_all_of_them_serve_side_by_side(port: Port) -> None:
    """Pages, TLS that passes and TLS that ends share a port; TCP and UDP have the same number, and do not meet."""
    assert http_get(port.tls, PAGES, ca=HERE.cert, server_name=PAGES).json["backend"] == "echo"
    assert reached(port.tls, "other.shop.test", THERE.cert) == ""
    assert reached(port.tls, "elsewhere.test", THERE.cert) == ""


def test_what_a_listener_has_no_route_for_no_wider_one_takes(port: Port) -> None:
    """The route of the wider listener would send it on with the client's TLS, past the listener that it belongs to."""
    port.route("TLSRoute", "mail", {"secure": 1}, section="passing")
    wait_for(lambda: reached(port.tls, "other.shop.test", THERE.cert) == "secure", "the wide route")
    port.workspace.delete("database.yaml")
    wait_for(lambda: port.database() == "", "the route to be gone")
    assert reached(port.tls, DATABASE, THERE.cert) == ""
    assert port.mail() == "secure"


@pytest.mark.parametrize(
    ("kind", "section", "ask", "good"),
    [
        pytest.param("TCPRoute", "tcp", Port.tcp, "one", id="TCP"),
        pytest.param("UDPRoute", "udp", Port.udp, "first", id="UDP"),
    ],
)
def test_a_refused_backend_takes_its_share_down(
    port: Port, kind: str, section: str, ask: Callable[[Port], str], good: str
) -> None:
    """What was for it is closed, or dropped, and sent nowhere else; without any other backend, all of it."""
    port.route(kind, section, {good: 1, "gone": 1}, section=section)
    wait_for(lambda: ask(port) == "", "the refused share to be closed")
    found = Counter(ask(port) for _ in range(TRIES))
    assert found.keys() == {good, ""}
    # Of 60, with a chance of one half; outside of these in one of 10 million runs.
    assert 10 < found[good] < 50
    port.route(kind, section, {"gone": 1}, section=section)
    wait_for(lambda: {ask(port) for _ in range(10)} == {""}, "all to be closed")
    port.route(kind, section, {good: 1}, section=section)
    wait_for(lambda: {ask(port) for _ in range(10)} == {good}, "all to be served again")


def test_weights_share_connections_and_sessions(port: Port) -> None:
    """The one without a weight gets nothing."""
    port.route("TCPRoute", "tcp", {"one": 1, "two": 1, "secure": 0}, section="tcp")
    port.route("UDPRoute", "udp", {"first": 1, "second": 1}, section="udp")
    wait_for(lambda: port.tcp() == "two", "the other to be reached")
    wait_for(lambda: port.udp() == "second", "the other to answer")
    found = Counter(port.tcp() for _ in range(TRIES)), Counter(port.udp() for _ in range(TRIES))
    assert [each.keys() for each in found] == [{"one", "two"}, {"first", "second"}]
    assert all(10 < count < 50 for each in found for count in each.values())


def test_the_older_route_has_the_listener(port: Port) -> None:
    """The younger one is told, and takes over when the older one goes."""
    port.workspace.write("second.yaml", manifests.stream_route("TCPRoute", "younger", {"two": 1}, section="tcp"))
    wait_for(
        lambda: any("goes to TCPRoute default/tcp" in each["problem"] for each in port.daemon.events("model.problem")),
        "it to be said",
    )
    assert {port.tcp() for _ in range(10)} == {"one"}
    port.workspace.delete("tcp.yaml")
    wait_for(lambda: port.tcp() == "two", "the younger one to take over")


def test_weights_drain_nothing(port: Port) -> None:
    """Shares in one cluster are its endpoints, and no Listener changes."""
    port.route("TCPRoute", "tcp", {"one": 1, "two": 1}, section="tcp")
    wait_for(lambda: port.tcp() == "two", "both to be reached")
    listeners = _versions(port)
    kept = Stream(port.plain)
    port.route("TCPRoute", "tcp", {"one": 0, "two": 1}, section="tcp")
    wait_for(lambda: {port.tcp() for _ in range(10)} == {"two"}, "the other weights")
    assert _versions(port) == listeners
    assert kept.echoes()
    kept.close()


def test_an_edit_of_a_route_drains_its_own_connections_alone(port: Port) -> None:
    """Its chain is another one; those of other routes, and of pages, stay with their connections."""
    mail, database, tcp = Stream(port.tls, MAIL, THERE.cert), Stream(port.tls, DATABASE, HERE.cert), Stream(port.plain)
    port.route("TLSRoute", "database", {"one": 1, "gone": 1}, [DATABASE])
    port.route("TLSRoute", "extra", {"secure": 1}, ["extra.shop.test"])
    wait_for(lambda: reached(port.tls, "extra.shop.test", THERE.cert) == "secure", "the other route to serve")
    wait_for(lambda: not database.echoes(), "the connection of the edited route to be drained")
    assert mail.echoes()
    assert tcp.echoes()
    for stream in (mail, database, tcp):
        stream.close()


def _versions(port: Port) -> dict[str, str]:
    dump = port.daemon.api("config_dump?type=listener")["items"]
    return {each["name"]: each["version"] for each in dump}
