"""What a client refused of one type, and what it is sent once more for that. Pure.

Three things are sent that are no news, in this order, and only where nothing else is due:

1. what travelled with a refused resource, one group after the other (`nack_retry`, rule 73). That does not wait for
   the answer to the group before, or one bad resource of a thousand would cost a thousand round trips;
2. what was refused itself, each alone and in its time (`pending`). Where pushes await ACKs, so does this;
3. a Listener whose turn it is (`port_order`), which is neither: it is part of a push, or of a try.

Children do not follow a Listener that is tried, since they would be sent with every try; they follow when it is taken.
A cluster is not taken before it has them, so there they do.

What is refused in company is a suspicion for as long as it takes to send each alone. What is pending is certain, and
this is what people are told of.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from egxds.sessions.client_state import ClientState, Difference, Scope
from egxds.sessions.events import Response
from egxds.sessions.in_flight import InFlight, Refused
from egxds.sessions.nack_retry import Group, culprits, retries
from egxds.sessions.pending import PendingResources
from egxds.sessions.policy import TypePolicy
from egxds.sessions.port_order import PortOrder, Turn, is_held_by_another
from egxds.snapshot.snapshot import VersionedResource, VersionedResources


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is sent once more.

    Attributes:
        difference: what goes out.
        is_retry: the client refused it by itself before.
        later: names that are to be compared once more when this is out.
    """

    difference: Difference
    is_retry: bool = False
    later: tuple[str, ...] = ()


