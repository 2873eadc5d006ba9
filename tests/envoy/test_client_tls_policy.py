"""How TLS is agreed on, and which clients get in, as ClientTrafficPolicies say it, on a real Envoy."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority, Pair
from tests.envoy.client import whole_answer
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.test_access import on
from tests.envoy.test_client_traffic_policy import traffic_policy
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST, OTHER = "shop.test", "free.test"
SERVER, CLIENTS, OTHERS = Authority(), Authority("Clients"), Authority("Others")
ANN, BOB, EVE = CLIENTS.issue("ann.test"), CLIENTS.issue("bob.test"), OTHERS.issue("ann.test")
OLD = CLIENTS.issue("old.test", days_left=-1)
CA: dict[str, Any] = {"caCertificateRefs": [{"kind": "ConfigMap", "name": "ca"}]}
CRL: dict[str, Any] = {"crl": {"refs": [{"kind": "ConfigMap", "name": "ca"}]}}
FINGERPRINTS = [{"name": f"x-{word}", "value": f"%TLS_{word.upper()}_FINGERPRINT%"} for word in ("ja3", "ja4")]
_LIMIT_S = 30.0


class Site:
    """Two HTTPS listeners of one port."""

    def __init__(self, workspace: Workspace, envoy: EnvoyProcess, port: int, directory: Path) -> None:
        self.workspace, self.envoy = workspace, envoy
        self._port, self._directory = port, directory

    def policy(self, section: str = "shop", **tls: Any) -> None:
        """Write the policy of a listener."""
        headers = {"xForwardedClientCert": {"mode": "SanitizeSet", "certDetailsToAdd": ["Subject", "DNS"]}}
        text = traffic_policy("clients", on("Gateway", "web", section), tls=tls, headers=headers)
        self.workspace.write("policy.yaml", text)

    def status(self, shown: Pair | None = None, host: str = HOST) -> int:
        """Ask a listener; 0 where there is no connection."""
        try:
            return int(self.ask(shown, host).split()[1])
        except (OSError, IndexError):
            return 0

    def ask(
        self,
        shown: Pair | None = None,
        host: str = HOST,
        version: ssl.TLSVersion | None = None,
        ciphers: str = "",
        protocols: tuple[str, ...] = (),
    ) -> str:
        """Return the whole answer."""
        context = ssl.create_default_context(cadata=SERVER.cert)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        if shown is not None:
            cert, key = self._directory / "client.crt", self._directory / "client.key"
            cert.write_text(shown.cert)
            key.write_text(shown.key)
            context.load_cert_chain(cert, key)
        with (
            socket.create_connection(("127.0.0.1", self._port), _LIMIT_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            if protocols:
                return connection.selected_alpn_protocol() or ""
            sent = f"GET / HTTP/1.1\r\nHost: {host}\r\nx-forwarded-client-cert: forged\r\nConnection: close\r\n\r\n"
            connection.sendall(sent.encode())
            return whole_answer(connection)

    def wait(self, *expected: int) -> None:
        """Wait until nobody, Ann, Bob, Eve and one whose certificate is out of date get these statuses."""
        wait_for(lambda: tuple(map(self.status, (None, ANN, BOB, EVE, OLD))) == expected, f"{expected}")


def authorities(revoked: tuple[Pair, ...] | None = None, days_left: int = 30) -> str:
    """Return a ConfigMap with the clients' authority, and a list of what it revoked."""
    data = {"ca.crt": CLIENTS.cert}
    if revoked is not None:
        data["ca.crl"] = CLIENTS.revoke(*revoked, days_left=days_left)
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"}, "data": data})


@pytest.fixture
def site(
    workspace: Workspace,
    backend: EchoBackend,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
    tmp_path: Path,
) -> Site:
    """Everybody gets in."""
    port = free_port()
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    workspace.write("cert.yaml", SERVER.issue(HOST, OTHER).secret("cert"))
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo"))
    workspace.write("free.yaml", manifests.http_route("free", OTHER, "echo"))
    workspace.write("ca.yaml", authorities())
    listeners = [manifests.https(port, HOST, "cert", "shop"), manifests.https(port, OTHER, "cert", "free")]
    workspace.write("gateway.yaml", manifests.gateway("web", *listeners))
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    daemon.start()
    running = Site(workspace, start_envoy(daemon), port, tmp_path)
    running.wait(200, 200, 200, 200, 200)
    return running


def test_clients_show_certificates_where_the_policy_says_so(site: Site) -> None:
    """Of the listener that it is for, and of no other; backends hear whose they are, and never what clients claim."""
    site.policy(clientValidation=CA)
    site.wait(0, 200, 200, 0, 0)
    assert site.status(host=OTHER) == 200
    assert "DNS=ann.test" in site.ask(ANN)
    assert "forged" not in site.ask(ANN)
    assert "forged" not in site.ask(host=OTHER)
    site.policy(clientValidation={**CA, "mode": "VerifyIfGiven"})
    site.wait(200, 200, 200, 0, 0)
    site.policy(clientValidation={**CA, "optional": True})
    site.wait(200, 200, 200, 0, 0)
    site.policy(clientValidation={**CA, "mode": "RequireAny"})
    site.wait(0, 200, 200, 200, 200)
    site.policy(clientValidation={"mode": "RequireAny"})
    site.wait(500, 500, 500, 500, 500)
    site.policy(clientValidation={**CA, "allowExpiredCertificate": True})
    site.wait(0, 200, 200, 0, 200)


