"""The objects that a call is about, for people: what was written, where a resource is only what came of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain

from egxds import names
from egxds.hooks.calls import THE_WHOLE, HookCall
from egxds.model.api.gateway import GATEWAY
from egxds.object_key import ObjectKey
from egxds.resources.resource import ExtensionResource
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import Hook


def objects_of(translation: GatewayTranslation, call: HookCall) -> tuple[ObjectKey, ...]:
    """Return the objects that a call is about, those of extensions included; sorted, each once.

    Args:
        translation: the Gateway before any hook.
        call: of one of its hooks.
    """
    if call.unit == THE_WHOLE:
        found: Iterable[ObjectKey] = chain([_gateway(translation)], _keys(translation.context.gateway))
    elif call.hook in (Hook.ROUTE, Hook.VIRTUAL_HOST):
        found = _of_host(translation, call)
    else:
        found = _of_resource(translation, call)
    keys = set(found)
    # Everything is of the Gateway: that says nothing where something else is named.
    return tuple(sorted(keys - {_gateway(translation)} or keys))


def _gateway(translation: GatewayTranslation) -> ObjectKey:
    return GATEWAY.key(*translation.gateway.split("/", 1))


def _of_host(translation: GatewayTranslation, call: HookCall) -> Iterator[ObjectKey]:
    configuration = translation.route_configurations.get(call.unit[0])
    host = configuration.virtual_hosts.by_name.get(call.unit[1]) if configuration else None
    if host is None:
        return
    if call.hook is Hook.VIRTUAL_HOST:
        yield from host.all_sources()
    for route in host.routes:
        if call.hook is Hook.ROUTE and route.name == call.subject:
            yield from route.sources
            yield from _keys((*route.extension_resources, *route.extension_policies))


def _of_resource(translation: GatewayTranslation, call: HookCall) -> Iterator[ObjectKey]:
    type_url, name = call.unit
    groups = {
        names.LISTENER: translation.listeners,
        names.CLUSTER: translation.clusters,
        names.ENDPOINT: translation.endpoints,
    }
    resource = groups[type_url].get(name)
    yield from resource.sources if resource is not None else (_gateway(translation),)
    context = translation.context
    yield from _keys(context.listeners.get(name, ()) if type_url == names.LISTENER else context.clusters.get(name, ()))


def _keys(objects: Iterable[ExtensionResource]) -> Iterator[ObjectKey]:
    for each in objects:
        metadata = json.loads(each.document)["metadata"]
        yield ObjectKey(each.group, each.kind, metadata.get("namespace", ""), metadata["name"])
