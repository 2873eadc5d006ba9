"""What the servers under test serve: tiny resources whose content is one word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import extension_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2

from egxds.inspect.clients import describe_clients
from egxds.inspect.status import StatusStore
from egxds.names import CLUSTER, ENDPOINT, EXTENSION_CONFIG, LISTENER, ROUTE_CONFIGURATION, SECRET
from egxds.object_key import ObjectKey
from egxds.problems import Location
from egxds.resources.resource import Resource
from egxds.sessions.open_streams import Clients
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from tests.revisions import by_type

CDS, EDS, LDS, RDS, SDS, ECDS = CLUSTER, ENDPOINT, LISTENER, ROUTE_CONFIGURATION, SECRET, EXTENSION_CONFIG

GATEWAY = "default/web"
CLASS = "eg"

State = Mapping[str, Mapping[str, str]]
"""Type URL → name → content."""


def described(clients: Clients) -> list[dict[str, Any]]:
    """Return who is connected, as the admin API shows it."""
    return list(describe_clients(clients.all(), anyio.current_time(), lambda _keys: ()))


def body(type_url: str, name: str, word: str) -> bytes:
    """Return a message that says a word; `rds a,b` makes a Listener that refers to RouteConfigurations."""
    return bytes(_MAKERS[type_url](name, word).SerializeToString())


def _listener(name: str, word: str) -> Any:
    listener = listener_pb2.Listener(name=name, stat_prefix=word)
    for route in word.removeprefix("rds ").split(",") if word.startswith("rds ") else ():
        rds = {"route_config_name": route, "config_source": {"ads": {}}}
        manager = http_connection_manager_pb2.HttpConnectionManager(rds=rds)
        listener.filter_chains.add().filters.add(name="http").typed_config.Pack(manager)
    return listener


_MAKERS: Mapping[str, Callable[[str, str], Any]] = {
    CDS: lambda name, word: cluster_pb2.Cluster(name=name, alt_stat_name=word),
    EDS: lambda name, word: endpoint_pb2.ClusterLoadAssignment(cluster_name=name, named_endpoints={word: {}}),
    LDS: _listener,
    RDS: lambda name, word: route_pb2.RouteConfiguration(name=name, internal_only_headers=[word]),
    ECDS: lambda name, word: extension_pb2.TypedExtensionConfig(name=name, typed_config={"type_url": word}),
    SDS: lambda name, word: secret_pb2.Secret(name=name, generic_secret={"secret": {"inline_string": word}}),
}

_READERS: Mapping[str, Callable[[bytes], str]] = {
    CDS: lambda encoded: cluster_pb2.Cluster.FromString(encoded).alt_stat_name,
    EDS: lambda encoded: "".join(endpoint_pb2.ClusterLoadAssignment.FromString(encoded).named_endpoints),
    LDS: lambda encoded: listener_pb2.Listener.FromString(encoded).stat_prefix,
    RDS: lambda encoded: "".join(route_pb2.RouteConfiguration.FromString(encoded).internal_only_headers),
    ECDS: lambda encoded: extension_pb2.TypedExtensionConfig.FromString(encoded).typed_config.type_url,
    SDS: lambda encoded: secret_pb2.Secret.FromString(encoded).generic_secret.secret.inline_string,
}


def content(type_url: str, encoded: bytes) -> str:
    """Return the word that a message says."""
    return _READERS[type_url](encoded)


def publish(store: SnapshotStore, state: State, gateway: str = GATEWAY) -> None:
    """Replace everything that a Gateway's Envoys are to hold of a store."""
    resources = (
        Resource(type_url, name, body(type_url, name, word), (ObjectKey("", "Made", "", name),))
        for type_url, entries in state.items()
        for name, word in entries.items()
    )
    store.publish(gateway, CLASS, by_type(tuple(resources)))


class World:
    """The stores of a daemon without the daemon: what is set here is what Envoys are to hold."""

    def __init__(self) -> None:
        self.store = SnapshotStore()
        self.stores = Stores(self.store)
        self.status = StatusStore()

    def load(self, state: State, gateway: str = GATEWAY) -> None:
        """Set the first state, and say that it is whole."""
        self.set(state, gateway)
        self.store.mark_loaded()
        self.status.mark_loaded()
        self.status.mark_bound()
        self.status.set_locator(lambda key, _path: Location(f"{key.name}.yaml", 1))

    def set(self, state: State, gateway: str = GATEWAY) -> None:
        """Replace everything that a Gateway's Envoys are to hold."""
        publish(self.store, state, gateway)

    def serve_first(self, state: State, *nodes: str, gateway: str = GATEWAY) -> SnapshotStore:
        """Serve some nodes a candidate; return its store."""
        candidate = self.store.beside()
        publish(candidate, state, gateway)
        candidate.mark_loaded()
        self.stores.serve(candidate, nodes)
        return candidate
