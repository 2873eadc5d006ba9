"""Which responses of one type are out, and what the client said to those that were. Pure.

An ACK or a NACK is matched by its nonce alone, whatever the order in which they come (rule 75), and may never come at
all: Envoy drops a response without a word where nothing of it watches the type, and holds ACKs and NACKs of clusters
back while any of them warms (rule 77). So a response counts as unanswered for a while only:

              ACK ----------------------------------------------> taken
    out ---+- NACK ----------------------------------------------> refused
           +- 10 s, and a newer one is answered -------------------> lost: a late answer means nothing
           +- 256 newer ones are out ------------------------------> forgotten, the same

Two times follow. From `free_at_s` on the oldest counts as lost, and pushing goes on. From `quiet_at_s` on all of them
do, and what waits for the client to have taken everything, a removal, goes on: for that the newest counts, because it
is the newest that leaves what is to be removed.

What is known of a resource, `acked` and `refused`, is by name and not by response: a response may hold names that a
newer one has again, and the newer one knows better, be its answer the first to arrive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from egxds.object_key import ObjectKey
from egxds.sessions.events import Refusal, Response
from egxds.sessions.in_order import InOrder
from egxds.sessions.overlay import Versions

ACK_TIMEOUT_S = 10.0
"""How long an ACK is waited for. An ACK of anything but clusters comes at once, or, on a machine that is busy, late."""

IN_FLIGHT_LIMIT = 256
"""How many unanswered responses of one type are remembered: a client that never answers is not to cost without end."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The version of a resource that the client refused, alone or in company, and what it said."""

    version: str
    message: str
    sources: Sequence[ObjectKey] = ()


@dataclass(frozen=True, slots=True)
class _Sent:
    response: Response
    number: int
    at_s: float
    given_up: set[str] = field(default_factory=set)
    """Names that the client got rid of since; it may have been sent some of them again."""


class InFlight:
    """Responses of one type on one stream.

    Attributes:
        acked: resource name → version the client took last.
        refused: resource name → what it refused since, and was not sent again.
        last_sent_nonce: of the newest response.
        last_acked_nonce: of the newest that was taken.
        sent_count: responses so far.
        acked_count: of those, taken.
        nacked_count: of those, refused.
        last_error: what the client said to the newest refusal.
        last_acked_at_s: when the client took a response last, in monotonic seconds; None before the first.
    """

    def __init__(self, in_order: InOrder) -> None:
        self.acked = Versions(in_order)
        self.refused: dict[str, Refused] = {}
        self.last_sent_nonce = ""
        self.last_acked_nonce = ""
        self.sent_count = 0
        self.acked_count = 0
        self.nacked_count = 0
        self.last_error = ""
        self.last_acked_at_s: float | None = None
        self._newest_settled = 0
        self._in_flight: dict[str, _Sent] = {}
        self._heartbeats: dict[str, Response] = {}

    def record(self, response: Response, now_s: float) -> None:
        """Note a response that goes out now: the client is asked anew about what it had refused."""
        if len(self._in_flight) >= IN_FLIGHT_LIMIT:
            del self._in_flight[next(iter(self._in_flight))]
        self.sent_count += 1
        self._in_flight[response.nonce] = _Sent(response, self.sent_count, now_s)
        self.last_sent_nonce = response.nonce
        # Its answer will be the newest word on them; until it comes, what was said to an older version says nothing.
        if self.refused:
            for resource in response.resources:
                self.refused.pop(resource.name, None)

    def settle(
        self, nonce: str, refusal: Refusal | None, now_s: float, holds: Callable[[str], bool]
    ) -> Response | None:
        """Note the answer to a response.

        Args:
            nonce: which response.
            refusal: present where it is a NACK.
            now_s: monotonic seconds.
            holds: says whether the client has a resource.

        Returns:
            The response; None where no such response is out.
        """
        sent = self._in_flight.pop(nonce, None)
        if sent is None:
            return None
        self._forget_lost_before(sent, now_s)
        # Told by the order of sending, and not of nonces: those are strings, and other types' stand between them.
        is_late = sent.number < self._newest_settled
        self._newest_settled = max(sent.number, self._newest_settled)
        if refusal is not None:
            self._refuse(sent.response, refusal)
        else:
            self.last_acked_at_s = now_s
            take = self._take_late if is_late else self._take
            take(sent.response)
        # The client is rid of these since. A refusal that it can never take back would hold removals of other types
        # back for ever (rule 83).
        self.forget([name for name in sent.given_up if not holds(name)])
        return sent.response

    def record_heartbeat(self, response: Response) -> None:
        """Note a heartbeat that goes out now; it is no push, and nothing waits for its answer."""
        if len(self._heartbeats) >= IN_FLIGHT_LIMIT:
            del self._heartbeats[next(iter(self._heartbeats))]
        self._heartbeats[response.nonce] = response

    def settle_heartbeat(self, nonce: str) -> Response | None:
        """Note the answer to a heartbeat; None where no such heartbeat is out."""
        return self._heartbeats.pop(nonce, None)

    def forget(self, names: Collection[str]) -> None:
        """Drop what is known of resources that the client is rid of."""
        if not names:
            return
        self.acked.drop(names)
        for name in names if self.refused else ():
            self.refused.pop(name, None)
        for sent in self._in_flight.values():
            sent.given_up.update(names)

    def is_refused(self, name: str, version: str) -> bool:
        """Say whether this version of a resource was refused, and nothing taken since."""
        refused = self.refused.get(name)
        return refused is not None and refused.version == version

    def free_at_s(self) -> float:
        """Return when the oldest unanswered response counts as lost, after which pushing goes on."""
        return next(iter(self._in_flight.values())).at_s + ACK_TIMEOUT_S if self._in_flight else -math.inf

    def quiet_at_s(self) -> float:
        """Return when the newest unanswered response counts as lost, and so all of them."""
        return next(reversed(self._in_flight.values())).at_s + ACK_TIMEOUT_S if self._in_flight else -math.inf

    def is_waiting(self) -> bool:
        """Say whether a response is out that the client has said nothing to."""
        return bool(self._in_flight)

    def has_room(self) -> bool:
        """Say whether another response can go out without forgetting one that is."""
        return len(self._in_flight) < IN_FLIGHT_LIMIT

    def _take(self, response: Response) -> None:
        self.acked.put_all(response.resources)
        if self.refused:
            for resource in response.resources:
                self.refused.pop(resource.name, None)
        self.last_acked_nonce = response.nonce
        self.acked_count += 1

    def _take_late(self, response: Response) -> None:
        """Note an ACK that comes after the answer to a newer response, which knows better."""
        for resource in response.resources:
            # Refused since: which of the two the client runs is not known, so none is said to be taken.
            if resource.name not in self.refused and resource.name not in self.acked:
                self.acked.put(resource.name, resource.version)
        self.acked_count += 1

    def _refuse(self, response: Response, refusal: Refusal) -> None:
        for resource in response.resources:
            self.refused[resource.name] = Refused(resource.version, refusal.message, resource.sources)
        self.nacked_count += 1
        self.last_error = refusal.message

    def _forget_lost_before(self, sent: _Sent, now_s: float) -> None:
        """Drop older responses that count as lost: a client that answers a newer one will not come back to them."""
        older = [(nonce, other) for nonce, other in self._in_flight.items() if other.number < sent.number]
        for nonce, other in older:
            if other.at_s + ACK_TIMEOUT_S <= now_s:
                del self._in_flight[nonce]
