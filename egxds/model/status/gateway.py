"""The status of a Gateway and its listeners, and what of it is a problem. Pure.

Source: Gateway API v1.6, GatewayStatus and ListenerStatus.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from egxds.model.resolve.addresses import IP_ADDRESS
from egxds.model.resolve.class_conflicts import ClassConflict
from egxds.model.resolve.client_trust import lets_anybody_in
from egxds.model.resolve.faults import Reason
from egxds.model.resolve.gateway_classes import ClassVerdict
from egxds.model.resolve.listener_protocols import Transport
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.overlaps import Overlap
from egxds.model.resolve.verdicts import GatewayVerdict, names_of, none_valid
from egxds.model.status.conditions import Condition, ConditionType, conditions_json, fails, holds, judged

_Bound = tuple[int, Transport | None]
"""The port that a listener binds, and what that is numbered for; None where its protocol is not served."""


@dataclass(frozen=True, slots=True)
class JudgedGateway:
    """A Gateway of ours with everything its status speaks of.

    Attributes:
        verdict: what was decided about it.
        attached: listener name → routes attached to it.
        conflicts: what it loses to other Gateways of its class.
        denials: listener name → why it is closed to everything; empty where it is not.
    """

    verdict: GatewayVerdict
    attached: Mapping[str, int]
    conflicts: tuple[ClassConflict, ...]
    denials: Mapping[str, tuple[str, ...]]


def gateway_status(judged: JudgedGateway) -> dict[str, object]:
    """Return the Gateway API status of a Gateway."""
    verdict = judged.verdict
    generation = verdict.gateway.generation
    served = {entry.listener.name for entry in verdict.served if entry.is_valid}
    lost: dict[_Bound, ClassConflict] = {(each.port, each.transport): each for each in judged.conflicts}
    return {
        "addresses": [{"type": IP_ADDRESS, "value": value} for value in verdict.addresses.addresses],
        "conditions": conditions_json(
            [_accepted(verdict), _programmed(verdict), *_of_tls(verdict), *_denial(_all_denials(judged))], generation
        ),
        "listeners": [
            {
                "name": entry.listener.name,
                "supportedKinds": [{"group": kind.group, "kind": kind.kind} for kind in entry.kinds],
                "attachedRoutes": judged.attached.get(entry.listener.name, 0),
                "conditions": conditions_json(
                    [
                        *_listener_conditions(entry, served, lost.get(_bound(entry))),
                        *_denial(judged.denials[entry.listener.name]),
                    ],
                    generation,
                ),
            }
            for entry in verdict.listeners
        ],
    }


def _bound(entry: ListenerVerdict) -> _Bound:
    return entry.listener.port, entry.protocol.transport if entry.protocol is not None else None


def _accepted(verdict: GatewayVerdict) -> Condition:
    refusal = verdict.parameters_fault or verdict.addresses.refusal
    if refusal is not None:
        return fails(ConditionType.ACCEPTED, refusal.reason, refusal.message)
    invalid = [entry for entry in verdict.listeners if not entry.is_valid]
    if not invalid:
        return holds(ConditionType.ACCEPTED, Reason.ACCEPTED, "all listeners are valid")
    if len(invalid) == len(verdict.listeners):
        return fails(ConditionType.ACCEPTED, Reason.LISTENERS_NOT_VALID, none_valid(verdict.listeners))
    valid = [entry for entry in verdict.listeners if entry.is_valid]
    message = f"not valid: {names_of(invalid)}; served: {names_of(valid)}"
    return holds(ConditionType.ACCEPTED, Reason.LISTENERS_NOT_VALID, message)


def _programmed(verdict: GatewayVerdict) -> Condition:
    if verdict.addresses.faults:
        return judged(ConditionType.PROGRAMMED, verdict.addresses.faults, Reason.PROGRAMMED, "")
    if not any(entry.is_valid for entry in verdict.served):
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


def _listener_conditions(
    entry: ListenerVerdict, served: set[str], conflict: ClassConflict | None
) -> Iterator[Condition]:
    refusals = [*([entry.refusal] if entry.refusal is not None else []), *entry.denials]
    yield judged(ConditionType.ACCEPTED, refusals, Reason.ACCEPTED, "the listener is valid")
    yield _listener_programmed(entry, served)
    yield judged(
        ConditionType.RESOLVED_REFS, entry.reference_faults, Reason.RESOLVED_REFS, "all references lead somewhere"
    )
    if entry.conflict is not None:
        yield holds(ConditionType.CONFLICTED, entry.conflict.reason, entry.conflict.message)
    else:
        yield fails(ConditionType.CONFLICTED, Reason.NO_CONFLICTS, "no other listener takes its traffic")
    if entry.overlap is not None:
        yield holds(ConditionType.OVERLAPPING_TLS_CONFIG, entry.overlap.reason, _overlap_message(entry.overlap))
    if conflict is not None:
        yield fails(ConditionType.SERVED_BY_CLASS, Reason.ADDRESS_IN_USE, conflict_message(conflict))


def _denial(denials: Sequence[str]) -> Iterator[Condition]:
    if denials:
        yield fails(ConditionType.SERVED_AS_WRITTEN, Reason.INVALID, "; ".join(denials))


def _all_denials(judged: JudgedGateway) -> tuple[str, ...]:
    """Return why any of its listeners is closed, each cause once."""
    return tuple(dict.fromkeys(denial for of_one in judged.denials.values() for denial in of_one))


def _listener_programmed(entry: ListenerVerdict, served: set[str]) -> Condition:
    if entry.listener.name in served:
        message = "the listener is handed to every Envoy that asks"
        return holds(ConditionType.PROGRAMMED, Reason.PROGRAMMED, message)
    if entry.conflict is not None:
        return fails(ConditionType.PROGRAMMED, entry.conflict.reason, entry.conflict.message)
    if entry.denials and entry.protocol is not None:
        message = f"everything {entry.protocol.denied}; see Accepted"
    elif entry.is_served:
        message = "the Gateway is not served; see its conditions"
    else:
        message = "see Accepted and ResolvedRefs"
    return fails(ConditionType.PROGRAMMED, Reason.INVALID, message)


def _overlap_message(overlap: Overlap) -> str:
    return (
        f"clients may send requests for listeners {', '.join(overlap.listeners)} over connections to it; those are "
        "answered 421 Misdirected Request, for which clients make another connection"
    )


def conflict_message(conflict: ClassConflict) -> str:
    """Say who has an address and port, for an Envoy that takes a whole class."""
    winner = conflict.winner
    return (
        f"{conflict.address} port {conflict.port} belongs to Gateway {winner.namespace}/{winner.name}, which is older; "
        f"an Envoy that takes the whole class {conflict.class_name} does not get it from here, "
        "an Envoy of this Gateway does"
    )


def gateway_class_status(verdict: ClassVerdict) -> dict[str, object]:
    """Return the Gateway API status of a GatewayClass of ours."""
    accepted = judged(ConditionType.ACCEPTED, verdict.faults, Reason.ACCEPTED, "the class is served here")
    return {"conditions": conditions_json([accepted], verdict.item.generation)}
