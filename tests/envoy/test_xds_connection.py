"""The way between Envoy and the daemon: Unix sockets, TLS, and certificates on both sides."""

from __future__ import annotations

import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from egxds.app.client_tls import XdsConnection
from tests.envoy.certificates import Authority
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import gateway, http
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy


class Files:
    """Certificates in files, of one CA."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._authority = Authority()
        self.ca = self._write("ca.crt", self._authority.cert)

    def issue(self, name: str, authority: Authority | None = None) -> tuple[Path, Path]:
        """Write a certificate and its key, also over earlier ones; return where they are."""
        pair = (authority or self._authority).issue(name)
        return self._write(f"{name}.crt", pair.cert), self._write(f"{name}.key", pair.key)

    def _write(self, name: str, text: str) -> Path:
        path = self._directory / name
        path.write_text(text)
        return path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Certificates of the test."""
    return Files(tmp_path)


@pytest.fixture
def mutual(workspace: Workspace, files: Files, make_daemon: Callable[..., Daemon]) -> Daemon:
    """A daemon that asks for client certificates."""
    workspace.write("gateway.yaml", gateway("web", http(free_port())))
    cert, key = files.issue("server")
    tls = {"certFile": str(cert), "keyFile": str(key), "clientCAFile": str(files.ca)}
    daemon = make_daemon(xds={"address": f"127.0.0.1:{free_port()}", "tls": tls})
    daemon.start()
    return daemon


def clients(daemon: Daemon) -> list[str]:
    """Who is connected."""
    return [client["id"] for client in daemon.api("clients")["items"]]


def served_certificate(daemon: Daemon, connection: XdsConnection) -> str:
    """The certificate that the daemon shows, PEM."""
    context = ssl.create_default_context(cafile=str(connection.ca_file))
    context.check_hostname = False
    context.load_cert_chain(str(connection.cert_file), str(connection.key_file))
    port = int(daemon.settings["xds"]["address"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as secured:
        return ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True) or b"")


def test_unix_socket(workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy) -> None:
    """An Envoy reaches the daemon over a Unix socket."""
    workspace.write("gateway.yaml", gateway("web", http(free_port())))
    daemon = make_daemon(xds={"address": f"unix:{workspace.root / 'xds.sock'}"})
    daemon.start()
    start_envoy(daemon)
    assert clients(daemon) == ["envoy-1"]


@pytest.mark.rule(9)
def test_mutual_tls(mutual: Daemon, files: Files, start_envoy: StartEnvoy) -> None:
    """An Envoy with a certificate of the right CA is served."""
    cert, key = files.issue("envoy")
    start_envoy(mutual, connection=XdsConnection((), files.ca, cert, key))
    assert clients(mutual) == ["envoy-1"]


@pytest.mark.rule(9)
def test_stranger(mutual: Daemon, files: Files, start_envoy: StartEnvoy) -> None:
    """An Envoy with a certificate of another CA gets nothing, and the daemon goes on serving others."""
    cert, key = files.issue("stranger", Authority())
    stranger = start_envoy(mutual, connection=XdsConnection((), files.ca, cert, key), wait=False)
    failures = r"cluster\.xds_cluster\.upstream_cx_(connect_fail|destroy_remote)$"
    wait_for(lambda: sum(stranger.stats(failures).values()) > 1, "the stranger to be refused")

    cert, key = files.issue("envoy")
    start_envoy(mutual, node_id="friend", connection=XdsConnection((), files.ca, cert, key))
    assert clients(mutual) == ["friend"]


def test_certificates_in_other_files(mutual: Daemon, files: Files, start_envoy: StartEnvoy) -> None:
    """The settings name others, and SIGHUP is enough; where one cannot be used, nothing of the settings counts."""
    cert, key = files.issue("envoy")
    connection = XdsConnection((), files.ca, cert, key)
    first = start_envoy(mutual, connection=connection)
    before = served_certificate(mutual, connection)
    other, other_key = files.issue("other")
    mutual.settings["xds"]["tls"] |= {"certFile": str(other), "keyFile": str(key)}
    mutual.settings["logging"]["level"] = "info"
    mutual.write_settings()
    mutual.signal(signal.SIGHUP)
    wait_for(lambda: mutual.events("app.reloaded"), "the reload to be over")
    assert "xds.tls.certFile, xds.tls.keyFile: cannot use" in mutual.events("settings.refused")[0]["faults"][0]
    assert mutual.events("app.reloaded")[0]["settings_changed"] == []
    assert served_certificate(mutual, connection) == before

    mutual.settings["xds"]["tls"] |= {"keyFile": str(other_key)}
    mutual.write_settings()
    mutual.signal(signal.SIGHUP)
    wait_for(lambda: served_certificate(mutual, connection) == other.read_text(), "the other certificate")
    assert first.stats("control_plane.connected_state") == {"control_plane.connected_state": 1}
    assert clients(mutual) == ["envoy-1"]
