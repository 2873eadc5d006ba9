"""The listeners of a Gateway, each with the object that it stands in: the Gateway, or a ListenerSet for it. Pure.

Names of listeners are unique in one object alone. Among all of a Gateway the listener of a ListenerSet has the name
`<namespace>/<set>/<listener>` (`names.set_listener_name`), which no listener of the Gateway itself can have.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds.model.api.gateway import GatewaySpec, Listener
from egxds.model.api.listener_set import ListenerSetSpec
from egxds.model.api.object import ApiObject
from egxds.model.api.validation import Path
from egxds.model.resolve.parents import LISTENER_OWNERS

ListenerOwner = ApiObject[GatewaySpec | ListenerSetSpec]
"""What listeners stand in."""


@dataclass(frozen=True, slots=True)
class OwnedListener:
    """One listener, and where it stands.

    Attributes:
        name: among all listeners of the Gateway.
        owner: the object that it stands in.
        position: among the listeners of that.
    """

    name: str
    owner: ListenerOwner
    position: int

    @property
    def listener(self) -> Listener:
        """The listener."""
        return self.owner.content.listeners[self.position]

    @property
    def path(self) -> Path:
        """Where it stands in its object."""
        return "spec", "listeners", self.position


def listeners_of(owner: ListenerOwner) -> tuple[OwnedListener, ...]:
    """Return the listeners that stand in an object, in its own order."""
    return tuple(
        OwnedListener(_name(owner, listener), owner, position)
        for position, listener in enumerate(owner.content.listeners)
    )


def _name(owner: ListenerOwner, listener: Listener) -> str:
    row = LISTENER_OWNERS[owner.key.group_kind]
    return row.listener_name(owner.key.namespace, owner.key.name, listener.name)
