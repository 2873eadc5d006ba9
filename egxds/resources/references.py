"""The one answer to "what does this refer to": clusters, routes, secrets, endpoints, filters by name. Pure.

Three ask, and must not be told different things. Sessions send the `children` of a Listener or a Cluster behind it, as
Envoy does not ask again for what it already watches, not even where a changed parent waits for it (xDS protocol,
Resource warming). Hooks refuse a reply whose references lead nowhere. And a denial has to know which
RouteConfigurations of a listener come from here, since those from elsewhere answer as before, whatever is said here.

Messages are walked in all their depth (`egxds.resources.walk`), and the fields of the table below are read wherever
they stand. So a cluster is found as the target of a route, of a mirror, of a TCP or UDP proxy, of an aggregate cluster,
and of everything that calls out by gRPC or by HTTP: ext_authz, ext_proc, rate limits, JWKS, OAuth, access logs.

What is fetched counts where its config source says that it comes from here. Seen with Envoy 1.40:

- `ads` is this stream.
- `self` is, by the API, the server that sent the resource. Envoy refuses it for routes, secrets and endpoints; it
  counts all the same, as nothing else can be meant.
- `path_config_source` and `api_config_source` are elsewhere: a file, or a stream that knows nothing of parents. Envoy
  takes no aggregated type of `api_config_source` there.
- None at all is a secret of Envoy's own bootstrap, or a name that starts with `xdstp://` and says itself where it is.
  Anything else without a source is refused.
- A filter that is fetched is known by its own name (`config_discovery`). Only HTTP filters are served so.
- A Cluster has endpoints where its `type` is EDS. Envoy refuses an `eds_cluster_config` anywhere else, also beside a
  `cluster_type` that is called `envoy.cluster.eds`.

Other messages hold config sources too, and none of them is a reference: those of a bootstrap and of load reports;
those whose names a request or another resource decides on (on-demand clusters, and scoped routes, which Envoy takes
inline only with their RouteConfiguration inside); and those for types that are not served (VHDS, SRDS, FCDS,
LEDS, lists of aggregated clusters, token buckets, routes of Thrift, Dubbo and the generic proxy). A test beside that of
this module goes through every message of Envoy's API, so that a new one is noticed.

Not looked for are names that a request decides on (`cluster_header`, cluster specifier plugins), and clusters that a
filter names in a string field of its own (collectors of some tracers, Lua, Wasm). The caches of a dynamic forward proxy
and of Redis hold DNS names and addresses, which are no references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from egxds import names
from egxds.errors import UnreadableMessageError
from egxds.resources.resource import Key, Resource
from egxds.resources.route_configuration import RouteConfiguration, VirtualHost
from egxds.resources.walk import Walk, payload

Reference = Key
"""(type URL, resource name)."""

References = frozenset[Reference]

_Reader = Callable[[Any], Iterable[Reference]]
"""A message → what fields of its own name; the names may be empty."""

_FROM_HERE = frozenset({"ads", "self"})
_PARENTS = frozenset({names.LISTENER, names.CLUSTER})
_ROUTE = names.TYPE_PREFIX + "envoy.config.route.v3.Route"
_VIRTUAL_HOST = names.TYPE_PREFIX + "envoy.config.route.v3.VirtualHost"
_REMEMBERED_BODIES = 16384
_REMEMBERED_LISTENERS = 1024
_LARGEST_REMEMBERED_BYTES = 4096
"""Larger bodies are read anew each time: to remember them would keep many versions of each alive. Not so Listeners:
there are few, and while a hook fails, each is asked about several times for every change."""

_LARGEST_LISTENER_BYTES = 128 * 1024
"""But for those that hold a filter chain for each of many routes, of which each edit of one makes another version."""


def references(type_url: str, body: bytes) -> References:
    """Return all that a message refers to by name.

    Args:
        type_url: of any message of Envoy's API.
        body: the encoded message; the answer depends on nothing else.

    Raises:
        UnreadableMessageError: the body is no message of that type.
    """
    if len(body) <= _LARGEST_REMEMBERED_BYTES:
        return _of_small(type_url, body)
    is_remembered = type_url == names.LISTENER and len(body) <= _LARGEST_LISTENER_BYTES
    return _of_listener(body) if is_remembered else _read(type_url, body)


def children(type_url: str, body: bytes) -> tuple[Key, ...]:
    """Name the resources that Envoy fetches from here on behalf of another.

    Args:
        type_url: only Listeners and Clusters have children; bodies of other types are not read. A secret in the
            settings that a route has for a filter is none, since Envoy waits with no RouteConfiguration for it.
        body: the encoded message; the answer depends on nothing else.

    Returns:
        RouteConfigurations, filters and secrets of a Listener, endpoints and secrets of a Cluster, sorted.

    Raises:
        UnreadableMessageError: the body is no message of that type.
    """
    if type_url not in _PARENTS:
        return ()
    return tuple(sorted(found for found in _read(type_url, body) if found[0] != names.CLUSTER))


def resource_references(resource: Resource) -> References:
    """Return what a listener, a cluster or endpoints refer to."""
    return references(resource.type_url, resource.body)


def route_references(body: bytes) -> References:
    """Return what an encoded Route refers to."""
    return references(_ROUTE, body)


def virtual_host_references(host: VirtualHost) -> References:
    """Return what a virtual host and its routes refer to."""
    head = references(_VIRTUAL_HOST, host.head)
    return head.union(*(route_references(route.body) for route in host.routes))


def configuration_references(configuration: RouteConfiguration) -> References:
    """Return what a RouteConfiguration and everything inside refers to."""
    head = references(names.ROUTE_CONFIGURATION, configuration.head)
    return head.union(*(virtual_host_references(host) for host in configuration.virtual_hosts))


def is_from_here(source: Any) -> bool:
    """Tell whether an `envoy.config.core.v3.ConfigSource` means the stream that delivers it."""
    return source.WhichOneof("config_source_specifier") in _FROM_HERE


@lru_cache(maxsize=_REMEMBERED_LISTENERS)
def _of_listener(body: bytes) -> References:
    return _read(names.LISTENER, body)


@lru_cache(maxsize=_REMEMBERED_BODIES)
def _of_small(type_url: str, body: bytes) -> References:
    return _read(type_url, body)


def _read(type_url: str, body: bytes) -> References:
    message = payload(type_url, body)
    if message is None:
        raise UnreadableMessageError(f"unknown message type {type_url}")
    named = (_READERS[part.DESCRIPTOR.full_name](part) for part in _WALK.find(message))
    return frozenset(found for group in named for found in group if found[1])


def _cluster_in(field: str) -> _Reader:
    """Return what reads a field that names a cluster."""
    return lambda message: ((names.CLUSTER, getattr(message, field)),)


def _clusters_in(field: str) -> _Reader:
    """Return what reads a field that names several clusters."""
    return lambda message: ((names.CLUSTER, name) for name in getattr(message, field))


def _fetched(type_url: str, name: str, source: str) -> _Reader:
    """Return what reads a message that says what to fetch, and where.

    Args:
        type_url: of what is fetched.
        name: field with its name.
        source: field with its config source.
    """
    return lambda message: ((type_url, getattr(message, name)),) if is_from_here(getattr(message, source)) else ()


def _endpoints(cluster: Any) -> Iterable[Reference]:
    eds = cluster.eds_cluster_config
    if cluster.WhichOneof("cluster_discovery_type") == "type" and cluster.type == cluster.EDS:
        return ((names.ENDPOINT, eds.service_name or cluster.name),) if is_from_here(eds.eds_config) else ()
    return ()


def _discovered(http_filter: Any) -> Iterable[Reference]:
    if http_filter.WhichOneof("config_type") != "config_discovery":
        return ()
    is_served = is_from_here(http_filter.config_discovery.config_source)
    return ((names.EXTENSION_CONFIG, http_filter.name),) if is_served else ()


_READERS: dict[str, _Reader] = {
    "envoy.config.cluster.v3.Cluster": _endpoints,
    "envoy.config.core.v3.GrpcService.EnvoyGrpc": _cluster_in("cluster_name"),
    "envoy.config.core.v3.HttpUri": _cluster_in("cluster"),
    "envoy.config.route.v3.RouteAction": _cluster_in("cluster"),
    "envoy.config.route.v3.RouteAction.RequestMirrorPolicy": _cluster_in("cluster"),
    "envoy.config.route.v3.WeightedCluster.ClusterWeight": _cluster_in("name"),
    "envoy.extensions.clusters.aggregate.v3.ClusterConfig": _clusters_in("clusters"),
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter": _discovered,
    "envoy.extensions.filters.network.http_connection_manager.v3.Rds": _fetched(
        names.ROUTE_CONFIGURATION, "route_config_name", "config_source"
    ),
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy": _cluster_in("cluster"),
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight": _cluster_in("name"),
    "envoy.extensions.filters.udp.udp_proxy.v3.Route": _cluster_in("cluster"),
    "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig": _fetched(names.SECRET, "name", "sds_config"),
}
"""Type of a message → what reads its references."""

_WALK = Walk(*_READERS)