def test_certificates_that_are_revoked_get_nobody_in(site: Site) -> None:
    """A new list is a new secret, for which nothing drains; one that is out of date lets nobody in."""
    site.workspace.write("ca.yaml", authorities((BOB,)))
    site.policy(clientValidation={**CA, **CRL})
    site.wait(0, 200, 0, 0, 0)
    updates = site.envoy.stats("listener_manager")["listener_manager.lds.update_success"]
    site.workspace.write("ca.yaml", authorities((ANN,)))
    site.wait(0, 0, 200, 0, 0)
    site.workspace.write("ca.yaml", authorities((ANN,), days_left=-1))
    site.wait(0, 0, 0, 0, 0)
    assert site.envoy.stats("listener_manager")["listener_manager.lds.update_success"] == updates


WANTED: dict[str, dict[str, Any]] = {
    "a name": {"subjectAltNames": {"dnsNames": [{"value": "ann.test"}]}},
    "the start of a name": {"subjectAltNames": {"dnsNames": [{"type": "Prefix", "value": "ann."}]}},
    "the certificate itself": {"certificateHashes": [hashlib.sha256(ssl.PEM_cert_to_DER_cert(ANN.cert)).hexdigest()]},
}


@pytest.mark.parametrize("case", WANTED)
def test_certificates_are_to_be_like_this(site: Site, case: str) -> None:
    """Beside being issued by the authority."""
    site.policy(clientValidation={**CA, **WANTED[case]})
    site.wait(0, 200, 0, 0, 0)


BROKEN: dict[str, dict[str, Any]] = {
    "an authority that is not there": {
        "clientValidation": {"caCertificateRefs": [{"kind": "ConfigMap", "name": "no"}]}
    },
    "a list that is not there": {"clientValidation": {**CA, **CRL}},
    "nobody to be trusted by": {"clientValidation": {}},
    "a misspelt field": {"clientValidation": {**CA, "subjectAltName": {"dnsNames": [{"value": "ann.test"}]}}},
    "a cipher that nobody knows": {"ciphers": ["ROT13"]},
    "a version that nobody knows": {"minVersion": "1.4"},
    "a curve that nobody knows": {"ecdhCurves": ["curve1"]},
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_done_closes_the_listener(site: Site, case: str) -> None:
    """And no other; once it can be done, clients get in again."""
    site.policy(**BROKEN[case])
    site.wait(500, 500, 500, 500, 500)
    assert site.status(host=OTHER) == 200
    site.policy(clientValidation=CA)
    site.wait(0, 200, 200, 0, 0)


def test_versions_ciphers_and_protocols_are_agreed_on(site: Site) -> None:
    """What the policy does not allow is refused; at another listener everything is as it was."""
    site.policy(minVersion="1.3")
    wait_for(lambda: _is_refused(site, version=ssl.TLSVersion.TLSv1_2), "TLS 1.2 to be refused")
    assert site.status() == 200
    assert not _is_refused(site, host=OTHER, version=ssl.TLSVersion.TLSv1_2)
    site.policy(maxVersion="1.2", ciphers=["ECDHE-ECDSA-AES256-GCM-SHA384"], alpnProtocols=["http/1.1"])
    wait_for(lambda: _is_refused(site, version=ssl.TLSVersion.TLSv1_3), "TLS 1.3 to be refused")
    assert _is_refused(site, version=ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
    assert not _is_refused(site, version=ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-ECDSA-AES256-GCM-SHA384")
    assert site.ask(protocols=("h2", "http/1.1")) == "http/1.1"
    assert site.ask(host=OTHER, protocols=("h2", "http/1.1")) == "h2"


def _is_refused(site: Site, **asked: Any) -> bool:
    try:
        return not site.ask(**asked)
    except OSError:
        return True


def test_fingerprints_of_clients_are_told(site: Site) -> None:
    """Once a policy asks for them, a header may have them: of this client the same at each connection."""
    telling = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": FINGERPRINTS}}
    rule = {"filters": [telling], "backendRefs": [manifests.backend_ref("echo")]}
    site.workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo", rules=[rule]))
    site.policy(fingerprints=["JA3", "JA4"])
    wait_for(lambda: "x-ja4: t" in site.ask(), "a fingerprint")
    assert re.search(r"x-ja3: [0-9a-f]{32}\r\n", site.ask())
    assert re.search(r"x-ja4: t1[0-9a-z_]+\r\n", site.ask())
