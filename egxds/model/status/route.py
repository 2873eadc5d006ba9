"""The status of a route, of any kind. Pure.

Source: Gateway API v1.6, RouteParentStatus. `group` and `kind` of a parentRef are written out, as an API
server would have filled them in.
"""

from __future__ import annotations

from egxds.model.api.references import ParentReference
from egxds.model.resolve.attachment import ParentVerdict
from egxds.model.resolve.faults import Reason
from egxds.model.resolve.idle_backends import idle_backends
from egxds.model.resolve.verdicts import RouteVerdict
from egxds.model.status.conditions import ConditionType, conditions_json, fails, judged
from egxds.model.status.shadows import Locate, shadow_condition


def route_status(verdict: RouteVerdict, controller_name: str, locate: Locate) -> dict[str, object]:
    """Return the Gateway API status of a route.

    Args:
        verdict: what was decided about it.
        controller_name: ours.
        locate: says where other routes stand.
    """
    return {
        "parents": [
            {
                "parentRef": _parent_ref(parent.ref),
                "controllerName": controller_name,
                "conditions": _conditions(verdict, parent, locate),
            }
            for parent in verdict.parents
        ]
    }


def _conditions(verdict: RouteVerdict, parent: ParentVerdict, locate: Locate) -> list[dict[str, object]]:
    refusals = [parent.refusal] if parent.refusal is not None else []
    taken = f"taken by listener {', '.join(parent.hostnames)}"
    found = "all references lead somewhere"
    conditions = [
        judged(ConditionType.ACCEPTED, [*refusals, *verdict.followed.unserved], Reason.ACCEPTED, taken),
        judged(ConditionType.RESOLVED_REFS, verdict.followed.faults, Reason.RESOLVED_REFS, found),
    ]
    denials = dict.fromkeys(denial for rule in verdict.followed.resolved.rules for denial in rule.denials)
    if denials:
        conditions.append(fails(ConditionType.SERVED_AS_WRITTEN, Reason.INVALID, "; ".join(denials)))
    conditions += shadow_condition(verdict, parent, locate)
    idle = dict.fromkeys(fault.message for fault in idle_backends(verdict.followed.resolved))
    if idle:
        conditions.append(fails(ConditionType.BACKENDS_READY, Reason.NO_READY_ENDPOINTS, "; ".join(idle)))
    return conditions_json(conditions, verdict.route.generation)


def _parent_ref(ref: ParentReference) -> dict[str, object]:
    optional = {"namespace": ref.namespace or None, "sectionName": ref.section_name, "port": ref.port}
    given = {name: value for name, value in optional.items() if value is not None}
    return {"group": ref.group, "kind": ref.kind, "name": ref.name, **given}
