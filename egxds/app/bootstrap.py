"""Envoy bootstraps: how an Envoy finds this control plane. Pure: settings come in, plain data goes out."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from egxds.app.client_tls import XdsConnection, transport_socket
from egxds.errors import StartError
from egxds.settings.daemon import Settings, XdsSettings
from egxds.wire.listen import UnixPath, parse_address

NodeMetadata = Mapping[str, Mapping[str, str]]
"""`labels` and `annotations`, those of them that there are."""

XDS_CLUSTER = "xds_cluster"

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 where a server binds all, an Envoy beside it connects
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_MAX_CONNECTIONS = 50_000
_UNLIMITED = 4_294_967_295


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
        StartError: the address of a server is none, or cannot be beside another, or it speaks TLS and a file that the
            Envoy needs is not named.

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
    servers = [_server(text) for text in way.addresses or (xds.address,)]
    endpoints = {"lb_endpoints": [{"endpoint": {"address": server}} for server in servers]}
    # Without pings a half-open connection goes unseen, and with it every change.
    http2 = {"connection_keepalive": {"interval": "30s", "timeout": "5s"}}
    options = {
        "@type": f"type.googleapis.com/{_HTTP_OPTIONS}",
        "explicit_http_config": {"http2_protocol_options": http2},
    }
    cluster: dict[str, object] = {
        "name": XDS_CLUSTER,
        **_discovery(servers),
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": XDS_CLUSTER, "endpoints": [endpoints]},
        "typed_extension_protocol_options": {_HTTP_OPTIONS: options},
    }
    if xds.tls is not None:
        cluster["transport_socket"] = transport_socket(way, is_mutual=xds.tls.client_ca_file is not None)
    return cluster


def _server(text: str) -> dict[str, Any]:
    """Return where a server is."""
    address = parse_address("xds.address", text)
    if isinstance(address, UnixPath):
        return {"pipe": {"path": str(address.path)}}
    return _socket_address(_LOOPBACK.get(address.host, address.host), address.port)


def _discovery(servers: list[dict[str, Any]]) -> dict[str, object]:
    """Say how servers are discovered: by DNS where one has a name, which takes addresses as well, but no paths."""
    hosts = [server["socket_address"]["address"] for server in servers if "socket_address" in server]
    if all(map(_is_ip, hosts)):
        return {"type": "STATIC"}
    if len(hosts) < len(servers):
        raise StartError("an Envoy cannot look up the name of one server and find another at a path: give addresses")
    return {"type": "STRICT_DNS", "dns_lookup_family": "ALL"}


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _socket_address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


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
