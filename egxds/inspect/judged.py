"""What the files came to, as far as people look at it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from egxds.incremental.revision import Revision
from egxds.model.resolve.parents import LISTENER_OWNERS, gateway_of
from egxds.model.resolve.resolved import Report, ResolvedGateway
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class JudgedObjects:
    """One look at the files.

    Attributes:
        state: the objects in force, and what the files say beside them.
        gateways: those that are ours.
        report: what was decided about each object.
    """

    state: GatewayState
    gateways: Revision[ObjectKey, ResolvedGateway]
    report: Report

    def gateway_at(self, key: ObjectKey) -> ResolvedGateway | None:
        """Return the Gateway that an object is, or is a ListenerSet for, where it is served."""
        owner = self.state.find(key) if key.group_kind in LISTENER_OWNERS else None
        gateway = gateway_of(owner) if owner is not None else None
        return self.gateways.get(gateway) if gateway is not None else None
