"""An Envoy's side of TLS to the xDS server. Pure: paths come in, plain data goes out.

What a bootstrap names by itself, Envoy reads when it starts and never again. What a file of its secret discovery
service (SDS) names, it reads again when another file is moved into the directory. So there are two small files beside a
bootstrap, which hold paths and no keys: for the certificate that Envoy shows, and for what it checks the server with.

With an authority that signs for Envoys as well as for the server, each Envoy could pass for the server, unless its name
is checked.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from egxds.errors import StartError

_URI = "://"
_SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 a type
_CONTEXT = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_CERTIFICATE, _VALIDATION = "xds_certificate", "xds_validation"


@dataclass(frozen=True, slots=True)
class XdsConnection:
    """What only the Envoy's own host knows about the way to the xDS server.

    Attributes:
        addresses: `HOST:PORT` or `unix:PATH` of each server, where that is not the address that this one binds; an
            Envoy that loses one goes to another.
        ca_file: certificates that the server's certificate is checked with.
        cert_file: the Envoy's own certificate chain, for mTLS.
        key_file: the key of that certificate.
        server_names: one of which the server's certificate has to have: URIs, names of hosts, or addresses; empty where
            any certificate of those authorities will do.
        sds_dir: directory of the files that `secret_files` returns; None where Envoy is to read its certificates once.
    """

    addresses: tuple[str, ...] = ()
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_names: tuple[str, ...] = ()
    sds_dir: Path | None = None


def transport_socket(way: XdsConnection, *, is_mutual: bool) -> dict[str, object]:
    """Say how an Envoy speaks TLS to the server, in the form of `envoy.config.core.v3.TransportSocket`.

    Args:
        way: its files.
        is_mutual: whether the server asks for a certificate.

    Raises:
        StartError: a file that it needs is not named.

    Source: Envoy API v3, extensions/transport_sockets/tls/v3/common.proto and secret.proto.
    """
    if way.ca_file is None:
        raise StartError("the xDS server speaks TLS: name the CA certificates that the Envoy checks it with")
    if is_mutual and not _has_pair(way):
        raise StartError("the xDS server asks for a client certificate: name the Envoy's own certificate and key")
    context: dict[str, object] = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": ["h2"],
        **(_by_file(way, way.sds_dir) if way.sds_dir is not None else _inline(way)),
    }
    config: dict[str, object] = {"@type": _CONTEXT, "common_tls_context": context}
    hosts = [name for name in way.server_names if _kind(name) == "DNS" and "*" not in name]
    if hosts:
        config["sni"] = hosts[0]
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def secret_files(way: XdsConnection) -> Mapping[str, dict[str, object]]:
    """Return the files of `sds_dir` by name, each in the form of `envoy.service.discovery.v3.DiscoveryResponse`.

    Args:
        way: its files.
    """
    secrets = {_VALIDATION: {"validation_context": {**_validation(way), **_watched(way.ca_file)}}}
    if _has_pair(way):
        secrets[_CERTIFICATE] = {"tls_certificate": {**_pair(way), **_watched(way.cert_file, way.key_file)}}
    return {
        f"{name}.json": {"resources": [{"@type": _SECRET, "name": name, **content}]}
        for name, content in secrets.items()
    }


def _has_pair(way: XdsConnection) -> bool:
    return way.cert_file is not None and way.key_file is not None


def _inline(way: XdsConnection) -> dict[str, object]:
    pair = {"tls_certificates": [_pair(way)]} if _has_pair(way) else {}
    return {"validation_context": _validation(way), **pair}


def _by_file(way: XdsConnection, directory: Path) -> dict[str, object]:
    pair = {"tls_certificate_sds_secret_configs": [_from(directory, _CERTIFICATE)]} if _has_pair(way) else {}
    return {"validation_context_sds_secret_config": _from(directory, _VALIDATION), **pair}


def _from(directory: Path, name: str) -> dict[str, object]:
    source = {"path": str(directory / f"{name}.json"), "watched_directory": {"path": str(directory)}}
    return {"name": name, "sds_config": {"path_config_source": source, "resource_api_version": "V3"}}


def _pair(way: XdsConnection) -> dict[str, object]:
    return {
        "certificate_chain": {"filename": str(way.cert_file)},
        "private_key": {"filename": str(way.key_file)},
    }


def _validation(way: XdsConnection) -> dict[str, object]:
    names = [{"san_type": _kind(name), "matcher": {"exact": name}} for name in way.server_names]
    wanted = {"match_typed_subject_alt_names": names} if names else {}
    return {"trusted_ca": {"filename": str(way.ca_file)}, **wanted}


def _watched(*files: Path | None) -> dict[str, object]:
    """Have a directory watched as a whole, since a link in it may change what all of its files are.

    Files of several directories are watched one by one, as Envoy does by itself.
    """
    directories = set(_directories(files))
    return {"watched_directory": {"path": directories.pop()}} if len(directories) == 1 else {}


def _directories(files: tuple[Path | None, ...]) -> Iterator[str]:
    return (str(path.parent) for path in files if path is not None)


def _kind(name: str) -> str:
    if _URI in name:
        return "URI"
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "DNS"
    return "IP_ADDRESS"
