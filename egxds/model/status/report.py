"""What was decided, as people are told it: put together for the objects that somebody asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from egxds.incremental.revision import Revision
from egxds.model.resolve.gateway_classes import ClassVerdict
from egxds.model.resolve.resolved import Statuses
from egxds.model.resolve.verdicts import RouteVerdict
from egxds.model.status.gateway import JudgedGateway, gateway_class_status, gateway_status
from egxds.model.status.policy import policy_status
from egxds.model.status.policy_verdicts import PolicyVerdict
from egxds.model.status.problems import problem_order, problems_of
from egxds.model.status.route import route_status
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.problems import Problem


@dataclass(frozen=True, slots=True)
class DecidedReport:
    """What was decided about every object that anything was decided about.

    Attributes:
        judged: what it was: another object where a status or a problem may be another.
        state: the objects in force; knows where everything stands.
        controller_name: ours.
    """

    judged: Revision[ObjectKey, object]
    state: GatewayState
    controller_name: str

    def statuses(self) -> Statuses:
        """Return the Gateway API status of every object that has one, sorted by key."""
        found = ((key, self.status(key)) for key in sorted(self.judged))
        return {key: status for key, status in found if status is not None}

    def status(self, key: ObjectKey) -> Mapping[str, object] | None:
        """Return the Gateway API status of an object, None where it has none."""
        match self.judged.get(key):
            case ClassVerdict() as judged:
                return gateway_class_status(judged)
            case JudgedGateway() as judged:
                return gateway_status(judged)
            case RouteVerdict() as judged:
                return route_status(judged, self.controller_name)
            case PolicyVerdict() as judged:
                return policy_status(judged, self.controller_name)
        return None

    def problems(self, key: ObjectKey | None = None) -> tuple[Problem, ...]:
        """Return what is wrong with an object, or with any where none is named; sorted by place."""
        if key is not None:
            return problems_of(self.judged.get(key), self.state)
        found = (problems_of(judged, self.state) for judged in self.judged.values())
        return tuple(sorted(chain.from_iterable(found), key=problem_order))
