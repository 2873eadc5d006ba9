"""The contexts of hooks, from the messages of their calls. Pure.

What egxds tells stands in fields of its own. Where they are missing, as in the calls of Envoy Gateway, what the
resource itself says takes their place (`egxds.extension.origins`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost

from egxds.extension import contexts, origins
from egxds.generated.envoygateway import extension


def route_context(route: Route, given: extension.PostRouteExtensionContext | None) -> contexts.RouteContext:
    """Say what a route came from."""
    context = given or extension.PostRouteExtensionContext()
    named = origins.named_rule(route.name, route.metadata)
    return contexts.RouteContext(
        hostnames=tuple(context.hostnames),
        rule=named.rule,
        match=named.match,
        gateway=_gateway(context.gateway),
        listener=next(iter(_listeners(context.listener)), None),
        resources=_objects(context.extension_resources),
        policies=_objects(context.extension_policies),
    )


def endpoints_context(
    endpoints: ClusterLoadAssignment,
    _given: extension.PostEndpointsExtensionContext | None,
) -> contexts.EndpointsContext:
    """Say what endpoints came from."""
    named = origins.named_rule(endpoints.cluster_name)
    return contexts.EndpointsContext(named.rule, named.backend)


def cluster_context(cluster: Cluster, given: extension.PostClusterExtensionContext | None) -> contexts.ClusterContext:
    """Say what a cluster came from."""
    context = given or extension.PostClusterExtensionContext()
    named = origins.named_rule(cluster.name, cluster.metadata)
    return contexts.ClusterContext(named.rule, named.backend, _objects(context.backend_extension_resources))


def virtual_host_context(
    host: VirtualHost,
    given: extension.PostVirtualHostExtensionContext | None,
) -> contexts.VirtualHostContext:
    """Say what a virtual host came from."""
    context = given or extension.PostVirtualHostExtensionContext()
    derived = origins.place_of_host(host)
    return contexts.VirtualHostContext(
        hostnames=tuple(host.domains),
        gateway=_gateway(context.gateway) or derived.gateway,
        listener=next(iter(_listeners(context.listener)), derived.listener),
    )


def listener_context(
    listener: Listener, given: extension.PostHttpListenerExtensionContext | None
) -> contexts.ListenerContext:
    """Say what a listener came from."""
    context = given or extension.PostHttpListenerExtensionContext()
    derived = origins.places_of_listener(listener)
    found = tuple(place.listener for place in derived if place.listener is not None)
    return contexts.ListenerContext(
        gateway=_gateway(context.gateway) or next((place.gateway for place in derived), None),
        listeners=_listeners(*context.listeners) or found,
        resources=_objects(context.extension_resources),
    )


def translation_context(given: extension.PostTranslateExtensionContext | None) -> contexts.TranslationContext:
    """Say what a Gateway came from."""
    context = given or extension.PostTranslateExtensionContext()
    return contexts.TranslationContext(
        gateway=_gateway(context.gateway),
        listeners=_listeners(*context.listeners),
        resources=_objects(context.extension_resources),
    )


def _gateway(told: extension.GatewayOfContext | None) -> origins.Gateway | None:
    if told is None:
        return None
    return origins.Gateway(told.namespace, told.name, _notes(told.labels), _notes(told.annotations))


def _notes(noted: Iterable[extension.NoteOfContext]) -> dict[str, str]:
    return {each.name: each.value for each in noted}


def _listeners(*told: extension.ListenerOfContext | None) -> tuple[origins.GatewayListener, ...]:
    return tuple(
        origins.GatewayListener(each.name, each.port, each.protocol, each.hostname) for each in told if each is not None
    )


def _objects(resources: Iterable[extension.ExtensionResource]) -> tuple[contexts.ExtensionObject, ...]:
    return tuple(json.loads(resource.unstructured_bytes) for resource in resources)
