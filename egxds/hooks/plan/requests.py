"""Makes the calls: a resource in, the encoded request of its hook out. Pure.

Fields are joined and not encoded anew: a request is made for every virtual host whenever anything changes. It makes
requests comparable, too: the same resource comes to the same bytes, by which an answer is known again.

An extension is shown the objects of its own kinds: filters and backends of the kinds in `resources` and
`backendResources` together, policies of those in `policyResources`. As Envoy Gateway does it, kinds are told apart by
group and kind, and an extension that lists none of a sort is shown the objects of all.
"""

from __future__ import annotations

from collections.abc import Iterable

from egxds import names
from egxds.generated.extension_pb2 import (
    ExtensionResource,
    PostClusterExtensionContext,
    PostEndpointsExtensionContext,
    PostHTTPListenerExtensionContext,
    PostRouteExtensionContext,
    PostTranslateExtensionContext,
    PostVirtualHostExtensionContext,
)
from egxds.hooks.calls import HookCall
from egxds.hooks.policy.draft import Draft
from egxds.resources.encoding import field_bytes
from egxds.resources.resource import ExtensionResources, Resource, Route, VirtualHost
from egxds.settings.extensions import ExtensionManager, GroupVersionKind, Hook

_RESOURCE = 1
_CONTEXT = 2
_TRANSLATION_CONTEXT = 1
_VIRTUAL_HOST_CONTEXT = field_bytes(_CONTEXT, PostVirtualHostExtensionContext().SerializeToString())
_ENDPOINTS_CONTEXT = field_bytes(_CONTEXT, PostEndpointsExtensionContext().SerializeToString())


def route_call(manager: ExtensionManager, route: Route) -> HookCall | None:
    """Ask about one route; nothing where no object that concerns it is of the manager's kinds."""
    resources = _resources(manager, route.extension_resources)
    policies = _policies(manager, route.extension_policies)
    if not resources and not policies:
        return None
    context = PostRouteExtensionContext(
        extension_resources=resources,
        hostnames=route.hostnames,
        extension_policies=policies,
    )
    request = field_bytes(_RESOURCE, route.body) + field_bytes(_CONTEXT, context.SerializeToString())
    return HookCall(manager.name, Hook.ROUTE, route.name, request)


def endpoints_call(manager: ExtensionManager, endpoints: Resource) -> HookCall:
    """Ask about the endpoints of one cluster."""
    request = field_bytes(_RESOURCE, endpoints.body) + _ENDPOINTS_CONTEXT
    return HookCall(manager.name, Hook.ENDPOINTS, endpoints.name, request)


def cluster_call(manager: ExtensionManager, cluster: Resource, named: ExtensionResources) -> HookCall | None:
    """Ask about one cluster; nothing where no object that concerns it is of the manager's kinds.

    Args:
        manager: who is asked.
        cluster: the cluster.
        named: the extensions' objects that the rule behind it names.
    """
    resources = _resources(manager, named)
    if not resources:
        return None
    context = PostClusterExtensionContext(backend_extension_resources=resources)
    request = field_bytes(_RESOURCE, cluster.body) + field_bytes(_CONTEXT, context.SerializeToString())
    return HookCall(manager.name, Hook.CLUSTER, cluster.name, request)


def virtual_host_call(manager: ExtensionManager, host: VirtualHost) -> HookCall:
    """Ask about one virtual host."""
    request = field_bytes(_RESOURCE, host.encode()) + _VIRTUAL_HOST_CONTEXT
    return HookCall(manager.name, Hook.VIRTUAL_HOST, host.name, request)


def listener_call(manager: ExtensionManager, listener: Resource, policies: ExtensionResources) -> HookCall:
    """Ask about one listener.

    Args:
        manager: who is asked.
        listener: the listener.
        policies: those of extensions on any of the Gateway's listeners there.
    """
    context = PostHTTPListenerExtensionContext(extension_resources=_policies(manager, policies))
    request = field_bytes(_RESOURCE, listener.body) + field_bytes(_CONTEXT, context.SerializeToString())
    return HookCall(manager.name, Hook.HTTP_LISTENER, listener.name, request)


def translation_call(manager: ExtensionManager, draft: Draft) -> HookCall:
    """Ask about all resources, of the types that the manager wants."""
    wanted = manager.hooks.xds_translator.translation
    groups = (
        (names.CLUSTER, 2, wanted.cluster, (item.body for item in draft.clusters.values())),
        (names.SECRET, 3, wanted.secret, (item.body for item in draft.secrets.values())),
        (names.LISTENER, 4, wanted.listener, (item.body for item in draft.listeners.values())),
        (
            names.ROUTE_CONFIGURATION,
            5,
            wanted.route,
            (item.encode() for item in draft.route_configurations.values()),
        ),
    )
    included = tuple(group for group in groups if group[2].include_all)
    policies = _policies(manager, draft.translation.context.gateway)
    context = PostTranslateExtensionContext(extension_resources=policies)
    request = field_bytes(_TRANSLATION_CONTEXT, context.SerializeToString())
    request += b"".join(field_bytes(number, body) for _, number, _, bodies in included for body in bodies)
    types = tuple(type_url for type_url, *_ in included)
    return HookCall(
        manager.name, Hook.TRANSLATION, draft.translation.gateway, request, types, may_remove_all=manager.allow_empty
    )


def _resources(manager: ExtensionManager, items: ExtensionResources) -> list[ExtensionResource]:
    return _of_kinds(items, (*manager.resources, *manager.backend_resources)) if items else []


def _policies(manager: ExtensionManager, items: ExtensionResources) -> list[ExtensionResource]:
    return _of_kinds(items, manager.policy_resources) if items else []


def _of_kinds(items: ExtensionResources, listed: Iterable[GroupVersionKind]) -> list[ExtensionResource]:
    kinds = {(kind.group, kind.kind) for kind in listed}
    mine = (item for item in items if not kinds or (item.group, item.kind) in kinds)
    return [ExtensionResource(unstructured_bytes=item.document) for item in mine]
