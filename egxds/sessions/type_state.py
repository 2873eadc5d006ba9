"""One type on one stream: what the client wants, what it was sent, and what it is to be sent next. Pure.

All types of a stream are independent (rule 7). The state of one is three facts, none of which follows from another:

    begun?     NEW ------ first request -------> BEGUN ------ any later request ------> BEGUN
                          may report versions           names are answered, versions mean nothing

    synced?    BEHIND --- respond() withholds nothing and leaves no rest -----------> SYNCED
               SYNCED --- the snapshot has another revision of the type ------------> BEHIND

    answers?   QUIET ---- a response goes out --------------------------------------> AWAITING
               AWAITING - ACK, or 10 s without a word -------------------------------> QUIET
               AWAITING - NACK -------------------------------------------------------> REFUSED
               REFUSED -- the resource is taken, or the client is rid of it ----------> QUIET

"First" is told by NEW, and not by an empty nonce: old Envoys carry a stale one over a reconnect (rule 17). Synced is
told by the identity of the revision, so that an ACK costs nothing however many resources there are, and a revision that
follows costs the names in which it differs (`client_state`). And REFUSED has no
time limit where AWAITING has one: a client that is silent may have taken everything, one that refused has not.

What is sent next, the first that there is:

1. what is owed: a name that was asked for, a child of a parent that has just gone out. It waits for nothing (rules 31,
   76);
2. the difference to the snapshot; for types that await ACKs, once the push before is answered or lost (rule 76);
3. what was refused, or travelled with what was (`refusals`). It comes behind the difference, because what changed since
   has its turn there and need not be tried in its old version;
4. heartbeats, which are no news and must not be taken for the one push that may be out (rule 99).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from egxds.cut_text import cut
from egxds.resources.resource import Key
from egxds.sessions.client_state import ClientState, Difference, Scope
from egxds.sessions.events import Acked, Event, Nacked, Request, Response, UnexpectedRequest
from egxds.sessions.heartbeats import Heartbeats
from egxds.sessions.in_flight import InFlight
from egxds.sessions.in_order import InOrder
from egxds.sessions.policy import policy_of
from egxds.sessions.refusals import Attempt, Refusals
from egxds.sessions.split_response import split_response
from egxds.sessions.status import ResourceStatus, SyncState, TypeStatus, Uptake
from egxds.sessions.subscription import WILDCARD
from egxds.sessions.used_unacked import UsedUnacked
from egxds.snapshot.snapshot import VersionedResource, VersionedResources

SHOWN_CHARS = 80
"""How much of what a client says is repeated in messages."""


class TypeState:
    """What one stream knows about one type.

    Attributes:
        type_url: the type.
        policy: what is particular to it.
        in_flight: responses, and the answers to them.
        refusals: what the client refused, and what is sent once more for that.
        waits_until_s: when time alone lets something be sent that had to wait; None where nothing waits for time.
        is_withholding: removals wait for other types.
    """

    def __init__(
        self,
        type_url: str,
        in_order: InOrder,
        used_unacked: UsedUnacked | None = None,
        max_response_bytes: int | None = None,
    ) -> None:
        """Start a type that the client has just asked for.

        Args:
            type_url: the type.
            in_order: what all streams share of it.
            used_unacked: what the client's node may hold without saying so; None where it says all.
            max_response_bytes: size of a response; None where there is no limit.
        """
        self.type_url = type_url
        self.policy = policy_of(type_url)
        self.in_flight = InFlight(in_order)
        self.waits_until_s: float | None = None
        self.is_withholding = False
        self._client = ClientState(self.policy, in_order)
        self._has_begun = False
        self.refusals = Refusals(self.policy, self._client, self.in_flight)
        self._used_unacked = used_unacked
        self._max_response_bytes = max_response_bytes
        self._split_scope: Scope | None = None
        self._heartbeats = Heartbeats()

    @property
    def is_split(self) -> bool:
        """Whether the last response was a part, and the next one is another."""
        return self._split_scope is not None

    @property
    def name_bytes(self) -> int:
        """Size of the names that the client asks for."""
        return self._client.subscription.name_bytes

    @property
    def subscribed_count(self) -> int:
        """How many names the client asked for one by one."""
        return len(self._client.subscription.names)

    def receive(self, request: Request, now_s: float) -> tuple[Event, ...]:
        """Take a request: first as an answer to a response, then as a change of the subscription.

        Neither depends on the other: a request with a stale nonce, or a refusal, may carry names (rules 71, 72). The
        answer comes first, for it is about what the client held before it changed its mind.
        """
        events = [*self._settle(request, now_s), *self._oddities(request)]
        if self._has_begun:
            gone = self._client.change(request)
            self._heartbeats.stop(gone)
            self.in_flight.forget(gone)
            self.refusals.pending.forget(gone)
        else:
            self._has_begun = True
            # The client cannot report what it uses of a response that it refused: the node's memory says that beside
            # it.
            used = self._used_unacked
            doubts = tuple(used.doubts(request.initial_versions)) if used is not None else ()
            self._client.begin(request, doubts)
            self.refusals.begin(request.initial_versions, doubts)
        return tuple(events)

    def has_work(self, mapping: VersionedResources, now_s: float) -> bool:
        """Say whether there may be something to send."""
        is_behind = not self._client.is_synced(mapping) or not self._client.is_settled()
        return is_behind or self.refusals.has_groups or self.due_at_s(now_s) <= now_s

    def due_at_s(self, now_s: float) -> float:
        """Return when the client is to be reminded of something, or tried once more; infinity where never."""
        return min(self._heartbeats.next_at_s(), self.refusals.due_at_s(now_s))

    def is_quiet(self, mapping: VersionedResources, now_s: float) -> bool:
        """Say whether the client has everything and has taken it, or has been silent for too long."""
        if self.refusals or not self._client.is_settled() or now_s < self.in_flight.quiet_at_s():
            return False
        return self._client.is_synced(mapping) or not self._client.difference(mapping, Scope.ALL)

    def has_taken_all(self, mapping: VersionedResources) -> bool:
        """Say whether the client was sent everything, and has taken all of it, however long its answers take."""
        is_sent = self._client.is_synced(mapping) and self._client.is_settled()
        return is_sent and not self.refusals and not self.in_flight.is_waiting()

    def has_given(self, name: str) -> bool:
        """Say whether the client has been told of a resource, and is owed nothing about it."""
        return self._client.has_given(name)

    def waiting_behind(self, resource: VersionedResource) -> Collection[Key]:
        """Return the children that the client waits for once it has this resource, which goes out.

        Where it has taken an earlier version it exchanges the parts that are others, with what was fetched for it then.
        Where one of several versions may be what it has, the one taken last counts: what is new since that is all that
        is new since any of the others.
        """
        return resource.children_since(self.in_flight.acked.get(resource.name))

    def uptake(self, name: str, version: str) -> Uptake:
        """Say what became of a version of a resource.

        Args:
            name: of the resource.
            version: which; empty for its removal.
        """
        held = self._client.versions.get(name)
        if not held and not self._client.subscription.wants(name):
            return Uptake.NOT_ASKED
        if version and self.in_flight.acked.get(name) == version:
            return Uptake.TAKEN
        refused = self.refusals.of(name)
        if refused is not None and refused.version == version:
            return Uptake.NOT_TAKEN
        # What it reported when it came back it has taken before, and a removal has no version to be taken.
        is_said = held == version if version else not held
        return Uptake.TAKEN if is_said and not self.in_flight.is_waiting() else Uptake.NOT_TAKEN

    def send_again(self, name: str, mapping: VersionedResources) -> bool:
        """Owe the client a resource whose parent goes out, if it wants it; one that is not there, once it is.

        Returns:
            Whether it is owed now; not where the client does not watch it, or has refused just this version.
        """
        if not self._client.subscription.wants(name):
            return False
        resource = mapping.get(name)
        if resource is None:
            # Its parent will wait for it. When it is back it must be sent, be it in the version that was sent before: a
            # removal that was never told would make that look like no change.
            self._client.doubt(name, mapping)
            return False
        # The same bytes would be refused again, and each refusal of a parent would send them once more.
        if self.refusals.is_refused(resource):
            return False
        self._client.owed.add(name)
        return True

    def respond(self, mapping: VersionedResources, scope: Scope, nonce: str, now_s: float) -> Response | None:
        """Return what is to be sent next.

        Args:
            mapping: all there is of this type.
            scope: whether removals may go now.
            nonce: for the response.
            now_s: monotonic seconds.

        Returns:
            A response, noted as sent; None where there is nothing to send, or it has to wait.
        """
        self.waits_until_s = None
        # The scope of the part before is needed to narrow this one's; only after that is it over.
        scope = self._narrowed(scope, mapping, now_s)
        self._split_scope = None
        difference = self._client.difference(mapping, scope)
        if scope is not Scope.OWED:
            self.is_withholding = bool(difference.withheld)
        owes_response = self._client.owes_response
        difference, later = self.refusals.in_turn(difference, mapping, scope)
        # Before the cut: what does not fit is owed anew by `_leave`.
        self._client.settle(mapping, scope, difference.withheld)
        self._client.postpone(later, mapping)
        if difference or owes_response:
            part, rest = split_response(difference, self._max_response_bytes)
            if rest:
                self._leave(rest, scope)
            response = self._send(part, nonce, now_s)
            self._rest()
            return response
        self._rest()
        if scope is Scope.OWED and not self._client.is_synced(mapping):
            self.waits_until_s = self.in_flight.free_at_s()
            # A push waits here, for an ACK or for clusters that warm. A retry would be a push ahead of it; a heartbeat
            # is none.
            return self._beat(nonce, now_s)
        attempt = self.refusals.attempt(mapping, now_s)
        self.waits_until_s = self.refusals.waits_until_s
        return self._send_again(attempt, mapping, nonce, now_s) if attempt is not None else self._beat(nonce, now_s)

    def status(self, mapping: VersionedResources) -> TypeStatus:
        """Describe the type on this stream.

        Args:
            mapping: all there is of this type.
        """
        in_flight = self.in_flight
        return TypeStatus(
            type_url=self.type_url,
            state=self._sync_state(mapping),
            is_wildcard=self._client.subscription.is_wildcard,
            subscribed=self.subscribed_count,
            last_sent_nonce=in_flight.last_sent_nonce,
            last_acked_nonce=in_flight.last_acked_nonce,
            sent=in_flight.sent_count,
            acked=in_flight.acked_count,
            nacked=in_flight.nacked_count,
            last_error=in_flight.last_error,
            last_acked_at_s=in_flight.last_acked_at_s,
            resources={name: self._resource_status(name, sent) for name, sent in self._client.versions.all().items()},
        )

    def _settle(self, request: Request, now_s: float) -> tuple[Event, ...]:
        refusal = request.refusal
        if not request.nonce:
            return (UnexpectedRequest(self.type_url, "a refusal without a nonce"),) if refusal else ()
        # Answers to heartbeats are no ACKs: nothing was pushed (rule 99).
        heartbeat = self.in_flight.settle_heartbeat(request.nonce)
        if heartbeat is not None:
            return self._settle_heartbeat(heartbeat, request)
        response = self.in_flight.settle(request.nonce, refusal, now_s, self._client.holds)
        if response is None:
            return (
                UnexpectedRequest(
                    self.type_url, f"no response {cut(request.nonce, SHOWN_CHARS)!r} is waiting for an answer"
                ),
            )
        if refusal is None:
            if self._used_unacked is not None:
                self._used_unacked.taken(response.resources, response.removed)
            self.refusals.took(response)
            self._rest()
            return (Acked(self.type_url, response.nonce),)
        bad = self.refusals.refuse(response, refusal.message, now_s)
        return (Nacked(self.type_url, response.nonce, response.resources, refusal, bad),)

    def _narrowed(self, scope: Scope, mapping: VersionedResources, now_s: float) -> Scope:
        """Return the scope to compare in: no more than may be sent, and no more than can differ."""
        # The next part of a response. Parts of an answer stay an answer; parts of a push do not wait for the ACK of the
        # part before, since no other type may come between them (rule 108).
        if self._split_scope is not None:
            return self._split_scope if self._split_scope is Scope.OWED else scope
        # A wildcard that was just asked for is an answer too, and an answer about everything. Removals may still have
        # to wait.
        if self._client.owes_all or self._client.owes_response:
            return Scope.ALL if scope is Scope.OWED else scope
        # Against the mapping that the client is synced to, nothing but what is owed can differ: that saves the
        # comparison of all resources with every request.
        is_held = self.policy.awaits_ack and now_s < self.in_flight.free_at_s()
        return Scope.OWED if is_held or self._client.is_synced(mapping) else scope

    def _beat(self, nonce: str, now_s: float) -> Response | None:
        """Return a heartbeat where one is due."""
        due = self._heartbeats.due(now_s)
        if not due:
            return None
        self._heartbeats.start(due, now_s)
        response = Response(self.type_url, nonce, heartbeats=due)
        self.in_flight.record_heartbeat(response)
        return response

    def _settle_heartbeat(self, heartbeat: Response, request: Request) -> tuple[Event, ...]:
        """Take the answer to a heartbeat: a client that refuses it has lost the resources, and gets them again."""
        if request.refusal is None:
            return ()
        names = {resource.name for resource in heartbeat.heartbeats}
        # A heartbeat has no body: who refuses it does not have the resource in that version.
        self._client.owed |= {name for name in names if self._client.holds(name)}
        return (Nacked(self.type_url, heartbeat.nonce, heartbeat.heartbeats, request.refusal),)

    def _send_again(self, attempt: Attempt, mapping: VersionedResources, nonce: str, now_s: float) -> Response:
        response = self._send(attempt.difference, nonce, now_s, is_retry=attempt.is_retry)
        self._client.postpone(attempt.later, mapping)
        return response

    def _send(self, difference: Difference, nonce: str, now_s: float, *, is_retry: bool = False) -> Response:
        response = Response(self.type_url, nonce, difference.updated, difference.removed, is_retry=is_retry)
        self.refusals.sent(difference)
        self._client.note(difference.updated, difference.removed)
        if self._used_unacked is not None:
            self._used_unacked.sent(difference.updated, difference.removed)
        if self.policy.has_heartbeats:
            self._heartbeats.start(difference.updated, now_s)
        self._heartbeats.stop(difference.removed)
        self.in_flight.forget(difference.removed)
        self.in_flight.record(response, now_s)
        return response

    def _leave(self, rest: Difference, scope: Scope) -> None:
        """Leave what did not fit for the next response."""
        self._split_scope = scope
        self._client.defer(rest, scope)

    def _rest(self) -> None:
        """Keep of the client what differs from what all share: once what goes out, or was taken, is noted."""
        self._client.rest()
        if self._client.synced is not None:
            self.in_flight.acked.rest_on(self._client.synced)

    def _sync_state(self, mapping: VersionedResources) -> SyncState:
        if not self.in_flight.sent_count and not self.has_taken_all(mapping):
            return SyncState.NOT_SENT
        if self.in_flight.refused or self.refusals.pending:
            return SyncState.NACKED
        # At infinity every ACK counts as lost, so this leaves out answers that are merely waited for: they come next.
        is_quiet = self.is_quiet(mapping, math.inf)
        return SyncState.SYNCED if is_quiet and not self.in_flight.is_waiting() else SyncState.STALE

    def _resource_status(self, name: str, sent_version: str) -> ResourceStatus:
        refused = self.refusals.of(name)
        return ResourceStatus(
            sent_version=sent_version,
            acked_version=self.in_flight.acked.get(name) or "",
            nacked_version=refused.version if refused else "",
            error=refused.message if refused else "",
            sources=refused.sources if refused else (),
        )

    def _oddities(self, request: Request) -> Iterator[UnexpectedRequest]:
        if "" in request.subscribe or "" in request.unsubscribe:
            yield UnexpectedRequest(self.type_url, "an empty resource name")
        # Most requests unsubscribe nothing, and may subscribe much.
        both = set(request.unsubscribe).intersection(request.subscribe) - {WILDCARD} if request.unsubscribe else set()
        if both:
            name = cut(min(both), SHOWN_CHARS)
            yield UnexpectedRequest(self.type_url, f"{name!r} is both subscribed and unsubscribed")
