"""The status of an HTTPRoute. Pure.

Source: Gateway API v1.6, RouteParentStatus. `group` and `kind` of a parentRef are written out, as an API
server would have filled them in.
"""

from __future__ import annotations

from collections.abc import Sequence

from egxds.model.attachment import ParentVerdict
from egxds.model.conditions import ConditionType, Fault, Reason, conditions_json, judged
from egxds.model.objects import ApiObject, HttpRouteSpec, ParentReference


def route_status(
    route: ApiObject[HttpRouteSpec],
    parents: Sequence[ParentVerdict],
    reference_faults: Sequence[Fault],
    controller_name: str,
) -> dict[str, object]:
    """Return the Gateway API status of a route.

    Args:
        route: the route.
        parents: its parentRefs whose Gateways are ours.
        reference_faults: its references that lead nowhere or are refused.
        controller_name: ours.
    """
    return {
        "parents": [
            {
                "parentRef": _parent_ref(parent.ref),
                "controllerName": controller_name,
                "conditions": conditions_json(
                    [
                        judged(
                            ConditionType.ACCEPTED,
                            [parent.refusal] if parent.refusal is not None else [],
                            Reason.ACCEPTED,
                            f"taken by listener {', '.join(parent.hostnames)}",
                        ),
                        judged(
                            ConditionType.RESOLVED_REFS,
                            reference_faults,
                            Reason.RESOLVED_REFS,
                            "all references lead somewhere",
                        ),
                    ],
                    route.generation,
                ),
            }
            for parent in parents
        ]
    }


def _parent_ref(ref: ParentReference) -> dict[str, object]:
    optional = {"namespace": ref.namespace or None, "sectionName": ref.section_name, "port": ref.port}
    given = {name: value for name, value in optional.items() if value is not None}
    return {"group": ref.group, "kind": ref.kind, "name": ref.name, **given}
