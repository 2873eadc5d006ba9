"""Envoy bootstraps as data; `tests/envoy/test_bootstrap.py` shows them to a real Envoy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from egxds.app.bootstrap import bootstrap
from egxds.app.client_files import with_server_names, write_secret_files
from egxds.app.client_tls import XdsConnection, secret_files
from egxds.app.zone_bootstrap import EnvoyZones, in_zone
from egxds.errors import StartError
from egxds.settings.daemon import Settings
from tests.envoy.certificates import Authority


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
    rendered = bootstrap(settings(), "shop/web", "edge-1", connection=XdsConnection(addresses=("10.1.2.3:18000",)))
    assert address_of(rendered)["socket_address"]["address"] == "10.1.2.3"


@pytest.mark.parametrize(
    ("addresses", "discovery"),
    [
        (("10.1.2.3:18000", "[fd00::2]:18000", "unix:/run/xds.sock"), "STATIC"),
        (("10.1.2.3:18000", "two.example.com:18000"), "STRICT_DNS"),
    ],
)
def test_several_servers(addresses: tuple[str, ...], discovery: str) -> None:
    """An Envoy is told of all replicas, and looks names up where there are any."""
    found = cluster_of(bootstrap(settings(), "shop/web", "edge-1", connection=XdsConnection(addresses)))
    (locality,) = found["load_assignment"]["endpoints"]
    assert (len(locality["lb_endpoints"]), found["type"]) == (len(addresses), discovery)


def test_name_beside_a_path() -> None:
    """No cluster of Envoy can have both."""
    way = XdsConnection(("two.example.com:18000", "unix:/run/xds.sock"))
    with pytest.raises(StartError, match="look up the name"):
        bootstrap(settings(), "shop/web", "edge-1", connection=way)


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


def test_server_is_known_by_its_names() -> None:
    """Whoever has another certificate of the same authority, as each Envoy does, does not pass for the server."""
    names = ("spiffe://example.org/egxds", "xds.example.org", "10.0.0.1")
    way = XdsConnection(ca_file=CA, server_names=names)
    socket = cluster_of(bootstrap(settings(tls=TLS), "shop/web", "edge-1", connection=way))["transport_socket"]
    validation = socket["typed_config"]["common_tls_context"]["validation_context"]
    assert validation["match_typed_subject_alt_names"] == [
        {"san_type": kind, "matcher": {"exact": name}}
        for kind, name in zip(("URI", "DNS", "IP_ADDRESS"), names, strict=True)
    ]
    assert socket["typed_config"]["sni"] == "xds.example.org"


def test_certificates_that_are_read_again(tmp_path: Path) -> None:
    """A bootstrap with a directory names two files there, which name the certificates and the directory to watch."""
    way = XdsConnection(ca_file=CA, cert_file=CERT, key_file=KEY, server_names=("xds",), sds_dir=tmp_path)
    rendered = bootstrap(settings(tls=MUTUAL_TLS), "shop/web", "edge-1", connection=way)
    context = cluster_of(rendered)["transport_socket"]["typed_config"]["common_tls_context"]
    (own,) = context["tls_certificate_sds_secret_configs"]
    checked = context["validation_context_sds_secret_config"]
    write_secret_files(way)
    secrets: dict[str, Any] = {}
    for named in (own, checked):
        source = named["sds_config"]["path_config_source"]
        assert source["watched_directory"] == {"path": str(tmp_path)}
        (secret,) = json.loads(Path(source["path"]).read_text())["resources"]
        assert secret["name"] == named["name"]
        secrets |= secret
    assert secrets["tls_certificate"] == {
        "certificate_chain": {"filename": "/certs/tls.crt"},
        "private_key": {"filename": "/certs/tls.key"},
        "watched_directory": {"path": "/certs"},
    }
    assert secrets["validation_context"]["trusted_ca"] == {"filename": "/certs/ca.crt"}
    assert secrets["validation_context"]["watched_directory"] == {"path": "/certs"}
    assert secrets["validation_context"]["match_typed_subject_alt_names"]


def test_files_in_several_directories() -> None:
    """They are watched one by one: there is no directory of both."""
    way = XdsConnection(ca_file=CA, cert_file=CERT, key_file=Path("/keys/tls.key"), sds_dir=Path("/sds"))
    (secret,) = secret_files(way)["xds_certificate.json"]["resources"]  # type: ignore[misc]
    assert "watched_directory" not in secret["tls_certificate"]  # type: ignore[has-type]


@pytest.mark.parametrize("names", [("xds.example.org",), ("spiffe://example.org/egxds", "xds")])
def test_names_of_the_server_are_those_of_its_certificate(tmp_path: Path, names: tuple[str, ...]) -> None:
    """The host of the server knows them; what the user says goes first."""
    (tmp_path / "server.crt").write_text(Authority().issue(*names).cert)
    found = with_server_names(XdsConnection(ca_file=CA), settings(tls=TLS), tmp_path)
    assert sorted(found.server_names) == sorted(names)
    said = XdsConnection(ca_file=CA, server_names=("other",))
    assert with_server_names(said, settings(tls=TLS), tmp_path) == said


def test_certificate_of_the_server_that_is_elsewhere(tmp_path: Path) -> None:
    """It is said which file was looked for."""
    with pytest.raises(StartError, match=r"server\.crt: its names"):
        with_server_names(XdsConnection(ca_file=CA), settings(tls=TLS), tmp_path)


def test_an_envoy_is_told_its_zone_and_those_of_others() -> None:
    """By itself it is one of none; each of the others counts, also where they stand in one zone."""
    usual = bootstrap(settings(), "shop/web", "edge-1")
    assert in_zone(usual, EnvoyZones()) == usual
    found = in_zone(usual, EnvoyZones("a", ("b", "b")))
    assert found["node"] == {"id": "edge-1", "cluster": "shop/web", "locality": {"zone": "a"}}
    _, local = found["static_resources"]["clusters"]
    assert found["cluster_manager"] == {"local_cluster_name": local["name"]}
    localities = local["load_assignment"]["endpoints"]
    assert [(each["locality"], len(each["lb_endpoints"])) for each in localities] == [
        ({"zone": "a"}, 1),
        ({"zone": "b"}, 2),
    ]
