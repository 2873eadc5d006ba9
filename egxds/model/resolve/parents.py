"""What routes, and ListenerSets, name as their parents. Pure; a row for each kind that routes attach to."""

from __future__ import annotations

from collections.abc import Mapping

from egxds.model.api.gateway import GATEWAY
from egxds.model.api.listener_set import LISTENER_SET, ListenerSetSpec
from egxds.model.api.object import ApiModel, ApiObject, Kind
from egxds.model.api.references import ParentReference
from egxds.object_key import GroupKind, ObjectKey

PARENT_KINDS: Mapping[GroupKind, Kind[ApiModel]] = {GATEWAY.id: GATEWAY, LISTENER_SET.id: LISTENER_SET}
"""Kinds whose objects have the listeners that routes attach to."""


def parent_of_route(route: ObjectKey, ref: ParentReference) -> ObjectKey | None:
    """Return the key of the object that a route attaches to, None where its parent is of another kind."""
    if (ref.group, ref.kind) not in PARENT_KINDS:
        return None
    return ObjectKey(ref.group, ref.kind, ref.namespace or route.namespace, ref.name)


def gateway_of(listener_set: ApiObject[ListenerSetSpec]) -> ObjectKey | None:
    """Return the key of the Gateway that a ListenerSet is for, None where its parent is of another kind."""
    ref = listener_set.content.parent_ref
    if (ref.group, ref.kind) != GATEWAY.id:
        return None
    return GATEWAY.key(ref.namespace or listener_set.key.namespace, ref.name)
