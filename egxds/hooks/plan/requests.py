"""Makes the calls: a resource in, the encoded request of its hook out. Pure.

Requests are joined of fields that are encoded already, and no message is made of them: there is one for every virtual
host whenever anything changes, and a context takes betterproto2 18 µs where joining takes 3. It makes requests
comparable, too: the same resource comes to the same bytes, by which an answer is known again. What is joined is what
`protos/extension.proto` says, whose field numbers stand below.

An extension is shown the objects of its own kinds: filters and backends of the kinds in `resources` and
`backendResources` together, policies of those in `policyResources`. As Envoy Gateway does it, kinds are told apart by
group and kind, and an extension that lists none of a sort is shown the objects of all.

Requests do not carry all that their resource was made from: the custom backends of endpoints, labels of the route, the
Service behind it, grants, the Gateway. Envoy Gateway asks at every translation, so that an extension which has these
objects from elsewhere learns of a change by being asked. Here it is asked when one of them says something else: it
stands beside the request (`HookCall.belongs_to`), whose bytes would not tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, repeat
from operator import attrgetter
from typing import Any

from egxds import names
from egxds.hooks.calls import HookCall, Unit
from egxds.hooks.policy.draft import Draft
from egxds.resources.encoding import field_bytes, field_prefix
from egxds.resources.resource import ExtensionResource, ExtensionResources, Resource
from egxds.resources.route_configuration import Route, RouteConfiguration, VirtualHost
from egxds.resources.translation import HookContext
from egxds.settings.extensions import ExtensionManager, GroupVersionKind, Hook

_RESOURCE, _CONTEXT = 1, 2
_TRANSLATION_CONTEXT, _CLUSTERS, _SECRETS, _LISTENERS, _ROUTES = range(1, 6)
_OBJECTS, _HOSTNAMES, _ROUTE_POLICIES = 1, 2, 3
"""Fields of contexts: each has the extension's objects, or policies, as its field 1; only that of a route has more.

