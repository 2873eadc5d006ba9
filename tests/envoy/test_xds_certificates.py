"""Certificates between Envoys and the daemon: renewed under load, and those that are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from egxds.app.client_files import write_secret_files
from egxds.app.client_tls import XdsConnection
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority, Pair
from tests.envoy.client import SteadyClient, http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend, gateway, http, http_route
from tests.envoy.metrics_page import MetricsPage
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

SERVER = "spiffe://example.org/egxds"
EDGE = "spiffe://example.org/envoy/edge-1"
RULES = [{"san": EDGE, "nodes": ["edge-1"], "gateways": ["default/web"]}]


class Files:
    """The certificates of one side, each file moved to its place as a whole, as whoever renews certificates does."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self.ca, self.cert, self.key = (directory / name for name in ("ca.crt", "tls.crt", "tls.key"))

    def trust(self, *authorities: Authority) -> None:
        """Write whom this side trusts."""
        self._move(self.ca, "".join(authority.cert for authority in authorities))

    def show(self, pair: Pair) -> None:
        """Write what this side shows."""
        self._move(self.cert, pair.cert)
        self._move(self.key, pair.key)

    def _move(self, path: Path, text: str) -> None:
        draft = self._directory / ".draft"
        draft.write_text(text)
        draft.replace(path)


class World:
    """A daemon with mutual TLS, a Gateway with one route, and both sides' certificates of one authority."""

    def __init__(self, workspace: Workspace, echo: EchoBackend, make_daemon: Callable[..., Daemon]) -> None:
        self.port = free_port()
        self.authority = Authority("First CA")
        self.server, self.envoy = Files(workspace.root / "server"), Files(workspace.root / "envoy")
        self._workspace = workspace
        workspace.write("gateway.yaml", gateway("web", http(self.port)) + backend("echo", echo.port))
        self.route("shop.example")
        for files, name in ((self.server, SERVER), (self.envoy, EDGE)):
            files.trust(self.authority)
            files.show(self.authority.issue("name", name))
        tls = {"certFile": f"{self.server.cert}", "keyFile": f"{self.server.key}", "clientCAFile": f"{self.server.ca}"}
        self.daemon = make_daemon(xds={"address": f"127.0.0.1:{free_port()}", "tls": tls, "allow": RULES})
        self.daemon.start()
        self.metrics = MetricsPage(self.daemon)

    def route(self, host: str) -> None:
        """Send a host to the backend."""
        self._workspace.write(f"{host}.yaml", http_route(host.split(".", maxsplit=1)[0], host, "echo"))

    def connection(self) -> XdsConnection:
        """The way of an Envoy that reads its certificates again."""
        files = (self.envoy.ca, self.envoy.cert, self.envoy.key)
        way = XdsConnection((), *files, server_names=(SERVER,), sds_dir=self._workspace.root / "sds")
        write_secret_files(way)
        return way

    def other(self, pair: Pair, name: str) -> XdsConnection:
        """The way of an Envoy that shows another certificate."""
        files = Files(self._workspace.root / name)
        files.show(pair)
        return replace(self.connection(), cert_file=files.cert, key_file=files.key, sds_dir=None)

    def clients(self) -> dict[str, Any]:
        """Connected Envoys, and since when."""
        return {client["id"]: client["connectedSince"] for client in self.daemon.api("clients")["items"]}

    def wait_served(self, host: str) -> None:
        """Wait until Envoy serves a host."""
        wait_for(lambda: http_get(self.port, host).status == 200, f"{host} to be served")


@pytest.fixture
def world(workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon]) -> World:
    """A daemon that runs."""
    return World(workspace, backend, make_daemon)


def test_renewed_under_load(world: World, start_envoy: StartEnvoy) -> None:
    """No stream ends and no request is lost while all certificates and authorities are replaced.

    A new handshake has the new ones, on either side, though nobody was told.
    """
    envoy = start_envoy(world.daemon, node_id="edge-1", connection=world.connection())
    world.wait_served("shop.example")
    since = world.clients()
    second = Authority("Second CA")
    with SteadyClient(world.port, "shop.example") as load:
        for files in (world.server, world.envoy):
            files.trust(world.authority, second)
        load.wait_for_more()
        world.server.show(second.issue("name", SERVER))
        world.envoy.show(second.issue("name", EDGE))
        load.wait_for_more()
        for files in (world.server, world.envoy):
            files.trust(second)
        world.route("other.example")
        world.wait_served("other.example")
        load.wait_for_more()
        assert world.clients() == since
        assert envoy.stats("control_plane.connected_state") == {"control_plane.connected_state": 1}

        world.daemon.stop()
        world.daemon.start()
        wait_for(lambda: "edge-1" in world.clients(), "the Envoy to come back with its new certificate")
        world.route("third.example")
        world.wait_served("third.example")
        load.wait_for_more()
    assert load.failures == []
    assert world.metrics.value("egxds_xds_refused_total", "untrusted") == 0


