"""The status of listeners, whatever object they stand in. Pure.

Source: Gateway API v1.6, ListenerStatus and ListenerEntryStatus.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from egxds.model.resolve.class_conflicts import ClassConflict
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.listener_protocols import Transport
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.overlaps import Overlap
from egxds.model.status.conditions import Condition, ConditionType, conditions_json, fails, holds, judged

_Bound = tuple[int, Transport | None]
"""The port that a listener binds, and what that is numbered for; None where its protocol is not served."""


@dataclass(frozen=True, slots=True)
class JudgedListeners:
    """The listeners of one object with everything their status speaks of.

    Attributes:
        verdicts: what was decided about each.
        is_gateway_served: whether the Gateway has what they need of it.
        attached: name in the Gateway → how many routes are attached.
        conflicts: what they lose to other Gateways of the class.
        denials: name in the Gateway → why one is closed to everything, of those that are.
    """

    verdicts: tuple[ListenerVerdict, ...]
    is_gateway_served: bool
    attached: Mapping[str, int]
    conflicts: tuple[ClassConflict, ...]
    denials: Mapping[str, tuple[str, ...]]

    def with_attached(self, listener: str, routes: int) -> JudgedListeners:
        """Return the same with another number of routes at one of them.

        Args:
            listener: its name in the Gateway.
            routes: how many.
        """
        return replace(self, attached={**self.attached, listener: routes})

    @property
    def valid(self) -> list[ListenerVerdict]:
        """Those that are served as they are written, if only the Gateway is."""
        return [entry for entry in self.verdicts if entry.is_valid]

    @property
    def invalid(self) -> list[ListenerVerdict]:
        """All others."""
        return [entry for entry in self.verdicts if not entry.is_valid]


def closed_streams(listeners: JudgedListeners) -> Iterator[Fault]:
    """Yield why listeners that look at no requests are closed: a policy may be served at all the others."""
    for entry in listeners.verdicts:
        if entry.protocol is not None and not entry.protocol.reads_requests:
            for why in listeners.denials.get(entry.name, ()):
                yield Fault(Reason.INVALID, f"listener {entry.listener.name}: {why}", entry.path)


def conflicts_at(listeners: Sequence[ListenerVerdict], conflicts: Sequence[ClassConflict]) -> tuple[ClassConflict, ...]:
    """Return the conflicts of a Gateway that some of its listeners are in."""
    bound = {bound_by(entry) for entry in listeners}
    return tuple(each for each in conflicts if (each.port, each.transport) in bound)


def bound_by(entry: ListenerVerdict) -> _Bound:
    """Return the port that a listener binds, and what that is numbered for."""
    return entry.listener.port, entry.protocol.transport if entry.protocol is not None else None


def listener_entries(listeners: JudgedListeners, generation: int) -> list[dict[str, object]]:
    """Return the status of the listeners of an object.

    Args:
        listeners: all of it.
        generation: of the object.
    """
    lost: dict[_Bound, ClassConflict] = {(each.port, each.transport): each for each in listeners.conflicts}
    return [
        {
            "name": entry.listener.name,
            "supportedKinds": [{"group": kind.group, "kind": kind.kind} for kind in entry.kinds],
            "attachedRoutes": listeners.attached.get(entry.name, 0),
            "conditions": conditions_json(
                [
                    *_conditions(entry, listeners.is_gateway_served, lost.get(bound_by(entry))),
                    *denial(listeners.denials.get(entry.name, ())),
                ],
                generation,
            ),
        }
        for entry in listeners.verdicts
    ]


def denial(denials: Sequence[str]) -> Iterator[Condition]:
    """Say why something is closed to everything; nothing where it is not."""
    if denials:
        yield fails(ConditionType.SERVED_AS_WRITTEN, Reason.INVALID, "; ".join(denials))


def all_denials(listeners: JudgedListeners) -> tuple[str, ...]:
    """Return why any of some listeners is closed, each cause once."""
    return tuple(dict.fromkeys(each for of_one in listeners.denials.values() for each in of_one))


def _conditions(entry: ListenerVerdict, is_gateway_served: bool, conflict: ClassConflict | None) -> Iterator[Condition]:
    refusals = [*([entry.refusal] if entry.refusal is not None else []), *entry.denials]
    yield judged(ConditionType.ACCEPTED, refusals, Reason.ACCEPTED, "the listener is valid")
    yield _programmed(entry, is_gateway_served)
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


def _programmed(entry: ListenerVerdict, is_gateway_served: bool) -> Condition:
    if entry.is_valid and is_gateway_served:
        message = "the listener is handed to every Envoy that asks"
        return holds(ConditionType.PROGRAMMED, Reason.PROGRAMMED, message)
    if entry.conflict is not None:
        return fails(ConditionType.PROGRAMMED, entry.conflict.reason, entry.conflict.message)
    if entry.faults:
        message = "; ".join(fault.message for fault in entry.faults)
    elif entry.denials and entry.protocol is not None:
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