Fields of our own follow, which are encoded already (`egxds.translate.hook_places`)."""

_DOCUMENT = 1
_Encoded = Callable[[Any], bytes]
_body: _Encoded = attrgetter("body")
_joined: _Encoded = RouteConfiguration.encode
_resources_of: Callable[[Route], ExtensionResources] = attrgetter("extension_resources")
_policies_of: Callable[[Route], ExtensionResources] = attrgetter("extension_policies")
_belongs_to_of: Callable[[Route], bytes] = attrgetter("belongs_to")
_document_of: _Encoded = attrgetter("document")
_NO_CONTEXT = field_bytes(_CONTEXT, b"")
"""Of the hooks whose context has no fields: an absent one could be taken for a context that was left out."""


def route_call(
    manager: ExtensionManager, unit: Unit, route: Route, gateway: HookContext, place: bytes
) -> HookCall | None:
    """Ask about one route; nothing where no object that concerns it is of the manager's kinds.

    Args:
        manager: who is asked.
        unit: the RouteConfiguration and the virtual host that it is in.
        route: the route.
        gateway: what there is to know of its Gateway.
        place: what the context of the call says of where it is.
    """
    resources = _resources(manager, route.extension_resources)
    policies = _policies(manager, route.extension_policies)
    if not resources and not policies:
        return None
    hostnames = b"".join(field_bytes(_HOSTNAMES, hostname.encode()) for hostname in route.hostnames)
    context = _objects(_OBJECTS, resources) + hostnames + _objects(_ROUTE_POLICIES, policies) + place
    request = field_bytes(_RESOURCE, route.body) + field_bytes(_CONTEXT, context)
    belongs_to = gateway.owner + route.belongs_to
    return HookCall(manager.name, Hook.ROUTE, route.name, request, unit=unit, belongs_to=belongs_to)


def endpoints_call(manager: ExtensionManager, endpoints: Resource, context: HookContext) -> HookCall:
    """Ask about the endpoints of one cluster.

    Args:
        manager: who is asked.
        endpoints: the endpoints.
        context: of their Gateway.
    """
    request = field_bytes(_RESOURCE, endpoints.body) + _NO_CONTEXT
    unit = (names.ENDPOINT, endpoints.name)
    named = _resources(manager, context.clusters.get(endpoints.name, ()))
    belongs_to = _rest(context, endpoints.name) + _digest(named)
    return HookCall(manager.name, Hook.ENDPOINTS, endpoints.name, request, unit=unit, belongs_to=belongs_to)


def cluster_call(manager: ExtensionManager, cluster: Resource, context: HookContext) -> HookCall | None:
    """Ask about one cluster; nothing where no object that concerns it is of the manager's kinds.

    Args:
        manager: who is asked.
        cluster: the cluster.
        context: of its Gateway.
    """
    resources = _resources(manager, context.clusters.get(cluster.name, ()))
    if not resources:
        return None
    request = field_bytes(_RESOURCE, cluster.body) + field_bytes(_CONTEXT, _objects(_OBJECTS, resources))
    unit, belongs_to = (names.CLUSTER, cluster.name), _rest(context, cluster.name)
    return HookCall(manager.name, Hook.CLUSTER, cluster.name, request, unit=unit, belongs_to=belongs_to)


def virtual_host_call(
    manager: ExtensionManager, configuration: str, host: VirtualHost, context: HookContext
) -> HookCall:
    """Ask about one virtual host.

    Args:
        manager: who is asked.
        configuration: name of its RouteConfiguration.
        host: the virtual host.
        context: what there is to know of its Gateway.
    """
    request = field_bytes(_RESOURCE, host.body) + field_bytes(_CONTEXT, place_of(context, host))
    resources = tuple(chain.from_iterable(map(_resources_of, host.routes)))
    policies = tuple(chain.from_iterable(map(_policies_of, host.routes)))
    rest = hashlib.sha256(b"".join((context.owner, *map(_belongs_to_of, host.routes)))).digest()
    belongs_to = rest + _digest((*_resources(manager, resources), *_policies(manager, policies)))
    unit = (configuration, host.name)
    return HookCall(manager.name, Hook.VIRTUAL_HOST, host.name, request, unit=unit, belongs_to=belongs_to)


def listener_call(manager: ExtensionManager, listener: Resource, context: HookContext) -> HookCall:
    """Ask about one listener.

    Args:
        manager: who is asked.
        listener: the listener.
        context: of its Gateway.
    """
    policies = _policies(manager, context.listeners.get(listener.name, ()))
    told = _objects(_OBJECTS, policies) + context.ports.get(listener.name, b"")
    request = field_bytes(_RESOURCE, listener.body) + field_bytes(_CONTEXT, told)
    unit = (names.LISTENER, listener.name)
    return HookCall(manager.name, Hook.HTTP_LISTENER, listener.name, request, unit=unit, belongs_to=context.owner)


def translation_call(manager: ExtensionManager, draft: Draft) -> HookCall:
    """Ask about all resources, of the types that the manager wants."""
    wanted = manager.hooks.xds_translator.translation
    groups: tuple[tuple[str, int, bool, Mapping[str, Any], _Encoded], ...] = (
        (names.CLUSTER, _CLUSTERS, wanted.cluster.include_all, draft.clusters, _body),
        (names.SECRET, _SECRETS, wanted.secret.include_all, draft.secrets, _body),
        (names.LISTENER, _LISTENERS, wanted.listener.include_all, draft.listeners, _body),
        (names.ROUTE_CONFIGURATION, _ROUTES, wanted.route.include_all, draft.route_configurations, _joined),
    )
    included = tuple(group for group in groups if group[2])
    policies = _policies(manager, draft.translation.context.gateway)
    context = field_bytes(_TRANSLATION_CONTEXT, _objects(_OBJECTS, policies) + draft.translation.context.whole)
    fields = (_fields(number, items, encoded) for _, number, _, items, encoded in included)
    request = b"".join((context, *chain.from_iterable(fields)))
    types = tuple(type_url for type_url, *_ in included)
    return HookCall(
        manager.name,
        Hook.TRANSLATION,
        draft.translation.gateway,
        request,
        included=types,
        may_remove_all=manager.allow_empty,
        belongs_to=_owners(draft.translation.context),
    )


def place_of(context: HookContext, host: VirtualHost) -> bytes:
    """Return what the contexts of a virtual host and of its routes say of where it is, after which it is named."""
    return context.places.get(host.name.rpartition("/")[0], b"")


def _rest(context: HookContext, cluster: str) -> bytes:
    """Return what tells what the rule of a cluster is made from, and its Gateway, from what they were."""
    return context.owner + context.belongs_to.get(cluster, b"")


def _owners(context: HookContext) -> bytes:
    """Return what tells a Gateway and all that its rules are made from from what they were; the interpreter does it."""
    named = chain.from_iterable(map(context.clusters.__getitem__, sorted(context.clusters)))
    rest = map(context.belongs_to.__getitem__, sorted(context.belongs_to))
    return context.owner + hashlib.sha256(b"".join((*map(_document_of, named), *rest))).digest()


def _digest(objects: ExtensionResources) -> bytes:
    """Return what tells some objects from what they were; nothing where there are none, as nearly everywhere."""
    return hashlib.sha256(_objects(_OBJECTS, objects)).digest() if objects else b""


def _fields(number: int, items: Mapping[str, Any], encoded: _Encoded) -> Iterator[bytes]:
    """Return the fields of all resources of a type, by name: for each what stands before it, and its body.

    The interpreter does it without a step of ours for each: there are thousands, of which one is another than before.
    """
    bodies = list(map(encoded, map(items.__getitem__, sorted(items))))
    return chain.from_iterable(zip(map(field_prefix, repeat(number), map(len, bodies)), bodies, strict=True))


def _objects(number: int, objects: Iterable[ExtensionResource]) -> bytes:
    """Encode a field of ExtensionResource messages."""
    return b"".join(field_bytes(number, field_bytes(_DOCUMENT, item.document)) for item in objects)


def _resources(manager: ExtensionManager, items: ExtensionResources) -> ExtensionResources:
    return _of_kinds(items, (*manager.resources, *manager.backend_resources)) if items else ()


def _policies(manager: ExtensionManager, items: ExtensionResources) -> ExtensionResources:
    return _of_kinds(items, manager.policy_resources) if items else ()


def _of_kinds(items: ExtensionResources, listed: Iterable[GroupVersionKind]) -> ExtensionResources:
    kinds = {(kind.group, kind.kind) for kind in listed}
    return tuple(item for item in items if not kinds or (item.group, item.kind) in kinds)
