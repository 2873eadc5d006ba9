"""Envoy bootstraps: how an Envoy finds this control plane. Pure: settings come in, plain data goes out."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from egxds.app.infrastructure import NodeMetadata
from egxds.errors import StartError
from egxds.settings.daemon import Settings, XdsSettings
from egxds.wire.listen import UnixPath, parse_address

XDS_CLUSTER = "xds_cluster"

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 where a server binds all, an Envoy beside it connects
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_MAX_CONNECTIONS = 50_000
_UNLIMITED = 4_294_967_295


@dataclass(frozen=True, slots=True)
class XdsConnection:
    """What only the Envoy's own host knows about the way to the xDS server.

    Attributes:
        address: `HOST:PORT` or `unix:PATH`, where it is not the address that the server binds.
        ca_file: certificates that the server's certificate is checked with.
        cert_file: the Envoy's own certificate chain, for mTLS.
        key_file: the key of that certificate.
    """

    address: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


def bootstrap(
    settings: Settings,
    selector: str,
    node_id: str,
    admin_port: int = 19000,
    connection: XdsConnection | None = None,
    metadata: NodeMetadata | None = None,
) -> dict[str, object]:
    """Say how one Envoy starts, in the form of `envoy.config.bootstrap.v3.Bootstrap`.

    Args:
        settings: says where the xDS server listens and whether it speaks TLS.
        selector: `NAMESPACE/GATEWAY` or a GatewayClass: what the Envoy serves; becomes `node.cluster`.
        node_id: unique name of the Envoy.
        admin_port: port of Envoy's admin page on 127.0.0.1; 0 takes a free one.
        connection: where the Envoy's host differs from the server's, and its certificates.
        metadata: what the Envoy carries of its Gateway.

    Raises:
        StartError: the server's address is none, or it speaks TLS and a file that the Envoy needs is not named.

    Source: Envoy API v3, config/bootstrap/v3/bootstrap.proto.
    """
    way = connection or XdsConnection()
    return {
        "node": {"id": node_id, "cluster": selector, **({"metadata": metadata} if metadata else {})},
        "admin": {"address": _socket_address("127.0.0.1", admin_port)},
        "dynamic_resources": _dynamic_resources(),
        "static_resources": {"clusters": [_xds_cluster(settings.xds, way)]},
        "overload_manager": _overload_manager(),
        "layered_runtime": _runtime(),
    }


def _dynamic_resources() -> dict[str, object]:
    # Without a limit on the first fetch an Envoy is ready only when it has its configuration; with one, it
    # would call itself ready after 30 s without a listener.
    from_ads = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
    # Envoy's own back-off grows to 30 s: a server that was away for 10 s would be found 13 s late.
    back_off = {"base_interval": "0.1s", "max_interval": "1s"}
    server = {"cluster_name": XDS_CLUSTER, "retry_policy": {"retry_back_off": back_off}}
    return {
        "ads_config": {
            "api_type": "DELTA_GRPC",
            "transport_api_version": "V3",
            "set_node_on_first_message_only": True,
            "grpc_services": [{"envoy_grpc": server}],
        },
        "cds_config": from_ads,
        "lds_config": from_ads,
    }


def _xds_cluster(xds: XdsSettings, way: XdsConnection) -> dict[str, object]:
    discovery, address = _server(way.address or xds.address)
    endpoints = {"lb_endpoints": [{"endpoint": {"address": address}}]}
    # Without pings a half-open connection goes unseen, and with it every change.
    http2 = {"connection_keepalive": {"interval": "30s", "timeout": "5s"}}
    options = {
        "@type": f"type.googleapis.com/{_HTTP_OPTIONS}",
        "explicit_http_config": {"http2_protocol_options": http2},
    }
    cluster: dict[str, object] = {
        "name": XDS_CLUSTER,
        **discovery,
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": XDS_CLUSTER, "endpoints": [endpoints]},
        "typed_extension_protocol_options": {_HTTP_OPTIONS: options},
    }
    if xds.tls is not None:
        cluster["transport_socket"] = _tls(way, is_mutual=xds.tls.client_ca_file is not None)
    return cluster


def _server(text: str) -> tuple[dict[str, object], dict[str, object]]:
    """Return how the server is discovered, and where it is."""
    address = parse_address("xds.address", text)
    if isinstance(address, UnixPath):
        return {"type": "STATIC"}, {"pipe": {"path": str(address.path)}}
    host = _LOOPBACK.get(address.host, address.host)
    where = _socket_address(host, address.port)
    return ({"type": "STATIC"} if _is_ip(host) else {"type": "STRICT_DNS", "dns_lookup_family": "ALL"}), where


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _socket_address(host: str, port: int) -> dict[str, object]:
    return {"socket_address": {"address": host, "port_value": port}}


def _tls(way: XdsConnection, *, is_mutual: bool) -> dict[str, object]:
    if way.ca_file is None:
        raise StartError("the xDS server speaks TLS: name the CA certificates that the Envoy checks it with")
    context: dict[str, object] = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": ["h2"],
        "validation_context": {"trusted_ca": {"filename": str(way.ca_file)}},
    }
    if way.cert_file and way.key_file:
        files = {"certificate_chain": way.cert_file, "private_key": way.key_file}
        context["tls_certificates"] = [{field: {"filename": str(file)} for field, file in files.items()}]
    elif is_mutual:
        raise StartError("the xDS server asks for a client certificate: name the Envoy's own certificate and key")
    upstream = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    config = {"@type": upstream, "common_tls_context": context}
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def _overload_manager() -> dict[str, object]:
    monitor = "envoy.resource_monitors.global_downstream_max_connections"
    message = "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    limit = {"@type": f"type.googleapis.com/{message}", "max_active_downstream_connections": str(_MAX_CONNECTIONS)}
    return {"resource_monitors": [{"name": monitor, "typed_config": limit}]}


def _runtime() -> dict[str, object]:
    # Unless told otherwise, Envoy refuses every regular expression whose program is larger than 100, and with it
    # the RouteConfiguration. The Gateway API limits the length of what is written.
    limits = {"re2.max_program_size.error_level": _UNLIMITED, "re2.max_program_size.warn_level": 1000}
    return {"layers": [{"name": "static_layer", "static_layer": limits}]}
