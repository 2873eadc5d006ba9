"""Envoy bootstraps as data; `tests/envoy/test_bootstrap.py` shows them to a real Envoy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from egxds.app.bootstrap import XdsConnection, bootstrap
from egxds.errors import StartError
from egxds.settings.daemon import Settings


def settings(**xds: object) -> Settings:
    """Settings with this `xds` section."""
    return Settings.model_validate({"sources": {"files": {"paths": ["routes"]}}, "xds": xds})


def cluster_of(rendered: dict[str, Any]) -> dict[str, Any]:
    """The one static cluster: that of the xDS server."""
    (cluster,) = rendered["static_resources"]["clusters"]
    assert isinstance(cluster, dict)
    return cluster


def address_of(rendered: dict[str, Any]) -> dict[str, Any]:
    """Where the xDS server is."""
    address = cluster_of(rendered)["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
    assert isinstance(address, dict)
    return address


def test_node_says_who_and_what() -> None:
    """`node.cluster` is the selector, `node.id` the Envoy's own name."""
    assert bootstrap(settings(), "shop/web", "edge-1")["node"] == {"id": "edge-1", "cluster": "shop/web"}


def test_admin_page_is_local() -> None:
    """Envoy's admin page can change Envoy: it listens on the loopback address only."""
    assert bootstrap(settings(), "shop/web", "edge-1", 9901)["admin"] == {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 9901}}
    }


@pytest.mark.parametrize(
    ("address", "discovery", "host", "port"),
    [
        ("127.0.0.1:18000", "STATIC", "127.0.0.1", 18000),
        ("0.0.0.0:18000", "STATIC", "127.0.0.1", 18000),
        ("[::]:18001", "STATIC", "::1", 18001),
        ("[2001:db8::1]:18001", "STATIC", "2001:db8::1", 18001),
        ("xds.internal:18000", "STRICT_DNS", "xds.internal", 18000),
    ],
)
def test_server_address(address: str, discovery: str, host: str, port: int) -> None:
    """An Envoy connects to where the server binds; to the loopback address where it binds all."""
    rendered = bootstrap(settings(address=address), "shop/web", "edge-1")
    assert cluster_of(rendered)["type"] == discovery
    assert address_of(rendered) == {"socket_address": {"address": host, "port_value": port}}


def test_server_on_a_unix_socket() -> None:
    """A Unix socket is a pipe in Envoy's words."""
    rendered = bootstrap(settings(address="unix:/run/egxds/xds.sock"), "shop/web", "edge-1")
    assert address_of(rendered) == {"pipe": {"path": "/run/egxds/xds.sock"}}


def test_server_elsewhere() -> None:
    """The address an Envoy is given wins over the one the server binds."""
    rendered = bootstrap(settings(), "shop/web", "edge-1", connection=XdsConnection(address="10.1.2.3:18000"))
    assert address_of(rendered)["socket_address"]["address"] == "10.1.2.3"


@pytest.mark.parametrize("address", ["18000", "host:http", "unix:"])
def test_address_that_is_none(address: str) -> None:
    """What cannot be an address is refused, not handed to Envoy."""
    with pytest.raises(StartError, match="no address"):
        bootstrap(settings(address=address), "shop/web", "edge-1")


TLS = {"certFile": "server.crt", "keyFile": "server.key"}
MUTUAL_TLS = {**TLS, "clientCAFile": "ca.crt"}
CA = Path("/certs/ca.crt")
CERT = Path("/certs/tls.crt")
KEY = Path("/certs/tls.key")


@pytest.mark.parametrize(
    ("tls", "connection"),
    [
        (TLS, None),
        (TLS, XdsConnection(cert_file=CERT, key_file=KEY)),
        (MUTUAL_TLS, XdsConnection(ca_file=CA)),
        (MUTUAL_TLS, XdsConnection(ca_file=CA, cert_file=CERT)),
    ],
)
def test_tls_without_the_files_it_needs(tls: dict[str, str], connection: XdsConnection | None) -> None:
    """A server is never left unchecked, and a server that asks for a certificate is never left without."""
    with pytest.raises(StartError, match="name the"):
        bootstrap(settings(tls=tls), "shop/web", "edge-1", connection=connection)


def test_mutual_tls() -> None:
    """The certificates are the Envoy's own, the CA is the one it checks the server with."""
    rendered = bootstrap(
        settings(tls=MUTUAL_TLS),
        "shop/web",
        "edge-1",
        connection=XdsConnection(ca_file=CA, cert_file=CERT, key_file=KEY),
    )
    context = cluster_of(rendered)["transport_socket"]["typed_config"]["common_tls_context"]
    assert context["validation_context"] == {"trusted_ca": {"filename": "/certs/ca.crt"}}
    assert context["tls_certificates"] == [
        {"certificate_chain": {"filename": "/certs/tls.crt"}, "private_key": {"filename": "/certs/tls.key"}}
    ]


def test_no_tls_unless_the_server_speaks_it() -> None:
    """Certificates alone turn no TLS on."""
    rendered = bootstrap(
        settings(), "shop/web", "edge-1", connection=XdsConnection(ca_file=CA, cert_file=CERT, key_file=KEY)
    )
    assert "transport_socket" not in cluster_of(rendered)
