"""Makes the calls: a resource in, the encoded request of its hook out. Pure.

Fields are joined and not encoded anew: a request is made for every virtual host whenever anything changes.
"""

from __future__ import annotations

from egxds import names
from egxds.generated.extension_pb2 import (
    ExtensionResource,
    PostHTTPListenerExtensionContext,
    PostRouteExtensionContext,
    PostTranslateExtensionContext,
    PostVirtualHostExtensionContext,
)
from egxds.hooks.calls import HookCall
from egxds.hooks.draft import Draft
from egxds.settings import ExtensionManager, Hook
from egxds.translate.framing import field_bytes
from egxds.translate.resource import Resource, Route, VirtualHost

_RESOURCE = 1
_CONTEXT = 2
_TRANSLATION_CONTEXT = 1
_VIRTUAL_HOST_CONTEXT = field_bytes(_CONTEXT, PostVirtualHostExtensionContext().SerializeToString())
_LISTENER_CONTEXT = field_bytes(_CONTEXT, PostHTTPListenerExtensionContext().SerializeToString())


def route_call(manager: ExtensionManager, route: Route) -> HookCall | None:
    """Ask about one route; nothing where none of its extension resources is of the manager's kinds.

    Envoy Gateway tells kinds apart by group and kind and gives a manager without kinds every resource.
    """
    kinds = {(kind.group, kind.kind) for kind in manager.resources}
    mine = [item for item in route.extension_resources if not kinds or (item.group, item.kind) in kinds]
    if not mine:
        return None
    context = PostRouteExtensionContext(
        extension_resources=[ExtensionResource(unstructured_bytes=item.document) for item in mine],
        hostnames=list(route.hostnames),
    )
    request = field_bytes(_RESOURCE, route.body) + field_bytes(_CONTEXT, context.SerializeToString())
    return HookCall(manager.name, Hook.ROUTE, route.name, request)


def virtual_host_call(manager: ExtensionManager, host: VirtualHost) -> HookCall:
    """Ask about one virtual host."""
    request = field_bytes(_RESOURCE, host.encode()) + _VIRTUAL_HOST_CONTEXT
    return HookCall(manager.name, Hook.VIRTUAL_HOST, host.name, request)


def listener_call(manager: ExtensionManager, listener: Resource) -> HookCall:
    """Ask about one listener."""
    request = field_bytes(_RESOURCE, listener.body) + _LISTENER_CONTEXT
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
    request = field_bytes(_TRANSLATION_CONTEXT, PostTranslateExtensionContext().SerializeToString())
    request += b"".join(field_bytes(number, body) for _, number, _, bodies in included for body in bodies)
    types = tuple(type_url for type_url, *_ in included)
    return HookCall(manager.name, Hook.TRANSLATION, draft.translation.gateway, request, types)
