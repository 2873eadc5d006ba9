"""The status of an EnvoyProxy. Pure.

Source: Envoy Gateway v1.9, EnvoyProxyStatus: a condition under each GatewayClass and Gateway that names it.
"""

from __future__ import annotations

from egxds.model.resolve.faults import Reason
from egxds.model.resolve.proxies.book import ProxyVerdict
from egxds.model.status.conditions import ConditionType, conditions_json, judged
from egxds.object_key import ObjectKey


def proxy_status(verdict: ProxyVerdict) -> dict[str, object]:
    """Return Envoy Gateway's status of an EnvoyProxy."""
    accepted = judged(ConditionType.ACCEPTED, verdict.errors, Reason.ACCEPTED, "Envoys are as it asks")
    conditions = conditions_json([accepted], verdict.item.generation)
    return {"ancestors": [{"ancestorRef": _reference(user), "conditions": conditions} for user in verdict.users]}


def _reference(key: ObjectKey) -> dict[str, str]:
    found = {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name}
    return {name: value for name, value in found.items() if value}
