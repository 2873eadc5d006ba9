"""Which Envoys are connected, which were lost, and which are behind with what there is for them. Pure.

An Envoy is a node id. It may have several streams: one for each type, or two processes while it restarts hot.

    AWAY ------ the first stream of the node opens -------> CONNECTED
    CONNECTED - its last stream closes -------------------> LOST, for an hour
    LOST ------ a stream of it opens, or an hour is over -> CONNECTED, or AWAY: it was taken away on purpose

    IN SYNC --- another state is offered -----------------> BEHIND since then
    BEHIND ---- it has taken all of the newest state -----> IN SYNC, with that generation

What an Envoy refuses it has not taken. All of this is kept as it happens, and those that are behind in the order in
which they fell behind, so that to ask for the slowest costs as many as are asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

FORGET_LOST_S = 3600.0
"""How long an Envoy counts as lost: who takes one away for good is not to be told of it for ever."""

MOST_LOST = 1000
"""Envoys that are remembered as lost; the oldest makes room."""


@dataclass(frozen=True, slots=True)
class OfferedState:
    """Which state a stream is offered.

    Attributes:
        generation: its number in the store that it is from.
        turn: of the candidate that it is from; 0 for the head (`egxds.snapshot.stores`).
    """

    generation: int = 0
    turn: int = 0

    def since(self, before: OfferedState) -> int:
        """Count the states since another; between two stores there is one, since numbers are those of a store."""
        if self.turn != before.turn:
            return 1
        return self.generation - before.generation


_NOTHING = OfferedState()


@dataclass(slots=True)
class _Stream:
    node_id: str
    offered: OfferedState = _NOTHING
    taken: OfferedState = _NOTHING
    behind_since_s: float | None = None


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind one stream is.

    Attributes:
        node_id: of its Envoy.
        seconds: since a state was offered of which it has not taken all; 0 where it has.
        generations: between the newest state that was offered and the one that it took whole.
    """

    node_id: str
    seconds: float
    generations: int


class EnvoyBook:
    """Remembers Envoys by their streams. Times are seconds since 1970."""

    def __init__(self) -> None:
        """Know of none."""
        self._streams: dict[int, _Stream] = {}
        self._nodes: Counter[str] = Counter()
        self._lost: dict[str, float] = {}
        # In the order in which they fell behind.
        self._behind: dict[int, None] = {}

    @property
    def connected(self) -> int:
        """How many Envoys are connected."""
        return len(self._nodes)

    def opened(self, stream: int, node_id: str) -> None:
        """Take note of a stream.

        Args:
            stream: its number.
            node_id: whose it is.
        """
        self._streams[stream] = _Stream(node_id)
        self._nodes[node_id] += 1
        self._lost.pop(node_id, None)

    def closed(self, stream: int, now_s: float) -> bool:
        """Take note that a stream is over; nothing happens where its node was never known.

        Args:
            stream: its number.
            now_s: when.

        Returns:
            Whether no Envoy is left.
        """
        known = self._streams.pop(stream, None)
        self._behind.pop(stream, None)
        if known is None:
            return False
        self._nodes[known.node_id] -= 1
        if not self._nodes[known.node_id]:
            del self._nodes[known.node_id]
            self._lost[known.node_id] = now_s
            if len(self._lost) > MOST_LOST:
                del self._lost[next(iter(self._lost))]
        return not self._nodes

    def offered(self, stream: int, state: OfferedState, now_s: float) -> None:
        """Take note that there is another state for a stream.

        Args:
            stream: its number.
            state: which.
            now_s: when.
        """
        known = self._streams.get(stream)
        if known is None or known.offered == state:
            return
        known.offered = state
        if known.behind_since_s is None:
            known.behind_since_s = now_s
            self._behind[stream] = None

    def took_all(self, stream: int) -> bool:
        """Take note that a client has taken all that it was offered; tell whether it had not before."""
        known = self._streams.get(stream)
        if known is None:
            return False
        was_behind = known.behind_since_s is not None
        known.taken, known.behind_since_s = known.offered, None
        self._behind.pop(stream, None)
        return was_behind

    def has_taken(self, stream: int, state: OfferedState) -> bool:
        """Tell whether a client has taken all of a state that is the newest there is for it.

        Args:
            stream: its number.
            state: which; it may not have been offered yet.
        """
        known = self._streams.get(stream)
        return known is not None and known.behind_since_s is None and known.taken == state

    def lost(self, now_s: float) -> Iterator[tuple[str, float]]:
        """Return the Envoys that are lost, each with the time when; the newest first."""
        while self._lost and next(iter(self._lost.values())) < now_s - FORGET_LOST_S:
            del self._lost[next(iter(self._lost))]
        return reversed(self._lost.items())

    def lost_count(self, now_s: float) -> int:
        """Count the Envoys that are lost."""
        return sum(1 for _ in self.lost(now_s))

    def lags(self, now_s: float, most: int) -> list[Lag]:
        """Return how far behind streams are: those that have been for longest, and then some that are in sync.

        Args:
            now_s: the time.
            most: how many.
        """
        in_sync = (number for number in self._streams if number not in self._behind)
        shown = islice(chain(self._behind, in_sync), most)
        return [_lag(self._streams[number], now_s) for number in shown]


def _lag(stream: _Stream, now_s: float) -> Lag:
    since_s = stream.behind_since_s
    return Lag(
        stream.node_id, 0.0 if since_s is None else max(0.0, now_s - since_s), stream.offered.since(stream.taken)
    )
