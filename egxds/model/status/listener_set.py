"""The status of a ListenerSet. Pure.

Source: Gateway API v1.6, ListenerSetStatus. It is accepted where its Gateway takes it and one of its listeners is
valid; one that its Gateway does not take has no listeners there to speak of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.listener_sets import SetAdmission
from egxds.model.resolve.verdicts import names_of, none_valid
from egxds.model.status.conditions import Condition, ConditionType, conditions_json, fails, holds
from egxds.model.status.listeners import JudgedListeners, all_denials, denial, listener_entries


@dataclass(frozen=True, slots=True)
class JudgedListenerSet:
    """A ListenerSet that names a Gateway of ours, with everything its status speaks of.

    Attributes:
        admission: the ListenerSet, and whether the Gateway takes it.
        gateway_refusal: why the Gateway is not accepted, whatever its listeners are; nothing where it is.
        listeners: all its listeners; none where the Gateway does not take it.
    """

    admission: SetAdmission
    gateway_refusal: Fault | None
    listeners: JudgedListeners

    @property
    def is_accepted(self) -> bool:
        """Whether it counts as attached to its Gateway."""
        refusals = (self.admission.refusal, self.gateway_refusal)
        return refusals == (None, None) and bool(self.listeners.valid)


def listener_set_status(judged: JudgedListenerSet) -> dict[str, object]:
    """Return the Gateway API status of a ListenerSet."""
    generation = judged.admission.listener_set.generation
    conditions = [_accepted(judged), _programmed(judged), *denial(all_denials(judged.listeners))]
    return {
        "conditions": conditions_json(conditions, generation),
        "listeners": listener_entries(judged.listeners, generation),
    }


def _accepted(judged: JudgedListenerSet) -> Condition:
    refused = next(_refused(judged), None)
    if refused is not None:
        return fails(ConditionType.ACCEPTED, *refused)
    if judged.gateway_refusal is not None:
        message = f"the Gateway is not accepted: {judged.gateway_refusal.message}"
        return fails(ConditionType.ACCEPTED, Reason.PARENT_NOT_ACCEPTED, message)
    unaccepted = [entry for entry in judged.listeners.verdicts if not entry.is_accepted]
    if unaccepted:
        message = f"not accepted: {names_of(unaccepted)}"
        return holds(ConditionType.ACCEPTED, Reason.LISTENERS_NOT_VALID, message)
    return holds(ConditionType.ACCEPTED, Reason.ACCEPTED, "the Gateway takes its listeners")


def _programmed(judged: JudgedListenerSet) -> Condition:
    refused = next(_refused(judged), None)
    if refused is not None:
        return fails(ConditionType.PROGRAMMED, *refused)
    if not judged.listeners.is_gateway_served:
        message = "the Gateway is not served; see its conditions"
        return fails(ConditionType.PROGRAMMED, Reason.PARENT_NOT_PROGRAMMED, message)
    message = f"handed to every Envoy that asks: {names_of(judged.listeners.valid)}"
    return holds(ConditionType.PROGRAMMED, Reason.PROGRAMMED, message)


def _refused(judged: JudgedListenerSet) -> Iterator[tuple[Reason, str]]:
    """Yield why nothing of it is served, whatever becomes of the Gateway: the reason of both conditions."""
    refusal = judged.admission.refusal
    if refusal is not None:
        yield refusal.reason, refusal.message
    elif not judged.listeners.valid:
        yield Reason.LISTENERS_NOT_VALID, none_valid(judged.listeners.verdicts)
