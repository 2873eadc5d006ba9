"""What was decided, as people are told it: put together for the objects that somebody asks for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from egxds.incremental.revision import Revision
from egxds.model.resolve.backends import BackendVerdict
from egxds.model.resolve.gateway_classes import ClassVerdict
from egxds.model.resolve.proxies.book import ProxyVerdict
from egxds.model.resolve.proxies.settings import ProxySettings
from egxds.model.resolve.verdicts import RouteVerdict
from egxds.model.status.backend import backend_status
from egxds.model.status.envoy_proxy import proxy_status
from egxds.model.status.gateway import JudgedGateway, gateway_class_status, gateway_status
from egxds.model.status.listener_set import JudgedListenerSet, listener_set_status
from egxds.model.status.policy import policy_status
from egxds.model.status.policy_verdicts import PolicyVerdict
from egxds.model.status.problems import problems_of
from egxds.model.status.refused import refused_status
from egxds.model.status.route import route_status
from egxds.model.status.shadows import route_locator
from egxds.model.store.problems import Refusal
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.problems import Problem
from egxds.settings.client_traffic import ClientTrafficSettings

_WRITERS: Mapping[type[object], Callable[[Any], Mapping[str, object]]] = {
    ClassVerdict: gateway_class_status,
    JudgedGateway: gateway_status,
    JudgedListenerSet: listener_set_status,
    BackendVerdict: backend_status,
    ProxyVerdict: proxy_status,
}
"""What was decided about an object → who writes its status, where that says nothing of the controller."""


@dataclass(frozen=True, slots=True)
class DecidedReport:
    """What was decided about every object that anything was decided about.

    Attributes:
        judged: what it was: another object where a status or a problem may be another.
        state: the objects in force; knows where everything stands.
        controller_name: ours.
        traffic: how requests are taken.
    """

    judged: Revision[ObjectKey, object]
    state: GatewayState
    controller_name: str
    traffic: ClientTrafficSettings

    def status(self, key: ObjectKey) -> Mapping[str, object] | None:
        """Return the Gateway API status of an object, None where it has none."""
        match self.judged.get(key):
            case RouteVerdict() as judged:
                return route_status(judged, self.controller_name, route_locator(self.state))
            case PolicyVerdict() as judged:
                return policy_status(judged, self.controller_name)
            case judged:
                writer = _WRITERS.get(type(judged))
                return writer(judged) if writer is not None else None

    def refused_status(self, refusal: Refusal) -> Mapping[str, object]:
        """Return the status of an object whose text is refused, whether or not an earlier one is in force."""
        in_force = self.status(refusal.key) if refusal.key is not None else None
        return refused_status(refusal, in_force, self.controller_name, self._is_anothers)

    def _is_anothers(self, parent: ObjectKey) -> bool:
        """Tell whether an object that routes attach to is there, and is not ours."""
        is_ours = isinstance(self.judged.get(parent), JudgedGateway | JudgedListenerSet)
        return self.state.find(parent) is not None and not is_ours

    def problems(self, key: ObjectKey) -> tuple[Problem, ...]:
        """Return what is wrong with an object, sorted by place."""
        return problems_of(self.judged.get(key), self.state, self.traffic)

    def proxy_settings(self, key: ObjectKey) -> ProxySettings | None:
        """Return what an EnvoyProxy comes to by itself, None where there is none."""
        judged = self.judged.get(key)
        return judged.settings if isinstance(judged, ProxyVerdict) else None
