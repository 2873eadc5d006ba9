"""The status of a route, of any kind. Pure.

Source: Gateway API v1.6, RouteParentStatus. `group` and `kind` of a parentRef are written out, as an API
server would have filled them in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from egxds.model.api.references import ParentReference
from egxds.model.api.validation import Path
from egxds.model.resolve.attachment import ParentVerdict
from egxds.model.resolve.dynamic_backends import closed_dynamic
from egxds.model.resolve.faults import Reason
from egxds.model.resolve.idle_backends import idle_backends
from egxds.model.resolve.resolved import ResolvedRoute
from egxds.model.resolve.verdicts import RouteVerdict
from egxds.model.status.conditions import Condition, ConditionType, conditions_json, fails, holds, judged
from egxds.model.status.shadows import Locate, shadow_condition
from egxds.problems import Location


def route_status(verdict: RouteVerdict, controller_name: str, locate: Locate) -> dict[str, object]:
    """Return the Gateway API status of a route.

    Args:
        verdict: what was decided about it.
        controller_name: ours.
        locate: says where parts of this and other routes stand.
    """
    dropped = dropped_message(verdict.followed.resolved, partial(locate, verdict.route.key))
    return {
        "parents": [
            {
                "parentRef": written_out(parent.ref),
                "controllerName": controller_name,
                "conditions": _conditions(verdict, parent, dropped, locate),
            }
            for parent in verdict.parents
        ]
    }


def dropped_message(route: ResolvedRoute, locate: Callable[[Path], Location]) -> str:
    """Say which rules of a route cannot be served, and why; empty where all can.

    Args:
        route: the route.
        locate: returns where a part of it stands.
    """
    if not route.dropped:
        return ""
    causes = (f"{locate(fault.path)}: {fault.message}" for rule in route.dropped for fault in rule.dropped)
    return f"Dropped Rule(s) {[rule.index for rule in route.dropped]}: {'; '.join(causes)}"


def _accepted(verdict: RouteVerdict, parent: ParentVerdict, dropped: str) -> Iterator[Condition]:
    """Say whether a parent takes a route; one of which some rules cannot be served is taken with the others."""
    if parent.refusal is not None:
        yield fails(ConditionType.ACCEPTED, parent.refusal.reason, parent.refusal.message)
    elif verdict.followed.resolved.is_dropped:
        yield fails(ConditionType.ACCEPTED, _reason(verdict), dropped)
    else:
        yield holds(ConditionType.ACCEPTED, Reason.ACCEPTED, f"taken by listener {', '.join(parent.hostnames)}")
        if dropped:
            yield holds(ConditionType.PARTIALLY_INVALID, _reason(verdict), dropped)


def _reason(verdict: RouteVerdict) -> Reason:
    """Return why the first of the rules cannot be served that cannot."""
    return verdict.followed.dropped[0].reason


def _conditions(verdict: RouteVerdict, parent: ParentVerdict, dropped: str, locate: Locate) -> list[dict[str, object]]:
    found = "all references lead somewhere"
    faults = (*verdict.followed.faults, *closed_dynamic(verdict.followed.resolved, parent))
    conditions = [
        *_accepted(verdict, parent, dropped),
        judged(ConditionType.RESOLVED_REFS, faults, Reason.RESOLVED_REFS, found),
    ]
    denials = dict.fromkeys(denial for rule in verdict.followed.resolved.rules for denial in rule.denials)
    merged = (in_force for attached in verdict.attached.values() for in_force in attached.merged.values())
    denials |= dict.fromkeys(each.denial for in_force in merged for each in in_force if each.faults)
    if denials:
        conditions.append(fails(ConditionType.SERVED_AS_WRITTEN, Reason.INVALID, "; ".join(denials)))
    conditions += shadow_condition(verdict, parent, locate)
    idle = dict.fromkeys(fault.message for fault in idle_backends(verdict.followed.resolved))
    if idle:
        conditions.append(fails(ConditionType.BACKENDS_READY, Reason.NO_READY_ENDPOINTS, "; ".join(idle)))
    return conditions_json(conditions, verdict.route.generation)


def written_out(ref: ParentReference) -> dict[str, object]:
    """Return a parentRef as an API server has it, which fills in group and kind."""
    optional = {"namespace": ref.namespace or None, "sectionName": ref.section_name, "port": ref.port}
    given = {name: value for name, value in optional.items() if value is not None}
    return {"group": ref.group, "kind": ref.kind, "name": ref.name, **given}
