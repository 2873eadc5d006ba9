"""The status of a route, of any kind. Pure; remembers its work.

Source: Gateway API v1.6, RouteParentStatus. `group` and `kind` of a parentRef are written out, as an API
server would have filled them in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from egxds.model.api.references import ParentReference
from egxds.model.resolve.attachment import ParentVerdict
from egxds.model.resolve.faults import Reason
from egxds.model.resolve.verdicts import RouteVerdict
from egxds.model.status.conditions import ConditionType, conditions_json, judged
from egxds.object_key import ObjectKey


class RouteStatuses:
    """Describes routes; one about which nothing was decided anew has the status that it had."""

    def __init__(self, controller_name: str) -> None:
        """Remember nothing yet.

        Args:
            controller_name: ours.
        """
        self._controller_name = controller_name
        self._known: dict[ObjectKey, tuple[RouteVerdict, Mapping[str, object]]] = {}

    def of(self, verdict: RouteVerdict) -> Mapping[str, object]:
        """Return the Gateway API status of a route."""
        key = verdict.route.key
        known = self._known.get(key)
        if known is None or known[0] is not verdict:
            known = self._known[key] = (verdict, self._status(verdict))
        return known[1]

    def forget_except(self, routes: Collection[ObjectKey]) -> None:
        """Drop what is remembered of routes that are gone."""
        self._known = {key: known for key, known in self._known.items() if key in routes}

    def _status(self, verdict: RouteVerdict) -> dict[str, object]:
        return {
            "parents": [
                {
                    "parentRef": _parent_ref(parent.ref),
                    "controllerName": self._controller_name,
                    "conditions": _conditions(verdict, parent),
                }
                for parent in verdict.parents
            ]
        }


def _conditions(verdict: RouteVerdict, parent: ParentVerdict) -> list[dict[str, object]]:
    refusals = [parent.refusal] if parent.refusal is not None else []
    taken = f"taken by listener {', '.join(parent.hostnames)}"
    found = "all references lead somewhere"
    conditions = (
        judged(ConditionType.ACCEPTED, refusals, Reason.ACCEPTED, taken),
        judged(ConditionType.RESOLVED_REFS, verdict.followed.faults, Reason.RESOLVED_REFS, found),
    )
    return conditions_json(conditions, verdict.route.generation)


def _parent_ref(ref: ParentReference) -> dict[str, object]:
    optional = {"namespace": ref.namespace or None, "sectionName": ref.section_name, "port": ref.port}
    given = {name: value for name, value in optional.items() if value is not None}
    return {"group": ref.group, "kind": ref.kind, "name": ref.name, **given}
