"""A Gateway's resources as the whole configuration of an Envoy, for one that asks nobody. Pure.

What an Envoy is served by name stands where the name stood: a RouteConfiguration and the configurations of filters in
their connection manager, endpoints in their cluster. Secrets keep their names, which Envoy finds among its own where no
source is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from egxds import names
from egxds.resources.encoding import class_of
from egxds.resources.resource import Resource
from egxds.resources.translation import GatewayTranslation
from egxds.resources.walk import Walk

_BOOTSTRAP = names.TYPE_PREFIX + "envoy.config.bootstrap.v3.Bootstrap"


def static_bootstrap(gateway: GatewayTranslation, bootstrap: Mapping[str, object]) -> bytes:
    """Return an encoded Bootstrap with everything that a Gateway comes to.

    Args:
        gateway: its resources.
        bootstrap: as `egxds.app.bootstrap.bootstrap` returns it.
    """
    # Messages inside an `Any` are read by their classes, which are loaded when they are asked for.
    for type_url in _type_urls(bootstrap):
        class_of(type_url)
    whole: Any = json_format.ParseDict(dict(bootstrap), _empty(_BOOTSTRAP))
    static = whole.static_resources
    for listener in gateway.listeners.values():
        static.listeners.append(_with_content(listener, gateway))
    for cluster in gateway.clusters.values():
        static.clusters.append(_with_content(cluster, gateway))
    for secret in gateway.secrets.values():
        static.secrets.append(_message(secret))
    return bytes(whole.SerializeToString(deterministic=True))


def _empty(type_url: str) -> Message:
    found = class_of(type_url)
    if found is None:
        raise LookupError(f"xds-protos has no {type_url}")
    return found()


def _message(resource: Resource) -> Any:
    message = _empty(resource.type_url)
    message.MergeFromString(resource.body)
    return message


def _with_content(resource: Resource, gateway: GatewayTranslation) -> Any:
    message = _message(resource)
    _BY_NAME.edit(message, lambda found: _put_content(found, gateway))
    return message


def _put_content(found: Any, gateway: GatewayTranslation) -> None:
    _CONTENT[found.DESCRIPTOR.full_name](found, gateway)


def _forget_source(config: Any, _gateway: GatewayTranslation) -> None:
    config.ClearField("sds_config")


def _put_endpoints(cluster: Any, gateway: GatewayTranslation) -> None:
    endpoints = gateway.endpoints.get(cluster.eds_cluster_config.service_name or cluster.name)
    if endpoints is not None:
        cluster.ClearField("eds_cluster_config")
        cluster.type = cluster.STATIC
        cluster.load_assignment.CopyFrom(_message(endpoints))


def _put_configuration(http_filter: Any, gateway: GatewayTranslation) -> None:
    is_fetched = http_filter.HasField("config_discovery")
    configured = gateway.extension_configs.get(http_filter.name) if is_fetched else None
    if configured is not None:
        http_filter.typed_config.CopyFrom(_message(configured).typed_config)


def _put_routes(manager: Any, gateway: GatewayTranslation) -> None:
    name = manager.rds.route_config_name if manager.HasField("rds") else ""
    configuration = gateway.route_configurations.get(name)
    if configuration is not None:
        manager.route_config.CopyFrom(_message(configuration.resource()))
        # As of one that is fetched: the cluster of refused backends exists nowhere, on purpose.
        manager.route_config.validate_clusters.value = False


_CONTENT: Mapping[str, Callable[[Any, GatewayTranslation], None]] = {
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager": _put_routes,
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter": _put_configuration,
    "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig": _forget_source,
    "envoy.config.cluster.v3.Cluster": _put_endpoints,
}
"""Type of a message that says what is to be fetched → what puts that in its place."""

_BY_NAME = Walk(*_CONTENT)


def _type_urls(value: object) -> set[str]:
    """Return the types of everything inside a bootstrap that says its type."""
    if isinstance(value, Mapping):
        own = {str(value["@type"])} if "@type" in value else set()
        return own.union(*map(_type_urls, value.values()))
    return set().union(*map(_type_urls, value)) if isinstance(value, list) else set()