def test_new_handshake_while_the_daemon_runs(world: World, start_envoy: StartEnvoy) -> None:
    """An Envoy that trusts the new authority alone is served as soon as the files are there."""
    start_envoy(world.daemon, node_id="edge-1", connection=world.connection())
    second = Authority("Second CA")
    world.server.trust(second)
    world.server.show(second.issue("name", SERVER))
    world.envoy.trust(second)
    world.envoy.show(second.issue("name", EDGE))
    since = world.clients()
    start_envoy(world.daemon, node_id="edge-1", connection=world.connection())
    wait_for(lambda: len(world.daemon.api("clients")["items"]) == 2, "both to be connected")
    assert since["edge-1"] in {client["connectedSince"] for client in world.daemon.api("clients")["items"]}
    assert world.metrics.value("egxds_xds_certificate_readings_total", "accepted") == 1


REFUSED: list[Any] = [
    pytest.param(lambda _: Authority("Stranger").issue("name", EDGE), "edge-1", "untrusted", id="a stranger's"),
    pytest.param(lambda own: own.issue("name", EDGE, days_left=-1), "edge-1", "expired", id="expired"),
    pytest.param(lambda own: own.issue("name", EDGE), "edge-2", "node", id="another's node id"),
    pytest.param(lambda own: own.issue("name", f"{EDGE}0"), "edge-1", "san", id="of no rule"),
]


@pytest.mark.parametrize(("show", "node_id", "reason"), REFUSED)
def test_refused(
    world: World, start_envoy: StartEnvoy, show: Callable[[Authority], Pair], node_id: str, reason: str
) -> None:
    """It gets nothing, is counted and named, and an Envoy beside it is served."""
    way = world.other(show(world.authority), "stranger")
    stranger = start_envoy(world.daemon, node_id=node_id, connection=way, wait=False)
    world.metrics.wait_over("egxds_xds_refused_total", reason, least=1)
    start_envoy(world.daemon, node_id="edge-1", connection=world.connection())
    world.wait_served("shop.example")
    assert list(world.clients()) == ["edge-1"]
    assert stranger.config_dump("ListenersConfigDump")[0].get("dynamic_listeners", []) == []
    refused = {labels: count for labels, count in world.metrics.series("egxds_xds_refused_total").items() if count}
    assert list(refused) == [(reason,)]
    (line,) = world.daemon.events("wire.client_refused")
    assert line["reason"] == reason
    assert (EDGE in line.get("san", ""), line.get("node", "")) == (
        reason in {"node", "san"},
        "edge-2" * (reason == "node"),
    )


def test_another_certificate_of_the_authority_is_not_the_server(world: World, start_envoy: StartEnvoy) -> None:
    """Whoever shows the certificate of an Envoy is not taken for egxds."""
    world.server.show(world.authority.issue("name", EDGE))
    envoy = start_envoy(world.daemon, node_id="edge-1", connection=world.connection(), wait=False)
    wait_for(lambda: sum(envoy.stats("xds_cluster.ssl.fail_verify_san").values()) > 0, "Envoy to refuse the server")
    assert world.clients() == {}


def test_what_is_said_of_certificates(world: World, start_envoy: StartEnvoy) -> None:
    """A pair that cannot be used, and one that ends soon, are problems; an Envoy's own end is in the metrics."""

    def problems() -> list[str]:
        return [each["text"] for each in world.daemon.api("status")["troubles"]]

    start_envoy(world.daemon, node_id="edge-1", connection=world.connection())
    expiry = "egxds_xds_client_certificate_expiry_timestamp_seconds"
    world.metrics.wait_over(expiry, "edge-1", least=1)
    world.server.show(Pair(world.authority.issue("name", SERVER).cert, Authority().issue("name").key))
    wait_for(lambda: any("what was read before stays in force" in text for text in problems()), "the fault to be told")
    wait_for(lambda: world.daemon.events("wire.certificates_kept"), "the line of the log")
    short = world.authority.issue("name", SERVER, days_left=3)
    ends = x509.load_pem_x509_certificate(short.cert.encode()).not_valid_after_utc.isoformat()
    world.server.show(short)
    wait_for(lambda: any(f"xds.tls.certFile: the certificate ends at {ends}" in text for text in problems()), "its end")
    assert not any("stays in force" in text for text in problems())
