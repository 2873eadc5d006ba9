"""The status of a Gateway, and what of it is a problem. Pure.

Source: Gateway API v1.6, GatewayStatus. What its conditions sum up are its own listeners; a ListenerSet has its own
(GEP-1713).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.resolve.addresses import IP_ADDRESS
from egxds.model.resolve.client_trust import lets_anybody_in
from egxds.model.resolve.faults import Reason
from egxds.model.resolve.gateway_classes import ClassVerdict
from egxds.model.resolve.verdicts import GatewayVerdict, names_of, none_valid
from egxds.model.status.conditions import Condition, ConditionType, conditions_json, fails, holds, judged
from egxds.model.status.listeners import JudgedListeners, all_denials, denial, listener_entries


@dataclass(frozen=True, slots=True)
class JudgedGateway:
    """A Gateway of ours with everything its status speaks of.

    Attributes:
        verdict: what was decided about it.
        listeners: its own.
        attached_sets: how many ListenerSets are attached to it.
    """

    verdict: GatewayVerdict
    listeners: JudgedListeners
    attached_sets: int = 0


def gateway_status(judged: JudgedGateway) -> dict[str, object]:
    """Return the Gateway API status of a Gateway."""
    verdict = judged.verdict
    generation = verdict.gateway.generation
    of_tls, denials = _of_tls(verdict), all_denials(judged.listeners)
    conditions = [_accepted(judged), _programmed(judged), *of_tls, *denial(denials)]
    sets = {"attachedListenerSets": judged.attached_sets} if judged.attached_sets else {}
    return {
        "addresses": [{"type": IP_ADDRESS, "value": value} for value in verdict.addresses.addresses],
        "conditions": conditions_json(conditions, generation),
        "listeners": listener_entries(judged.listeners, generation),
        **sets,
    }


def _accepted(judged: JudgedGateway) -> Condition:
    refusal, listeners = judged.verdict.refusal, judged.listeners
    if refusal is not None:
        return fails(ConditionType.ACCEPTED, refusal.reason, refusal.message)
    if not listeners.invalid:
        return holds(ConditionType.ACCEPTED, Reason.ACCEPTED, "all listeners are valid")
    if not any(entry.is_accepted for entry in listeners.verdicts):
        return fails(ConditionType.ACCEPTED, Reason.LISTENERS_NOT_VALID, none_valid(listeners.verdicts))
    message = f"not valid: {names_of(listeners.invalid)}; served: {names_of(listeners.valid) or 'none'}"
    return holds(ConditionType.ACCEPTED, Reason.LISTENERS_NOT_VALID, message)


def _programmed(item: JudgedGateway) -> Condition:
    faults = item.verdict.addresses.faults
    if faults:
        return judged(ConditionType.PROGRAMMED, faults, Reason.PROGRAMMED, "")
    if not (item.verdict.serves and item.listeners.valid):
        return fails(ConditionType.PROGRAMMED, Reason.INVALID, "no listener of it is served; see Accepted")
    return holds(ConditionType.PROGRAMMED, Reason.PROGRAMMED, "its listeners are handed to every Envoy that asks")


def _of_tls(verdict: GatewayVerdict) -> Iterator[Condition]:
    """Say what becomes of what a Gateway as a whole asks of TLS, where it does."""
    spec = verdict.gateway.content
    if spec.tls.backend.client_certificate_ref is not None:
        faults = [verdict.certificate_fault] if verdict.certificate_fault is not None else []
        yield judged(ConditionType.RESOLVED_REFS, faults, Reason.RESOLVED_REFS, "all references lead somewhere")
    if lets_anybody_in(spec):
        message = "clients are let in without a certificate that stands the check (AllowInsecureFallback)"
        yield holds(ConditionType.INSECURE_FRONTEND_VALIDATION, Reason.CONFIGURATION_CHANGED, message)


def gateway_class_status(verdict: ClassVerdict) -> dict[str, object]:
    """Return the Gateway API status of a GatewayClass of ours."""
    accepted = judged(ConditionType.ACCEPTED, verdict.faults, Reason.ACCEPTED, "the class is served here")
    return {"conditions": conditions_json([accepted], verdict.item.generation)}