class Refusals:
    """Of one type on one stream.

    Attributes:
        pending: what the client refuses, whatever comes beside it.
        waits_until_s: when something can be sent that has to wait now; None where nothing has to.
    """

    def __init__(self, policy: TypePolicy, client: ClientState, in_flight: InFlight) -> None:
        """Start with nothing refused.

        Args:
            policy: what is particular to the type.
            client: what the client has.
            in_flight: responses that are out.
        """
        self.pending = PendingResources()
        self.waits_until_s: float | None = None
        self._awaits_ack = policy.awaits_ack
        self._client = client
        self._in_flight = in_flight
        self._groups: deque[Group] = deque()
        self._taken: list[VersionedResource] = []
        self._port_order = PortOrder() if policy.has_addresses else None

    def __bool__(self) -> bool:
        """Say whether anything is refused, or to be sent once more."""
        return bool(self._in_flight.refused or self.pending or self._groups)

    @property
    def has_groups(self) -> bool:
        """Whether something that travelled with a refused resource is to be sent."""
        return bool(self._groups)

    def begin(self, reported: Mapping[str, str], doubts: Collection[str]) -> None:
        """Take what a client holds from an earlier stream.

        Args:
            reported: name → version.
            doubts: names of which it may hold something else than it says.
        """
        if self._port_order is not None:
            self._port_order.begin(reported, doubts)

    def refuse(self, response: Response, message: str, now_s: float) -> tuple[VersionedResource, ...]:
        """Note that the client refused a response.

        Args:
            response: what it refused.
            message: what it said.
            now_s: monotonic seconds.

        Returns:
            What of it is refused for itself; nothing where that is not known yet.
        """
        bad = culprits(response, message)
        self.pending.refuse(bad, message, now_s)
        self._groups.extend(retries(response, message))
        if self._port_order is not None:
            # Where nobody is named nothing of it was applied.
            self._port_order.refused(bad or response.resources)
        return bad

    def took(self, response: Response) -> None:
        """Note that the client took a response."""
        if self._port_order is not None:
            self._port_order.took(response.resources, response.removed)
        if self.pending:
            refused = self._in_flight.refused
            self.pending.forget([one.name for one in response.resources if one.name not in refused])
        if response.is_retry:
            self.pending.hasten()
            if self._awaits_ack:
                self._taken.extend(response.resources)

    def sent(self, difference: Difference) -> None:
        """Note what goes out, before it is noted as what the client has.

        What it is sent in another version, or is rid of, it does not refuse. And what it refuses may be possible with
        anything that is new to it.
        """
        if self._port_order is not None:
            self._port_order.sent(difference.updated)
        self.pending.forget(difference.removed)
        if self.pending:
            self.pending.forget([one.name for one in difference.updated if not self.is_refused(one)])
            known = self._client.versions
            if difference.removed or any(known.get(one.name) != one.version for one in difference.updated):
                self.pending.hasten()

    @property
    def has_taken(self) -> bool:
        """Whether `taken` has something to return."""
        return bool(self._taken)

    def taken(self) -> tuple[VersionedResource, ...]:
        """Return what was taken after all, and is now to be followed by its children; once."""
        taken = tuple(self._taken)
        self._taken.clear()
        return taken

    def is_refused(self, resource: VersionedResource) -> bool:
        """Say whether the client refuses a resource in this version, alone or in company."""
        pending = self.pending.get(resource.name)
        is_pending = pending is not None and pending.resource.version == resource.version
        return is_pending or self._in_flight.is_refused(resource.name, resource.version)

    def of(self, name: str) -> Refused | None:
        """Return what is known of a resource that is refused, alone or in company; None where it is not."""
        pending = self.pending.get(name)
        if pending is not None:
            return Refused(pending.resource.version, pending.message, pending.resource.sources)
        return self._in_flight.refused.get(name)

    def due_at_s(self, now_s: float) -> float:
        """Return when something that was refused is to be tried; infinity where never."""
        if not self.pending:
            return math.inf
        due_at_s = self.pending.due_at_s()
        # Due already: then it is for the answer to what is out that it waits.
        return max(due_at_s, self._in_flight.free_at_s()) if self._awaits_ack and due_at_s <= now_s else due_at_s

    def in_turn(
        self, difference: Difference, mapping: VersionedResources, scope: Scope
    ) -> tuple[Difference, tuple[str, ...]]:
        """Divide a difference into what may go now and the names of what waits for an address.

        Args:
            difference: what the client is to be told.
            mapping: all there are of this type.
            scope: in which it was compared; an answer waits for nothing.
        """
        if self._port_order is None:
            return difference, ()
        self._port_order.compare(mapping)
        turn = Turn(difference.updated) if scope is Scope.OWED else self._port_order.turn(difference.updated)
        if not turn.later:
            return difference, ()
        removed = tuple(sorted({*difference.removed, *turn.removed}))
        return Difference(turn.updated, removed, difference.withheld), turn.later

    def attempt(self, mapping: VersionedResources, now_s: float) -> Attempt | None:
        """Return what to send once more; None where there is nothing, or it has to wait.

        Args:
            mapping: all there are of this type.
            now_s: monotonic seconds.
        """
        self.waits_until_s = None
        while self._groups:
            # Past the limit the oldest would be forgotten before its answer came, and with it what it was sent to find
            # out.
            if now_s < self._in_flight.free_at_s() and not self._in_flight.has_room():
                self.waits_until_s = self._in_flight.free_at_s()
                return None
            difference = self._still_due(self._groups.popleft(), mapping)
            if difference:
                return Attempt(difference)
        return self._try_again(mapping, now_s)

    def _still_due(self, group: Group, mapping: VersionedResources) -> Difference:
        """Return what of a group is as it was when it was refused; the rest has had its turn, or will."""
        group = tuple(sorted(group))
        for name in group:
            # It has gone meanwhile. Should it come back unchanged, it must go out: the client may never have had it.
            if name not in mapping:
                self._client.doubt(name, mapping)
        found = [mapping[name] for name in group if name in mapping and self._client.holds(name)]
        updated = [resource for resource in found if self._in_flight.is_refused(resource.name, resource.version)]
        gone = [name for name in group if name not in mapping and not self._client.holds(name)]
        removed = [name for name in gone if self._client.subscription.wants(name)]
        # A part of a response that was not too large is not too large.
        return Difference(tuple(updated), tuple(removed))

    def _try_again(self, mapping: VersionedResources, now_s: float) -> Attempt | None:
        """Return one resource that the client refused and may take now."""
        if not self.pending or self.due_at_s(now_s) > now_s:
            return None
        listed = [each.resource for each in self.pending.all()]
        there = [resource for resource in listed if self._is_wanted(resource, mapping)]
        self.pending.forget({one.name for one in listed} - {one.name for one in there})
        due = self.pending.due(now_s)
        if not due:
            return None
        turn = self._turn(there, due)
        name = _first(due, turn.updated)
        self.pending.tried((name,), now_s)
        removed = tuple(gone for gone in turn.removed if gone != name)
        return Attempt(Difference((mapping[name],), removed), is_retry=True, later=removed)

    def _turn(self, there: Collection[VersionedResource], due: Collection[str]) -> Turn:
        """Divide what is refused into what may be tried now, and what waits for an address."""
        if self._port_order is None:
            return Turn(tuple(there))
        turn = self._port_order.turn(there, self._is_held)
        ready = {resource.name for resource in turn.updated}
        if turn.removed or not ready.isdisjoint(due):
            return turn
        # What waits for nobody is refused for a reason of its own, maybe for good: those that wait for each other do
        # not wait for that.
        return self._port_order.turn([resource for resource in there if resource.name not in ready], self._is_held)

    def _is_wanted(self, resource: VersionedResource, mapping: VersionedResources) -> bool:
        """Tell whether what was refused is still what the client is to have."""
        now = mapping.get(resource.name)
        return now is not None and now.version == resource.version and self._client.subscription.wants(resource.name)

    def _is_held(self, name: str) -> bool:
        pending = self.pending.get(name)
        return pending is not None and is_held_by_another(pending.message)


def _first(due: Collection[str], ready: Iterable[VersionedResource]) -> str:
    """Return the name to try: one that waits for no other, where there is one.

    What has to wait for another that is not due itself is tried all the same: that one may have moved meanwhile.
    """
    waits_for_none = {resource.name for resource in ready}
    return next((name for name in due if name in waits_for_none), next(iter(due)))
