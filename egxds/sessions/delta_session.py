"""One delta xDS stream, without the stream: requests go in, responses come out. Pure.

The wire hands in every request and the newest snapshot, and then takes responses until there is none. What is sent is
decided in that moment, never before: a client that reads slowly gets the newest state, not every state. Several
requests that have arrived together are handed in together, so that one response answers them (rule 40).

Each turn the types are asked in push order, and the first that has something makes the response. What a type may send
depends on the others, and this is the one place where that is decided (rules 81 to 83):

    a Listener, a RouteConfiguration    only what is owed, while clusters that were sent warm (`warming`)
    a cluster, endpoints                all but removals, until Listeners and RouteConfigurations are taken
    anything else                       everything

Removals come last because Envoy routes by what it has: a cluster that goes before the routes to it costs a 503 for
each request in between. And they wait for the ACK, though a burst in the right order loses nothing: routes that were
refused still lead to the old cluster. A refusal holds them without a limit, a missing ACK for 10 s.

A type may also come to rest by its turn alone: it was owed something, and there turns out to be nothing to say (of a
RouteConfiguration that does not exist, rule 42), or what it refused has changed since. So a turn ends with a second
look at removals that waited; nothing else would bring them back before the next request.

What is owed goes through all of that: an answer, because the client may be stuck without it; and children behind their
parent, because Envoy has started to wait for them and does not ask (rules 76, 84, 87). Which children that are is said
by the parent that goes out, so it happens here and not in a type; a child that goes out owes nothing further, so there
is no loop (rule 85). Where only filter chains of a Listener are others, Envoy exchanges those, and what the Listener
had fetched before is there at once for the new ones too (seen with 1.40, drained or not): only what is new to it
follows (`children_since`). A Listener that differs otherwise, that is left without filter chains, that is sent once
more as it was taken, or that this stream has not seen taken, is followed by all.

A stream stays with the node of its first request (rule 2): served from another's, it would be told to drop everything.
A request is checked before any of it is taken, so that one that ends the stream has changed nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain

from egxds import names
from egxds.cut_text import cut
from egxds.errors import RemoteProtocolError
from egxds.resources.resource import Key
from egxds.sessions.client_state import Scope
from egxds.sessions.events import Event, Nacked, Node, Request, Response, UnexpectedRequest
from egxds.sessions.in_order import InOrderByType
from egxds.sessions.named_resources import NamedResources, NameLimits
from egxds.sessions.pacing import Pacing
from egxds.sessions.pending import Pending
from egxds.sessions.policy import REFERRERS, policy_of
from egxds.sessions.push_order import PushOrder
from egxds.sessions.status import TypeStatus, Uptake
from egxds.sessions.type_state import SHOWN_CHARS, TypeState
from egxds.sessions.used_unacked import UsedUnacked, UsedUnackedByNode
from egxds.sessions.warming import Warming
from egxds.snapshot.snapshot import EMPTY, Snapshot

TYPES_LIMIT = 100
"""How many types one stream may ask for; each has its own state, and a stranger may make up type URLs."""

_INVALID_ARGUMENT = 3
_RESOURCE_EXHAUSTED = 8


class DeltaSession:
    """One stream: aggregated, or of one fixed type.

    Attributes:
        node: who the client is, from its first request on.
        is_resumed: the client came with resources of an earlier stream; one that was started has none.
    """

    def __init__(
        self,
        fixed_type: str | None = None,
        used_unacked: UsedUnackedByNode | None = None,
        max_response_bytes: int | None = None,
        in_order: InOrderByType | None = None,
        limits: NameLimits | None = None,
    ) -> None:
        """Start a stream that holds nothing.

        Args:
            fixed_type: the one type of a stream that is not aggregated.
            used_unacked: what the nodes of earlier streams may hold without saying so; None where there were none.
            max_response_bytes: size over which a response is cut; None where clients take any size.
            in_order: what all streams share; None where there is no other.
            limits: how much it may name; None for what is usual.
        """
        self.node: Node | None = None
        self.is_resumed = False
        self._fixed_type = fixed_type
        self._used_unacked = UsedUnackedByNode() if used_unacked is None else used_unacked
        self._max_response_bytes = max_response_bytes
        self._in_order = InOrderByType() if in_order is None else in_order
        self._names = NamedResources(NameLimits() if limits is None else limits)
        self._pacing = Pacing()
        self._warming = Warming()
        self._types: dict[str, TypeState] = {}
        self._push_order = PushOrder()
        self._responses = 0
        self._wakes_at_s: float | None = None

    def receive(self, request: Request, now_s: float) -> tuple[Event, ...]:
        """Take a request.

        Args:
            request: in the order of arrival.
            now_s: monotonic seconds.

        Returns:
            What it meant, beyond a change of the subscription.

        Raises:
            RemoteProtocolError: the request breaks the protocol; the stream is to end, and nothing has changed.
        """
        type_url = self._resolved_type(request)
        self._check_node(request)
        self._check_size(type_url, request)
        events = self._meet(type_url, request)
        self.is_resumed = self.is_resumed or self.is_report(request)
        answers = self._state(type_url).receive(request, now_s)
        for answer in answers:
            if isinstance(answer, Nacked) and type_url == names.CLUSTER:
                # Envoy does not ask for what a refused cluster needs: routes would wait for a question that does not
                # come.
                self._warming.drop(cluster.name for cluster in answer.resources)
        return (*events, *answers)

    def is_report(self, request: Request) -> bool:
        """Say whether a request that is to be taken tells what the client holds: only the first of its type does."""
        return bool(request.initial_versions) and (request.type_url or self._fixed_type) not in self._types

    def offer(self, snapshot: Snapshot | None) -> None:
        """Take the newest snapshot of what this client is to hold.

        Args:
            snapshot: the newest; None where it is not known what the client is to hold: nothing is sent then.
        """
        self._pacing.offer(snapshot)

    def next_response(self, now_s: float) -> Response | None:
        """Return what is to be written now.

        Args:
            now_s: monotonic seconds.

        Returns:
            A response, which counts as sent; None where there is nothing to send before the next request, the next
            snapshot, or `wakes_at`.
        """
        self._wakes_at_s = None
        while (snapshot := self._pacing.take(now_s)) is not None:
            response = self._next_from(snapshot, now_s)
            if response is not None:
                self._pacing.wrote(response, now_s)
                return response
            if not self._pacing.finish(now_s):
                break
        return None

    def wakes_at(self) -> float | None:
        """Return when time alone makes a response due.

        Returns:
            Monotonic seconds; None where only a request or a snapshot can. Right once `next_response` has
            returned None, until something is handed in.
        """
        return self._wakes_at_s

    def status(self) -> tuple[TypeStatus, ...]:
        """Describe every type that the client asked for."""
        newest = self._pacing.newest or EMPTY
        return tuple(state.status(newest.of(state.type_url)) for state in self._types.values())

    def has_taken_all(self) -> bool:
        """Say whether the client has taken everything that there is for it; what it refuses it has not."""
        newest = self._pacing.newest
        return newest is not None and all(
            state.has_taken_all(newest.of(state.type_url)) for state in self._types.values()
        )

    def uptake(self, type_url: str, name: str, version: str) -> Uptake:
        """Say what became of a version of a resource.

        Args:
            type_url: of the resource.
            name: of the resource.
            version: which; empty for its removal.
        """
        state = self._types.get(type_url)
        return state.uptake(name, version) if state is not None else Uptake.NOT_ASKED

    def last_acked_at_s(self, type_url: str) -> float | None:
        """Return when the client took a response of a type last, in monotonic seconds; None before the first."""
        state = self._types.get(type_url)
        return state.in_flight.last_acked_at_s if state is not None else None

    def pending(self) -> tuple[Pending, ...]:
        """Return what the client refuses, whatever comes beside it."""
        return tuple(pending for state in self._types.values() for pending in state.refusals.pending.all())

    def try_again(self, now_s: float) -> int:
        """Have everything that the client refuses sent once more now: somebody knows that the cause is gone.

        Args:
            now_s: monotonic seconds.

        Returns:
            How many resources that is.
        """
        return sum(state.refusals.pending.hurry(now_s) for state in self._types.values())

    def _next_from(self, snapshot: Snapshot, now_s: float) -> Response | None:
        # Mostly nothing was refused, and a thousand streams ask at the same time.
        for taken in [state.refusals.taken() for state in self._types.values() if state.refusals.has_taken]:
            self._push_order.follow(self._owed_children((each.children for each in taken), snapshot))
        waits = [self._pacing.wakes_at_s()]
        for state in self._turns(snapshot, now_s):
            # It has had its turn as a child, whether or not anything was left to send.
            self._push_order.finish(state.type_url)
            response = self._respond(state, snapshot, now_s)
            if response is not None:
                self._note_warming(response, snapshot, now_s)
                # What was given once is owed again, and so not given for the parent that has changed: `warming` relies
                # on that.
                if not (response.is_retry and state.policy.awaits_ack):
                    waited_for = map(state.waiting_behind, response.resources)
                    self._push_order.follow(self._owed_children(waited_for, snapshot))
                self._keep_together(state)
                self._hasten_parents(response)
                return response
            waits.extend(self._waits(state, now_s))
        wakes_at_s = min(waits)
        self._wakes_at_s = None if math.isinf(wakes_at_s) else wakes_at_s
        return None

    def _turns(self, snapshot: Snapshot, now_s: float) -> Iterator[TypeState]:
        """Yield types in push order, and then those whose removals waited and need not any more."""
        yield from [self._types[type_url] for type_url in self._push_order.order()]
        withholding = [state for state in self._types.values() if state.is_withholding]
        if withholding and self._may_remove(snapshot, now_s):
            yield from withholding

    def _note_warming(self, response: Response, snapshot: Snapshot, now_s: float) -> None:
        """Have routes wait for the clusters of a response; where nothing waits yet, their time begins now."""
        if all(other.waits_until_s is None for other in self._referrers()):
            self._warming.forget_over(self._is_given, now_s)
        self._warming.sent(response, snapshot, now_s)

    def _hasten_parents(self, response: Response) -> None:
        """Try soon what was refused and refers to something that goes out: that may have been what it lacked."""
        for state in self._types.values():
            if state.refusals.pending:
                state.refusals.pending.hasten_parents(response.resources)

    def _keep_together(self, state: TypeState) -> None:
        """Have the parts of one response follow each other, from one snapshot."""
        if state.is_split:
            # Ahead of its own children too: no other type may come between the parts.
            self._push_order.follow((state.type_url,))
            self._pacing.pin()

    def _resolved_type(self, request: Request) -> str:
        type_url = request.type_url or self._fixed_type
        if not type_url:
            raise RemoteProtocolError(_INVALID_ARGUMENT, "a request on an aggregated stream needs a type_url")
        if self._fixed_type and type_url != self._fixed_type:
            raise RemoteProtocolError(_INVALID_ARGUMENT, f"this stream serves {self._fixed_type}, not {type_url}")
        return type_url

    def _check_node(self, request: Request) -> None:
        if self.node is None and (request.node is None or not request.node.id):
            raise RemoteProtocolError(_INVALID_ARGUMENT, "the first request of a stream needs a node with an id")

    def _check_size(self, type_url: str, request: Request) -> None:
        if type_url not in self._types and len(self._types) >= TYPES_LIMIT:
            raise RemoteProtocolError(_RESOURCE_EXHAUSTED, f"one stream may ask for {TYPES_LIMIT} types")
        self._names.take(self._types.values(), request, is_first=type_url not in self._types)

    def _meet(self, type_url: str, request: Request) -> tuple[Event, ...]:
        """Take the node from the first request; a stream stays with it."""
        if self.node is None:
            self.node = request.node
        elif request.node is not None and request.node != self.node:
            other, own = (cut(each.id, SHOWN_CHARS) for each in (request.node, self.node))
            return (UnexpectedRequest(type_url, f"node {other!r} on the stream of node {own!r}"),)
        return ()

    def _state(self, type_url: str) -> TypeState:
        state = self._types.get(type_url)
        if state is None:
            state = self._types[type_url] = TypeState(
                type_url, self._in_order.of(type_url), self._used_unacked_of(type_url), self._max_response_bytes
            )
            self._push_order.join(type_url)
        return state

    def _used_unacked_of(self, type_url: str) -> UsedUnacked | None:
        if self.node is None or not policy_of(type_url).is_used_unacked:
            return None
        return self._used_unacked.of(self.node.id, type_url)

    def _respond(self, state: TypeState, snapshot: Snapshot, now_s: float) -> Response | None:
        mapping = snapshot.of(state.type_url)
        # The scope looks at other types, which may compare all that they have: not for a type that has nothing to send.
        if not state.has_work(mapping, now_s):
            # What waited may have been taken back: the wire would wake for it again and again.
            state.waits_until_s = None
            return None
        response = state.respond(mapping, self._scope(state, snapshot, now_s), str(self._responses + 1), now_s)
        self._responses += response is not None
        return response

    def _scope(self, state: TypeState, snapshot: Snapshot, now_s: float) -> Scope:
        """Return what may be sent: what is led to goes first, and what is still referred to is not removed."""
        # A Listener is held like a route: its inline routes, and filters that call out, lead to clusters as well.
        if self._held_until_s(state, now_s) > now_s:
            return Scope.OWED
        if not state.policy.goes_last:
            return Scope.ALL
        return Scope.ALL if self._may_remove(snapshot, now_s) else Scope.KEEP

    def _may_remove(self, snapshot: Snapshot, now_s: float) -> bool:
        """Say whether the client has taken everything that may lead to what goes last."""
        return all(other.is_quiet(snapshot.of(other.type_url), now_s) for other in self._referrers())

    def _held_until_s(self, state: TypeState, now_s: float) -> float:
        """Return how long a type waits for clusters that it may lead to; minus infinity where it does not."""
        return self._warming.until_s(self._is_given, now_s) if state.type_url in REFERRERS else -math.inf

    def _is_given(self, child: Key) -> bool:
        type_url, name = child
        state = self._types.get(type_url)
        return state is not None and state.has_given(name)

    def _referrers(self) -> list[TypeState]:
        return [self._types[type_url] for type_url in REFERRERS if type_url in self._types]

    def _waits(self, state: TypeState, now_s: float) -> Iterator[float]:
        """Yield the times at which something of a type that waits now may be sent."""
        yield state.due_at_s(now_s)
        if state.waits_until_s is not None:
            yield max(state.waits_until_s, self._held_until_s(state, now_s))
        if state.is_withholding:
            # Refusals have no time at which they end; only ACKs that may be lost have.
            yield from (at_s for other in self._referrers() if (at_s := other.in_flight.quiet_at_s()) > now_s)

    def _owed_children(self, waited_for: Iterable[Iterable[Key]], snapshot: Snapshot) -> set[str]:
        """Owe the client what it waits for.

        Args:
            waited_for: children of each of some parents.
            snapshot: what there is.

        Returns:
            The types that now owe something.
        """
        children = set(chain.from_iterable(waited_for))
        return {
            type_url
            for type_url, name in children
            if type_url in self._types and self._types[type_url].send_again(name, snapshot.of(type_url))
        }
