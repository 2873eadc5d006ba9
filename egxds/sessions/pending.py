"""What a client refuses for now: when each resource is sent to it once more. Pure.

What an Envoy refuses by itself, alone or by name, is bad, or is not possible on its machine just now: a port that
another program has, an address that is not there yet, a file that is missing. Which of the two it is cannot be told
from here, so nothing that was refused is ever done with. It waits, alone, for its next try:

                                                              due again after
    refused ---> waits ---- its time has come ----> tried     1 s, then twice as long each time, 10 s at the most
                   |                                  |
                   |<--------- refused again ---------+
                   |<--------- no answer -------------+       10 s, as any ACK is waited for
                   |
                   |---- what it may depend on has changed -------> 1 s after its last try; the steps begin anew
                   '---- somebody knows that the cause is gone ---> now
    taken, sent in another version, or gone ------> forgotten

What it may depend on is another resource of its type, which a client has just taken or dropped (the Listener that had
the port), and its own children. The second between two tries holds for these, too: endpoints change all the time, and
one resource that is bad must not be sent with every change of the others.

A try is a response of its own, since Envoy refuses with a bad resource what comes beside it (`nack_retry`). The longest
step is a matter of patience: whoever stops a program to free its port should not have to wait, and a NACK every ten
seconds costs nobody anything.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from egxds.resources.resource import Key
from egxds.sessions.in_flight import ACK_TIMEOUT_S
from egxds.snapshot.snapshot import VersionedResource

FIRST_STEP_S = 1.0
LONGEST_STEP_S = 10.0


@dataclass(slots=True)
class Pending:
    """One resource that the client refuses.

    Attributes:
        resource: in the version that is refused.
        message: what the client said the last time.
        tries: how often it was refused.
        tried_at_s: when it was sent, or refused, last, in monotonic seconds.
        due_at_s: when it is sent next.
        step_s: from the next refusal to the try after that.
        children: what it refers to → version that went out since it was refused.
    """

    resource: VersionedResource
    message: str
    tries: int
    tried_at_s: float
    due_at_s: float
    step_s: float
    children: dict[Key, str] = field(default_factory=dict)


class PendingResources:
    """What one client refuses of one type."""

    def __init__(self) -> None:
        self._pending: dict[str, Pending] = {}

    def __bool__(self) -> bool:
        """Say whether anything is refused."""
        return bool(self._pending)

    def all(self) -> tuple[Pending, ...]:
        """Return what is refused, in the order in which that began."""
        return tuple(self._pending.values())

    def get(self, name: str) -> Pending | None:
        """Return a resource that is refused; None where it is not."""
        return self._pending.get(name)

    def refuse(self, resources: Iterable[VersionedResource], message: str, now_s: float) -> None:
        """Note that each of these is refused, whatever comes beside it.

        Args:
            resources: in the versions that were refused.
            message: what the client said.
            now_s: monotonic seconds.
        """
        for resource in resources:
            known = self._pending.get(resource.name)
            is_same = known is not None and known.resource.version == resource.version
            if known is None or not is_same:
                known = Pending(resource, message, 0, now_s, now_s, FIRST_STEP_S)
                self._pending[resource.name] = known
            known.message = message
            known.tries += 1
            known.tried_at_s = now_s
            known.due_at_s = now_s + known.step_s
            known.step_s = min(2 * known.step_s, LONGEST_STEP_S)

    def tried(self, names: Iterable[str], now_s: float) -> None:
        """Note that these are sent once more; the answer may be lost."""
        for name in names:
            self._pending[name].tried_at_s = now_s
            self._pending[name].due_at_s = now_s + ACK_TIMEOUT_S

    def forget(self, names: Iterable[str]) -> None:
        """Drop what the client took, was sent in another version, or is rid of."""
        if self._pending:
            for name in names:
                self._pending.pop(name, None)

    def hasten(self) -> None:
        """Try everything soon: another resource of the type is new to the client, or gone."""
        for each in self._pending.values():
            _hasten(each)

    def hasten_parents(self, sent: Iterable[VersionedResource]) -> None:
        """Try soon what refers to one of these, where it is another than before: that may have been what it lacked."""
        for child in sent:
            key = (child.type_url, child.name)
            for each in self._pending.values():
                # Behind a cluster that is tried its children go out as they were.
                if key in each.resource.children and each.children.get(key) != child.version:
                    each.children[key] = child.version
                    _hasten(each)

    def hurry(self, now_s: float) -> int:
        """Try everything now.

        Returns:
            How much that is.
        """
        for each in self._pending.values():
            each.step_s = FIRST_STEP_S
            each.due_at_s = min(each.due_at_s, now_s)
        return len(self._pending)

    def due(self, now_s: float) -> Collection[str]:
        """Return what is to be tried now, what waited longest first."""
        due = [each for each in self._pending.values() if each.due_at_s <= now_s]
        return [each.resource.name for each in sorted(due, key=lambda each: each.due_at_s)]

    def due_at_s(self) -> float:
        """Return when the next try is due; infinity where nothing is refused."""
        return min((each.due_at_s for each in self._pending.values()), default=math.inf)


def _hasten(pending: Pending) -> None:
    """Begin the steps of a resource anew."""
    pending.step_s = FIRST_STEP_S
    pending.due_at_s = min(pending.due_at_s, pending.tried_at_s + FIRST_STEP_S)
