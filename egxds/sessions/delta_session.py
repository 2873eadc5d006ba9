"""One delta xDS stream, without the stream: requests go in, responses come out. Pure.

The wire hands in every request and the newest snapshot, and then takes responses until there is none. What is sent is
decided in that moment, never before: a client that reads slowly gets the newest state, not every state. Several
requests that have arrived together are handed in together, so that one response answers them.
"""

from __future__ import annotations

from collections.abc import Iterator

from egxds.errors import RemoteProtocolError
from egxds.sessions.events import Event, Node, OddRequest, Request, Response
from egxds.sessions.holding import Scope
from egxds.sessions.ordering import Turns
from egxds.sessions.policy import REFERRERS
from egxds.sessions.status import TypeStatus
from egxds.sessions.type_state import SHOWN_CHARS, TypeState
from egxds.snapshot.snapshot import Snapshot

TYPES_LIMIT = 100
"""How many types one stream may ask for."""

NAMES_LIMIT = 1_000_000
"""How many resources one stream may name."""

_INVALID_ARGUMENT = 3
_RESOURCE_EXHAUSTED = 8


class DeltaSession:
    """One stream: aggregated, or of one fixed type.

    Attributes:
        node: who the client is, from its first request on.
    """

    def __init__(self, fixed_type: str | None = None) -> None:
        """Start a stream that holds nothing.

        Args:
            fixed_type: the one type of a stream that is not aggregated.
        """
        self.node: Node | None = None
        self._fixed_type = fixed_type
        self._snapshot: Snapshot | None = None
        self._types: dict[str, TypeState] = {}
        self._turns = Turns()
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
        return (*events, *self._state(type_url).receive(request, now_s))

    def offer(self, snapshot: Snapshot | None) -> None:
        """Take the newest snapshot of what this client is to hold.

        Args:
            snapshot: the newest; None where it is not known what the client is to hold: nothing is sent then.
        """
        self._snapshot = snapshot

    def next_response(self, now_s: float) -> Response | None:
        """Return what is to be written now.

        Args:
            now_s: monotonic seconds.

        Returns:
            A response, which counts as sent; None where there is nothing to send before the next request, the next
            snapshot, or `wakes_at`.
        """
        self._wakes_at_s = None
        snapshot = self._snapshot
        if snapshot is None:
            return None
        waits: list[float] = []
        for state in [self._types[type_url] for type_url in self._turns.order()]:
            self._turns.finish(state.type_url)
            response = self._respond(state, snapshot, now_s)
            if response is not None:
                self._turns.follow(self._owed_children(response, snapshot))
                return response
            waits.extend(self._waits(state, now_s))
        self._wakes_at_s = min(waits, default=None)
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
        return tuple(state.status() for state in self._types.values())

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
        named = sum(state.subscribed_count for state in self._types.values())
        if named + len(request.subscribe) + len(request.initial_versions) > NAMES_LIMIT:
            raise RemoteProtocolError(_RESOURCE_EXHAUSTED, f"one stream may name {NAMES_LIMIT} resources")

    def _meet(self, type_url: str, request: Request) -> tuple[Event, ...]:
        """Take the node from the first request; a stream stays with it."""
        if self.node is None:
            self.node = request.node
        elif request.node is not None and request.node != self.node:
            other = request.node.id[:SHOWN_CHARS]
            return (OddRequest(type_url, f"node {other!r} on the stream of node {self.node.id!r}"),)
        return ()

    def _state(self, type_url: str) -> TypeState:
        state = self._types.get(type_url)
        if state is None:
            state = self._types[type_url] = TypeState(type_url)
            self._turns.join(type_url)
        return state

    def _respond(self, state: TypeState, snapshot: Snapshot, now_s: float) -> Response | None:
        mapping = snapshot.of(state.type_url)
        if not state.has_work(mapping):
            return None
        response = state.respond(mapping, self._scope(state, snapshot, now_s), str(self._responses + 1), now_s)
        self._responses += response is not None
        return response

    def _scope(self, state: TypeState, snapshot: Snapshot, now_s: float) -> Scope:
        """Return what may be sent: what is still referred to is not removed."""
        if not state.policy.goes_last:
            return Scope.ALL
        is_free = all(other.is_quiet(snapshot.of(other.type_url), now_s) for other in self._referrers())
        return Scope.ALL if is_free else Scope.KEEP

    def _referrers(self) -> list[TypeState]:
        return [self._types[type_url] for type_url in REFERRERS if type_url in self._types]

    def _waits(self, state: TypeState, now_s: float) -> Iterator[float]:
        """Yield the times at which something of a type that waits now may be sent."""
        if state.waits_until_s is not None:
            yield state.waits_until_s
        if state.is_withholding:
            yield from (at_s for other in self._referrers() if (at_s := other.ledger.quiet_at_s()) > now_s)

    def _owed_children(self, response: Response, snapshot: Snapshot) -> set[str]:
        """Owe the client what the resources of a response refer to.

        Returns:
            The types that now owe something.
        """
        children = {child for resource in response.resources for child in resource.children}
        return {
            type_url
            for type_url, name in children
            if type_url in self._types and self._types[type_url].send_again(name, snapshot.of(type_url))
        }
