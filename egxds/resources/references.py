"""What resources refer to by name: clusters, RouteConfigurations, secrets and endpoints. Pure.

Messages are walked in all their depth, the payloads of every `Any` whose type is known included, and the fields of
the tables below are read wherever they stand. So a cluster is found as the target of a route, of a mirror, of a TCP
proxy, of an aggregate cluster, and of everything that calls out by gRPC or by HTTP: ext_authz, ext_proc, rate limits,
JWKS, OAuth, access logs.

The walk stops at payloads of unknown type, at names that a request decides on (`cluster_header`, cluster specifier
plugins), and at filters that keep a cluster's name in a string field of their own (collectors of some tracers,
Lua, Wasm). What is fetched from elsewhere than this stream (a path, another server) is not looked for here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import config_source_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from google.protobuf import any_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from egxds import names
from egxds.resources.encoding import class_of
from egxds.resources.resource import Resource, RouteConfiguration, VirtualHost

Reference = tuple[str, str]
"""(type URL, resource name)."""

References = frozenset[Reference]

_ANY = "google.protobuf.Any"
_CLUSTER = "envoy.config.cluster.v3.Cluster"
_CLUSTER_FIELDS = {
    "envoy.config.core.v3.GrpcService.EnvoyGrpc": "cluster_name",
    "envoy.config.core.v3.HttpUri": "cluster",
    "envoy.config.route.v3.RouteAction": "cluster",
    "envoy.config.route.v3.RouteAction.RequestMirrorPolicy": "cluster",
    "envoy.config.route.v3.WeightedCluster.ClusterWeight": "name",
    "envoy.extensions.clusters.aggregate.v3.ClusterConfig": "clusters",
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy": "cluster",
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight": "name",
}
"""Message → its field that names a cluster, or clusters."""

_FETCHED_FIELDS = {
    "envoy.extensions.filters.network.http_connection_manager.v3.Rds": (
        names.ROUTE_CONFIGURATION,
        "route_config_name",
        "config_source",
    ),
    "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig": (names.SECRET, "name", "sds_config"),
}
"""Message → type of what it names, the field with the name, and the field that says where to fetch it."""

_READ = frozenset((_ANY, _CLUSTER, *_CLUSTER_FIELDS, *_FETCHED_FIELDS))
_ROUTE = names.TYPE_PREFIX + "envoy.config.route.v3.Route"
_VIRTUAL_HOST = names.TYPE_PREFIX + "envoy.config.route.v3.VirtualHost"
_CLASSES: dict[str, type[Message]] = {
    _ROUTE: route_components_pb2.Route,
    _VIRTUAL_HOST: route_components_pb2.VirtualHost,
    names.CLUSTER: cluster_pb2.Cluster,
    names.ENDPOINT: endpoint_pb2.ClusterLoadAssignment,
    names.LISTENER: listener_pb2.Listener,
    names.ROUTE_CONFIGURATION: route_pb2.RouteConfiguration,
}
_REMEMBERED_BODIES = 16384
_LARGEST_REMEMBERED_BYTES = 4096
"""Larger bodies are read anew each time: to remember them would keep many versions of each alive."""
_REMEMBERED_TYPES = 1024


def route_references(body: bytes) -> References:
    """Return what an encoded Route refers to."""
    return _references(_ROUTE, body)


def virtual_host_references(host: VirtualHost) -> References:
    """Return what a virtual host and its routes refer to."""
    head = _references(_VIRTUAL_HOST, host.head)
    return head.union(*(route_references(route.body) for route in host.routes))


def configuration_references(configuration: RouteConfiguration) -> References:
    """Return what a RouteConfiguration and everything inside refers to."""
    head = _references(names.ROUTE_CONFIGURATION, configuration.head)
    return head.union(*(virtual_host_references(host) for host in configuration.virtual_hosts))


def resource_references(resource: Resource) -> References:
    """Return what a listener, a cluster or endpoints refer to."""
    return _references(resource.type_url, resource.body)


def _references(type_url: str, body: bytes) -> References:
    return _remembered(type_url, body) if len(body) <= _LARGEST_REMEMBERED_BYTES else _read(type_url, body)


@lru_cache(maxsize=_REMEMBERED_BODIES)
def _remembered(type_url: str, body: bytes) -> References:
    return _read(type_url, body)


def _read(type_url: str, body: bytes) -> References:
    return frozenset(reference for reference in _walk(_CLASSES[type_url].FromString(body)) if reference[1])


def _walk(message: Message) -> Iterator[Reference]:
    yield from _named_by(message)
    if isinstance(message, any_pb2.Any):
        payload_class = class_of(message.type_url)
        if payload_class is not None and _may_refer(payload_class.DESCRIPTOR):
            yield from _walk(payload_class.FromString(message.value))
        return
    for child in _children(message):
        yield from _walk(child)


def _named_by(message: Message) -> Iterator[Reference]:
    """Yield what a message names in fields of its own."""
    kind = message.DESCRIPTOR.full_name
    if kind in _CLUSTER_FIELDS:
        value: str | list[str] = getattr(message, _CLUSTER_FIELDS[kind])
        yield from ((names.CLUSTER, name) for name in ((value,) if isinstance(value, str) else value))
    elif kind in _FETCHED_FIELDS:
        type_url, name_field, source_field = _FETCHED_FIELDS[kind]
        if _is_from_here(getattr(message, source_field)):
            yield type_url, getattr(message, name_field)
    elif isinstance(message, cluster_pb2.Cluster):
        eds = message.eds_cluster_config
        if message.type == cluster_pb2.Cluster.EDS and _is_from_here(eds.eds_config):
            yield names.ENDPOINT, eds.service_name or message.name


def _is_from_here(source: config_source_pb2.ConfigSource) -> bool:
    return source.WhichOneof("config_source_specifier") in ("ads", "self")


def _children(message: Message) -> Iterator[Message]:
    """Yield the messages directly inside a message that are, or may hold, something of the tables."""
    for field, value in message.ListFields():
        inner = field.message_type
        if inner is None or not _may_refer(inner):
            continue
        if inner.GetOptions().map_entry:
            yield from value.values()
        elif field.is_repeated:
            yield from value
        else:
            yield value


@lru_cache(maxsize=_REMEMBERED_TYPES)
def _may_refer(root: Descriptor) -> bool:
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        descriptor = waiting.pop()
        if descriptor.full_name in _READ:
            return True
        if descriptor.full_name not in seen:
            seen.add(descriptor.full_name)
            waiting += [field.message_type for field in descriptor.fields if field.message_type is not None]
    return False
