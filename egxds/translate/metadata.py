"""Envoy Gateway's metadata: from which object a virtual host, a route, a cluster or a locality was made. Pure.

Extension servers of Envoy Gateway read it to find the Gateway API object behind an Envoy resource.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from envoy.config.core.v3.base_pb2 import Metadata

from egxds.model.api.core import ExtensionBody
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.resolve.resolved import ResolvedBackend, ResolvedRoute, ResolvedRule
from egxds.object_key import ObjectKey
from egxds.resources.resource import ExtensionResource, ExtensionResources

FILTER_NAMESPACE = "envoy-gateway"
_ANNOTATION_PREFIX = "gateway.envoyproxy.io/"
_REMEMBERED_ORIGINS = 256


@dataclass(frozen=True, slots=True)
class Origin:
    """An object, or a part of it, that something was made from.

    Attributes:
        kind: such as `HTTPRoute`.
        namespace: its namespace.
        name: its name.
        section: the part, such as a listener's or a rule's name; empty for the whole object.
        annotations: those meant for Envoy Gateway, without their prefix, each with its value; sorted.
    """

    kind: str
    namespace: str
    name: str
    section: str = ""
    annotations: tuple[tuple[str, str], ...] = ()


def origin_of(item: ApiObject[ApiModel], section: str = "") -> Origin:
    """Say where something that is made from an object, or from a section of it, comes from."""
    annotations = (
        (key.removeprefix(_ANNOTATION_PREFIX), value)
        for key, value in item.meta.annotations.items()
        if key.startswith(_ANNOTATION_PREFIX)
    )
    return Origin(item.key.kind, item.key.namespace, item.key.name, section, tuple(sorted(annotations)))


def gateway_of(gateway: ObjectKey, listener: str) -> ObjectKey:
    """Return whose a listener is: of the Gateway, or of one of all those that it stands for.

    Args:
        gateway: the Gateway that is translated.
        listener: its name there; `names.merged_listener_name` where it is another one's.
    """
    if not listener.startswith("/"):
        return gateway
    namespace, name = listener.split("/")[1:3]
    return gateway._replace(namespace=namespace, name=name)


@lru_cache(maxsize=_REMEMBERED_ORIGINS)
def origin_metadata(origin: Origin) -> Metadata:
    """Write an origin as Envoy metadata, in the form Envoy Gateway gives it; not to be changed, as it is shared.

    The virtual hosts of a listener have one origin, and so have the routes and the clusters of a rule.
    """
    metadata = Metadata()
    add_origins(metadata, (origin,))
    return metadata


def add_origins(metadata: Metadata, origins: Iterable[Origin]) -> None:
    """Write where something comes from that is made from several objects, or that no one else is made from."""
    # Written in place: to make the parts first, and copy them into each other, takes three times as long.
    resources = metadata.filter_metadata[FILTER_NAMESPACE].fields["resources"].list_value.values
    for origin in origins:
        entry = resources.add().struct_value.fields
        entry["kind"].string_value = origin.kind
        entry["name"].string_value = origin.name
        entry["namespace"].string_value = origin.namespace
        if origin.section:
            entry["sectionName"].string_value = origin.section
        for key, value in origin.annotations:
            entry["annotations"].struct_value.fields[key].string_value = value


def extension_resources(objects: Iterable[ApiObject[ExtensionBody]]) -> ExtensionResources:
    """Write objects for a hook, each once, in order."""
    each_once = {item.key: item for item in objects}
    return tuple(ExtensionResource(key.group, key.kind, item.content.document) for key, item in each_once.items())


def belonging(route: ResolvedRoute, rule: ResolvedRule) -> bytes:
    """Return the SHA-256 of all that the objects say that a rule is made from, those aside that hooks are shown."""
    item = route.route
    said = (item.meta.labels, item.meta.annotations, item.content.rules[rule.index], rule.behind)
    return hashlib.sha256(repr(said).encode()).digest()


def spoken_to_for(of_rule: bytes, said: tuple[object, ...]) -> bytes:
    """Return the SHA-256 of what a rule is made from, and of what objects say that have a cluster of it spoken to."""
    return hashlib.sha256(of_rule + repr(said).encode()).digest()


def named_objects(rule: ResolvedRule, backends: Iterable[ResolvedBackend]) -> tuple[ApiObject[ExtensionBody], ...]:
    """Return the objects that a rule names as filters, then those that it names as some of its backends."""
    custom = (backend.custom for backend in backends)
    return (*rule.extensions, *(item for item in custom if item is not None))
