"""Envoy resources written by hand, for what no file can make our translation write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2 as _router  # noqa: F401 packed by its type URL
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as _manager,  # noqa: F401 packed by its type URL
)
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2 as _tls  # noqa: F401 packed by its type URL
from google.protobuf import json_format
from google.protobuf.message import Message

from egxds import names
from egxds.resources.resource import Resource
from tests.envoy.certificates import Pair

EDITION = "x-edition"
"""Response header that says which edition of a route answered."""

FOR_EVER = "0s"
"""As a limit on the first fetch: a parent waits until its child comes."""

_TYPES: dict[str, type[Message]] = {
    names.CLUSTER: cluster_pb2.Cluster,
    names.ENDPOINT: endpoint_pb2.ClusterLoadAssignment,
    names.LISTENER: listener_pb2.Listener,
    names.ROUTE_CONFIGURATION: route_pb2.RouteConfiguration,
    names.SECRET: secret_pb2.Secret,
}

_EXTENSIONS = "type.googleapis.com/envoy.extensions."


def cluster(name: str, service: str | None = None, connect_timeout_s: int = 5, ca_file: Path | None = None) -> Resource:
    """Return a cluster that waits for its endpoints for ever.

    Args:
        name: its name.
        service: name of its endpoints; the cluster's where None.
        connect_timeout_s: something to change.
        ca_file: what the endpoints are checked with, a file of Envoy's machine; None without TLS.
    """
    context = {"common_tls_context": {"validation_context": {"trusted_ca": {"filename": str(ca_file)}}}}
    tls = {"@type": _EXTENSIONS + "transport_sockets.tls.v3.UpstreamTlsContext", **context}
    socket = {"name": "envoy.transport_sockets.tls", "typed_config": tls}
    return _resource(
        names.CLUSTER,
        name,
        type="EDS",
        connect_timeout=f"{connect_timeout_s}s",
        eds_cluster_config={"service_name": service or name, "eds_config": _ads(FOR_EVER)},
        **({} if ca_file is None else {"transport_socket": socket}),
    )


def endpoints(name: str, port: int) -> Resource:
    """Return endpoints: one port of the loopback address."""
    endpoint = {"endpoint": {"address": _address(port)}}
    return _resource(names.ENDPOINT, name, cluster_name=name, endpoints=[{"lb_endpoints": [endpoint]}])


def route(name: str, cluster: str, edition: str = "1") -> Resource:
    """Return a RouteConfiguration that sends everything to one cluster, and says its edition in each answer."""
    header = {"header": {"key": EDITION, "value": edition}}
    everything = {"match": {"prefix": "/"}, "route": {"cluster": cluster}, "response_headers_to_add": [header]}
    hosts = [{"name": "all", "domains": ["*"], "routes": [everything]}]
    return _resource(names.ROUTE_CONFIGURATION, name, virtual_hosts=hosts)


def listener(name: str, port: int, route: str) -> Resource:
    """Return a listener for HTTP."""
    return _resource(names.LISTENER, name, address=_address(port), filter_chains=[{"filters": [_http(route)]}])


def tls_listener(name: str, port: int, route: str, secret: str, fetch_timeout: str) -> Resource:
    """Return a listener for HTTPS.

    Args:
        name: its name.
        port: of the loopback address.
        route: name of its RouteConfiguration.
        secret: name of its certificate.
        fetch_timeout: how long it waits for that, such as `15s`; a part of what the secret is known by to Envoy.
    """
    secrets = [{"name": secret, "sds_config": _ads(fetch_timeout)}]
    context = {"common_tls_context": {"tls_certificate_sds_secret_configs": secrets}}
    tls = {"@type": _EXTENSIONS + "transport_sockets.tls.v3.DownstreamTlsContext", **context}
    chain = {
        "name": "tls",
        "filters": [_http(route)],
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls},
    }
    return _resource(names.LISTENER, name, address=_address(port), filter_chains=[chain])


def certificate(name: str, pair: Pair) -> Resource:
    """Return a certificate as a secret."""
    both = {"certificate_chain": {"inline_string": pair.cert}, "private_key": {"inline_string": pair.key}}
    return _resource(names.SECRET, name, tls_certificate=both)


def _resource(type_url: str, name: str, **fields: Any) -> Resource:
    named = fields if type_url == names.ENDPOINT else {"name": name, **fields}
    message = json_format.ParseDict(named, _TYPES[type_url]())
    return Resource(type_url, name, message.SerializeToString(deterministic=True))


def _ads(fetch_timeout: str) -> dict[str, object]:
    return {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": fetch_timeout}


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _http(route: str) -> dict[str, object]:
    router = {"name": "router", "typed_config": {"@type": _EXTENSIONS + "filters.http.router.v3.Router"}}
    manager = {
        "@type": _EXTENSIONS + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "rds": {"route_config_name": route, "config_source": _ads(FOR_EVER)},
        "http_filters": [router],
    }
    return {"name": "http", "typed_config": manager}
