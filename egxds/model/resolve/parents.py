"""What routes, and ListenerSets, name as their parents. Pure; a row for each kind that has listeners.

A parent of any other kind takes no route, and by the standard has no status. It is a warning, since nobody else reads
these files; a Service may be one all the same, in files that are for a mesh too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egxds import names
from egxds.model.api.backends import SERVICE
from egxds.model.api.gateway import GATEWAY
from egxds.model.api.listener_set import LISTENER_SET, ListenerSetSpec
from egxds.model.api.object import GATEWAY_GROUP, ApiModel, ApiObject, Kind
from egxds.model.api.references import ParentReference
from egxds.model.api.replaced_kinds import replacement
from egxds.model.resolve.faults import Fault, Reason
from egxds.object_key import GroupKind, ObjectKey


@dataclass(frozen=True, slots=True)
class ListenerOwnerKind:
    """One kind whose objects have the listeners that routes attach to.

    Attributes:
        kind: its row in the table of kinds.
        gateway_of: an object of it → the Gateway that its listeners are for; None where it names something else.
        listener_name: its namespace, its name, and that of a listener in it → name among all listeners of the Gateway.
        is_part: whether its objects have a part in a Gateway, and are none.
    """

    kind: Kind[ApiModel]
    gateway_of: Callable[[ApiObject[Any]], ObjectKey | None]
    listener_name: Callable[[str, str, str], str]
    is_part: bool = False


def _gateway_of_set(listener_set: ApiObject[ListenerSetSpec]) -> ObjectKey | None:
    ref = listener_set.content.parent_ref
    if (ref.group, ref.kind) != GATEWAY.id:
        return None
    return GATEWAY.key(ref.namespace or listener_set.key.namespace, ref.name)


LISTENER_OWNERS: Mapping[GroupKind, ListenerOwnerKind] = {
    row.kind.id: row
    for row in (
        ListenerOwnerKind(GATEWAY, lambda gateway: gateway.key, lambda _namespace, _gateway, listener: listener),
        ListenerOwnerKind(LISTENER_SET, _gateway_of_set, names.set_listener_name, is_part=True),
    )
}
"""Group and kind → row."""

PART_KINDS = frozenset(kind for kind, row in LISTENER_OWNERS.items() if row.is_part)
"""Those whose objects have a part in a Gateway."""

_SERVED = f"a route's parent is a {' or '.join(row.kind.kind for row in LISTENER_OWNERS.values())} of {GATEWAY_GROUP}"


def parent_of_route(route: ObjectKey, ref: ParentReference) -> ObjectKey | None:
    """Return the key of the object that a route attaches to, None where its parent is of another kind."""
    if (ref.group, ref.kind) not in LISTENER_OWNERS:
        return None
    return ObjectKey(ref.group, ref.kind, ref.namespace or route.namespace, ref.name)


def strange_parents(refs: Iterable[ParentReference]) -> Iterator[Fault]:
    """Say which parents of a route are of kinds that take no routes."""
    for position, ref in enumerate(refs):
        kind = (ref.group, ref.kind)
        if kind not in LISTENER_OWNERS and kind != SERVICE.id:
            instead = replacement(kind) or _SERVED
            message = f"parentRefs[{position}]: no {ref.kind} of group {ref.group or 'core'} takes routes; {instead}"
            yield Fault(Reason.NO_MATCHING_PARENT, message, ("spec", "parentRefs", position, "kind"))


def gateway_of(owner: ApiObject[Any]) -> ObjectKey | None:
    """Return the key of the Gateway that the listeners of an object are for, None where it names something else."""
    return LISTENER_OWNERS[owner.key.group_kind].gateway_of(owner)
