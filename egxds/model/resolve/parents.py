"""What routes, and ListenerSets, name as their parents. Pure; a row for each kind that routes attach to.

A parent of any other kind takes no route, and by the standard has no status. It is a warning, since nobody else reads
these files; a Service may be one all the same, in files that are for a mesh too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from egxds.model.api.backends import SERVICE
from egxds.model.api.gateway import GATEWAY
from egxds.model.api.listener_set import LISTENER_SET, ListenerSetSpec
from egxds.model.api.object import GATEWAY_GROUP, ApiModel, ApiObject, Kind
from egxds.model.api.references import ParentReference
from egxds.model.api.replaced_kinds import replacement
from egxds.model.resolve.faults import Fault, Reason
from egxds.object_key import GroupKind, ObjectKey

PARENT_KINDS: Mapping[GroupKind, Kind[ApiModel]] = {GATEWAY.id: GATEWAY, LISTENER_SET.id: LISTENER_SET}
"""Kinds whose objects have the listeners that routes attach to."""

_SERVED = f"a route's parent is a {' or '.join(kind.kind for kind in PARENT_KINDS.values())} of {GATEWAY_GROUP}"


def parent_of_route(route: ObjectKey, ref: ParentReference) -> ObjectKey | None:
    """Return the key of the object that a route attaches to, None where its parent is of another kind."""
    if (ref.group, ref.kind) not in PARENT_KINDS:
        return None
    return ObjectKey(ref.group, ref.kind, ref.namespace or route.namespace, ref.name)


def strange_parents(refs: Iterable[ParentReference]) -> Iterator[Fault]:
    """Say which parents of a route are of kinds that take no routes."""
    for position, ref in enumerate(refs):
        kind = (ref.group, ref.kind)
        if kind not in PARENT_KINDS and kind != SERVICE.id:
            instead = replacement(kind) or _SERVED
            message = f"parentRefs[{position}]: no {ref.kind} of group {ref.group or 'core'} takes routes; {instead}"
            yield Fault(Reason.NO_MATCHING_PARENT, message, ("spec", "parentRefs", position, "kind"))


def gateway_of(listener_set: ApiObject[ListenerSetSpec]) -> ObjectKey | None:
    """Return the key of the Gateway that a ListenerSet is for, None where its parent is of another kind."""
    ref = listener_set.content.parent_ref
    if (ref.group, ref.kind) != GATEWAY.id:
        return None
    return GATEWAY.key(ref.namespace or listener_set.key.namespace, ref.name)
