"""Reads what translation wrote, as Envoy would."""

from __future__ import annotations

import json
from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.jwt_authn.v3 import config_pb2 as _jwt
from envoy.extensions.filters.http.router.v3 import router_pb2 as _router
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as _hcm
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from google.protobuf.json_format import MessageToJson

from egxds import names
from egxds.incremental.revision import Revision
from egxds.model.resolve.resolved import Resolution, ResolvedGateway
from egxds.model.resolve.upstreams import EndpointTable
from egxds.model.store.problems import Refusal
from egxds.object_key import ObjectKey
from egxds.problems import Problem
from egxds.resources.resource import Resource, Resources
from egxds.resources.translation import GatewayTranslation
from egxds.settings.client_traffic import AS_BY_DEFAULT, ClientTrafficSettings
from egxds.translate.translator import Translator
from tests.revisions import named
from tests.unit.translate import builders

CLASSES: dict[str, Any] = {
    names.LISTENER: Listener,
    names.ROUTE_CONFIGURATION: RouteConfiguration,
    names.CLUSTER: Cluster,
    names.ENDPOINT: ClusterLoadAssignment,
    names.SECRET: Secret,
    names.EXTENSION_CONFIG: TypedExtensionConfig,
}
PAYLOADS = (_router, _hcm, _jwt)
"""Modules that must be loaded for the payloads inside to be printed."""


def translate(gateway: ResolvedGateway, traffic: ClientTrafficSettings = AS_BY_DEFAULT) -> GatewayTranslation:
    """Translate a Gateway that has not been seen before."""
    return go_on(Translator(traffic), gateway)


def go_on(translator: Translator, gateway: ResolvedGateway) -> GatewayTranslation:
    """Have a translator go on with a Gateway, which is the only one."""
    return translator.update(resolution_of(gateway))[gateway.name]


class _SaysNothing:
    judged: Revision[ObjectKey, object] = Revision()

    def status(self, _key: ObjectKey) -> None:
        return None

    def refused_status(self, _refusal: Refusal) -> dict[str, object]:
        return {}

    def problems(self, key: ObjectKey | None = None) -> tuple[Problem, ...]:
        return ()

    def proxy_settings(self, _key: ObjectKey) -> None:
        return None


def resolution_of(*gateways: ResolvedGateway, endpoints: EndpointTable | None = None) -> Resolution:
    """Return Gateways as they come from the model, without anything for people.

    Args:
        gateways: all that there are.
        endpoints: None for those of every backend that was built.
    """
    by_key = Revision((gateway.gateway.key, gateway) for gateway in gateways)
    return Resolution(by_key, endpoints if endpoints is not None else builders.endpoint_table(), {}, _SaysNothing())


def resources(translation: GatewayTranslation) -> list[Resource]:
    """Return all resources of a translation, RouteConfigurations joined."""
    tables = named(table.resource() for table in translation.route_configurations.values())
    backends = (translation.clusters, translation.endpoints, translation.secrets)
    parts = (translation.listeners, tables, *backends, translation.extension_configs)
    return [part[name] for part in parts for name in sorted(part)]


def contents(translation: GatewayTranslation) -> tuple[object, ...]:
    """Return all that a translation says, to be compared with another one."""
    context = translation.context
    return resources(translation), dict(context.clusters), dict(context.listeners), context.gateway


def message(resource: Resource) -> Any:
    """Parse a resource."""
    return CLASSES[resource.type_url].FromString(resource.body)


def as_dict(resource: Resource) -> dict[str, Any]:
    """Return a resource as Envoy JSON."""
    found: dict[str, Any] = json.loads(MessageToJson(message(resource), preserving_proto_field_name=True))
    return found


def by_name(found: Resources) -> dict[str, dict[str, Any]]:
    """Return resources as Envoy JSON, by name."""
    return {name: as_dict(found[name]) for name in sorted(found)}


def tables(translation: GatewayTranslation) -> dict[str, dict[str, Any]]:
    """Return the RouteConfigurations as Envoy JSON, by name."""
    return by_name(named(table.resource() for table in translation.route_configurations.values()))


def routes(translation: GatewayTranslation) -> dict[str, dict[str, Any]]:
    """Return every route as Envoy JSON, by name; metadata left out."""
    hosts = [host for table in tables(translation).values() for host in table.get("virtual_hosts", [])]
    found = {each["name"]: each for host in hosts for each in host.get("routes", [])}
    return {name: {key: value for key, value in each.items() if key != "metadata"} for name, each in found.items()}


def only_route(gateway: ResolvedGateway) -> dict[str, Any]:
    """Translate a Gateway that has a single route, and return that as Envoy JSON."""
    (found,) = routes(translate(gateway)).values()
    return found
