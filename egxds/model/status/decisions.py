"""All that was decided in one resolution, before it is written down as status and problems. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from egxds.model.resolve.class_conflicts import ClassConflict
from egxds.model.resolve.gateway_classes import Ownership
from egxds.model.resolve.verdicts import GatewayVerdict, RouteVerdict
from egxds.model.status.gateway import gateway_class_status, gateway_status
from egxds.model.status.policy import PolicyVerdict
from egxds.model.status.route import RouteStatuses
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided.

    Attributes:
        ours: which classes and Gateways are ours.
        gateways: about each Gateway of ours.
        routes: about each route, the first in precedence first.
        conflicts: between Gateways of one class.
        policies: about each policy of an extension, the oldest first.
        route_statuses: describes routes.
    """

    ours: Ownership
    gateways: Mapping[ObjectKey, GatewayVerdict]
    routes: tuple[RouteVerdict, ...]
    conflicts: tuple[ClassConflict, ...]
    policies: tuple[PolicyVerdict, ...]
    route_statuses: RouteStatuses

    def statuses(self) -> dict[ObjectKey, Mapping[str, object]]:
        """Return the Gateway API status of every object that has one."""
        attached = Counter(place for route in self.routes for place in route.attached)
        found: dict[ObjectKey, Mapping[str, object]] = {
            entry.item.key: gateway_class_status(entry) for entry in self.ours.classes
        }
        lost: dict[ObjectKey, list[ClassConflict]] = defaultdict(list)
        for conflict in self.conflicts:
            lost[conflict.loser.gateway.key].append(conflict)
        for key, verdict in self.gateways.items():
            counts = {entry.listener.name: attached[key, entry.listener.name] for entry in verdict.listeners}
            found[key] = gateway_status(verdict, counts, lost[key])
        for route in self.routes:
            found[route.route.key] = self.route_statuses.of(route)
        for policy in self.policies:
            found[policy.policy.key] = policy.status
        return found
