"""What the files came to, as far as people look at it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from egxds.incremental.revision import Revision
from egxds.model.api.gateway import GATEWAY
from egxds.model.resolve.parents import LISTENER_OWNERS, gateway_of
from egxds.model.resolve.resolved import Report, ResolvedGateway
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.problems import Problem
from egxds.resources.translation import GatewayTranslation


@dataclass(frozen=True, slots=True)
class JudgedObjects:
    """One look at the files.

    Attributes:
        state: the objects in force, and what the files say beside them.
        gateways: those that are ours.
        report: what was decided about each object.
        daemon: problems that are not of the watched files, such as with certificates of the xDS port.
        translations: Gateway name → what it was translated to, which knows of policies that could not be applied.
    """

    state: GatewayState
    gateways: Revision[ObjectKey, ResolvedGateway]
    report: Report
    daemon: tuple[Problem, ...] = ()
    translations: Revision[str, GatewayTranslation] = field(default_factory=Revision)

    def served_by(self, name: str) -> Iterator[ObjectKey]:
        """Yield the Gateways that are served by a translation: one, or all of a class that are served as one."""
        whole = GATEWAY.key(*name.split("/", 1))
        if whole.namespace:
            yield whole
        else:
            yield from (key for key, gateway in self.gateways.items() if gateway.served_as == name)

    def gateway_at(self, key: ObjectKey) -> ResolvedGateway | None:
        """Return the Gateway that an object is, or is a ListenerSet for, where it is served."""
        owner = self.state.find(key) if key.group_kind in LISTENER_OWNERS else None
        gateway = gateway_of(owner) if owner is not None else None
        return self.gateways.get(gateway) if gateway is not None else None
