"""What came of policies that patch Envoy resources, in their status and among the problems. Pure.

Whether a patch can be applied is known once the Gateway is translated. So what the model decided (Accepted) is followed
below each Gateway by Programmed, with the reasons of Envoy Gateway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from egxds.incremental.revision import Revision
from egxds.inspect.condition_times import Status
from egxds.inspect.judged import JudgedObjects
from egxds.model.api.gateway import GATEWAY, GATEWAY_CLASS
from egxds.names import merged_name
from egxds.object_key import ObjectKey
from egxds.problems import Problem, error
from egxds.resources.translation import GatewayTranslation, PatchFault

PROGRAMMED = "Programmed"
_APPLIED = "Patches have been successfully applied."
_CLOSED = "none of its patches is applied, and what they are for answers 500 until all can be"
_LEFT = "none of its patches is applied; they decide on nobody's access, so traffic goes on as it was"
_SHOWN = 3

_Faults = Mapping[ObjectKey, tuple[PatchFault, ...]]


class PatchVerdicts:
    """Knows which policies were or were not applied at the last look."""

    def __init__(self) -> None:
        """Know of none yet."""
        self._last: Revision[str, GatewayTranslation] | None = None
        self._faults: dict[str, _Faults] = {}

    def update(self, translations: Revision[str, GatewayTranslation]) -> tuple[set[str], set[ObjectKey]]:
        """Take note of translations; return of which Gateways, and of which policies, something else came than before.

        An edit of anything else costs a look at the Gateways that it changes.
        """
        changed = translations.changed_since(self._last)
        self._last = translations
        gateways: set[str] = set()
        policies: set[ObjectKey] = set()
        for name in changed:
            before, now = self._faults.pop(name, {}), _faults(translations.get(name))
            if now:
                self._faults[name] = now
            if before is not now and before != now:
                gateways.add(name)
                policies |= {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
        return gateways, policies


def with_patches(status: Status | None, policy: ObjectKey, judged: JudgedObjects) -> Status | None:
    """Return the status of a policy with what came of its patches; that of another object as it is.

    Args:
        status: without that; None where the object has none.
        policy: the object.
        judged: what the files came to.
    """
    item = judged.state.policies.get(policy)
    ancestors = status.get("ancestors") if status is not None else None
    if item is None or status is None or not isinstance(ancestors, list | tuple):
        return status
    return {**status, "ancestors": [_with_programmed(each, policy, judged, item.generation) for each in ancestors]}


def patch_problems(gateway: str, judged: JudgedObjects) -> tuple[Problem, ...]:
    """Return why policies are not applied to a Gateway, each at its patch.

    Args:
        gateway: its name.
        judged: what the files came to.
    """
    found = _faults(judged.translations.get(gateway))
    return tuple(problem for key, faults in found.items() for problem in _problems(key, faults, gateway, judged))


def _problems(key: ObjectKey, faults: Iterable[PatchFault], gateway: str, judged: JudgedObjects) -> Iterable[Problem]:
    item = judged.state.policies.get(key)
    if item is None:
        return
    for fault in faults:
        place = judged.state.locate(item, ("spec", "jsonPatches", fault.patch))
        yield error(place, f"{fault.message} (Gateway {gateway}; {_consequence(fault)})", str(key))


def _consequence(fault: PatchFault) -> str:
    return _CLOSED if fault.is_closing else _LEFT


def _faults(translation: GatewayTranslation | None) -> _Faults:
    return translation.patch_faults if translation is not None else {}


def _with_programmed(
    ancestor: Mapping[str, object], policy: ObjectKey, judged: JudgedObjects, generation: int
) -> Status:
    ref, conditions = ancestor.get("ancestorRef"), ancestor.get("conditions")
    if not isinstance(ref, dict) or not isinstance(conditions, list | tuple):
        return ancestor
    faults = _faults(judged.translations.get(_served_name(ref, judged))).get(policy)
    if faults is None:
        return ancestor
    return {**ancestor, "conditions": [*conditions, _programmed(faults, policy, judged, generation)]}


def _served_name(ref: Mapping[str, object], judged: JudgedObjects) -> str:
    """Return the name of what a Gateway, or a GatewayClass, is served by; empty where there is none."""
    name = str(ref.get("name"))
    if ref.get("kind") == GATEWAY_CLASS.kind:
        return merged_name(name)
    gateway = judged.gateways.get(GATEWAY.key(str(ref.get("namespace", "")), name))
    return gateway.served_name if gateway is not None and ref.get("kind") == GATEWAY.kind else ""


def _programmed(
    faults: tuple[PatchFault, ...], policy: ObjectKey, judged: JudgedObjects, generation: int
) -> Mapping[str, object]:
    reason = ("ResourceNotFound" if all(each.is_missing for each in faults) else "Invalid") if faults else PROGRAMMED
    return {
        "type": PROGRAMMED,
        "status": "False" if faults else "True",
        "reason": reason,
        "message": _told(faults, policy, judged) if faults else _APPLIED,
        "observedGeneration": generation,
    }


def _told(faults: tuple[PatchFault, ...], policy: ObjectKey, judged: JudgedObjects) -> str:
    item = judged.state.policies[policy]
    told = [
        f"{each.message} ({judged.state.locate(item, ('spec', 'jsonPatches', each.patch))})" for each in faults[:_SHOWN]
    ]
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return "; ".join(told) + f"{more}; {_consequence(faults[0])}"
