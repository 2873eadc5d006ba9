"""What the extension server does to resources when it works: visible in traffic, the same for the same input."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import base_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2

ADDED_CLUSTER = "ext-added"
ALT_STAT_NAME = "ext_cluster"
ENDPOINT_ZONE = "ext-zone"
LISTENER_STAT_PREFIX = "ext_listener"
POLICY_HEADER = "x-ext-policies"
ROUTE_HEADER = "x-ext-route"
VIRTUAL_HOST_HEADER = "x-ext-vhost"
TRANSLATION_HEADER = "x-ext-translation"

# Messages are built at run time: the type checker cannot know their fields.
_Message = Any


def _header(name: str, value: str) -> base_pb2.HeaderValueOption:
    action = base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    return base_pb2.HeaderValueOption(header=base_pb2.HeaderValue(key=name, value=value), append_action=action)


def _objects(resources: _Message) -> list[Any]:
    return [json.loads(item.unstructured_bytes) for item in resources]


def edit_route(request: _Message, response: _Message) -> None:
    """Add a response header that names the extension's own objects, and one that names its policies."""
    response.route.CopyFrom(request.route)
    context = request.post_route_context
    for header, found in ((ROUTE_HEADER, context.extension_resources), (POLICY_HEADER, context.extension_policies)):
        names = ",".join(item["metadata"]["name"] for item in _objects(found))
        if names:
            response.route.response_headers_to_add.append(_header(header, names))


def edit_endpoints(request: _Message, response: _Message) -> None:
    """Set the zone of every locality."""
    response.load_assignment.CopyFrom(request.load_assignment)
    for locality in response.load_assignment.endpoints:
        locality.locality.zone = ENDPOINT_ZONE


def edit_cluster(request: _Message, response: _Message) -> None:
    """Name the cluster's statistics; where a custom backend gives an address, send all traffic there."""
    response.cluster.CopyFrom(request.cluster)
    response.cluster.alt_stat_name = ALT_STAT_NAME
    for item in _objects(request.post_cluster_context.backend_extension_resources):
        if "address" in item.get("spec", {}):
            _send_to(response.cluster, item["spec"]["address"], item["spec"]["port"])


def _send_to(cluster: _Message, address: str, port: int) -> None:
    cluster.type = cluster_pb2.Cluster.STATIC
    cluster.ClearField("eds_cluster_config")
    cluster.load_assignment.cluster_name = cluster.name
    endpoint = cluster.load_assignment.endpoints.add(load_balancing_weight={"value": 1}).lb_endpoints.add().endpoint
    endpoint.address.socket_address.address = address
    endpoint.address.socket_address.port_value = port


def edit_virtual_host(request: _Message, response: _Message) -> None:
    """Add a response header."""
    response.virtual_host.CopyFrom(request.virtual_host)
    response.virtual_host.response_headers_to_add.append(_header(VIRTUAL_HOST_HEADER, "1"))


def say_otherwise(response: _Message, word: str) -> None:
    """Have the header of a virtual host say something else, as a new version of an extension would."""
    response.virtual_host.response_headers_to_add[-1].header.value = word


def edit_listener(request: _Message, response: _Message) -> None:
    """Name the listener's statistics."""
    response.listener.CopyFrom(request.listener)
    response.listener.stat_prefix = LISTENER_STAT_PREFIX


def edit_translation(request: _Message, response: _Message) -> None:
    """Return everything, with a cluster more and a response header on each RouteConfiguration."""
    for field in ("clusters", "secrets", "listeners", "routes"):
        getattr(response, field).extend(getattr(request, field))
    if not any(cluster.name == ADDED_CLUSTER for cluster in request.clusters):
        response.clusters.add(name=ADDED_CLUSTER).connect_timeout.FromSeconds(1)
    for configuration in response.routes:
        configuration.response_headers_to_add.append(_header(TRANSLATION_HEADER, "1"))


def edit_managers(listener: _Message, edit: Callable[[_Message], None]) -> None:
    """Change every connection manager of a listener."""
    for chain in (*listener.filter_chains, listener.default_filter_chain):
        for network_filter in chain.filters:
            manager = http_connection_manager_pb2.HttpConnectionManager()
            if network_filter.typed_config.Unpack(manager):
                edit(manager)
                network_filter.typed_config.Pack(manager, deterministic=True)


def put_routes_inline(listener: _Message) -> None:
    """Replace every reference to a RouteConfiguration by one inside the listener that answers 500."""

    def edit(manager: _Message) -> None:
        host = manager.route_config.virtual_hosts.add(name="inline", domains=["*"])
        host.routes.add(match={"prefix": "/"}, direct_response={"status": 500})

    edit_managers(listener, edit)


def break_a_rule(response: _Message) -> None:
    """Make of a reply one that every parser takes and Envoy refuses."""
    for descriptor, value in response.ListFields():
        _BREAKS[descriptor.name](value)


def _break_endpoints(assignment: _Message) -> None:
    for locality in assignment.endpoints:
        for endpoint in locality.lb_endpoints:
            endpoint.endpoint.address.socket_address.port_value = 70_000


def _break_clusters(clusters: _Message) -> None:
    for cluster in clusters:
        cluster.connect_timeout.FromSeconds(0)


_BREAKS: dict[str, Callable[[_Message], None]] = {
    "route": lambda route: route.ClearField("match"),
    "load_assignment": _break_endpoints,
    "cluster": lambda cluster: _break_clusters((cluster,)),
    "virtual_host": lambda host: host.request_headers_to_remove.append(""),
    "listener": lambda listener: edit_managers(listener, lambda manager: manager.ClearField("stat_prefix")),
    "clusters": _break_clusters,
    "secrets": lambda _: None,
    "listeners": lambda _: None,
    "routes": lambda _: None,
}


EDITS = {
    "Route": edit_route,
    "Endpoints": edit_endpoints,
    "Cluster": edit_cluster,
    "VirtualHost": edit_virtual_host,
    "HTTPListener": edit_listener,
    "Translation": edit_translation,
}


def rename(response: _Message) -> None:
    """Give every edited resource a name that nobody asked for."""
    for descriptor, value in response.ListFields():
        for item in value if descriptor.name.endswith("s") else (value,):
            field = "cluster_name" if descriptor.name == "load_assignment" else "name"
            setattr(item, field, f"renamed-{getattr(item, field)}")
