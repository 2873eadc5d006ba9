"""Which snapshot a stream works from while newer ones come. Pure.

The newest is taken up between any two responses, so that a slow client gets the newest state and not every state.
Three things put that off, each for a while that ends by itself:

    put off       by                                            until
    late          1 s since the first response of an order      the snapshot in hand gives nothing more
                  of types
    paused        a response of 50 clusters or more, where      0.2 ms for each of them, 1 s at the most
                  the newer snapshot has other clusters
    pinned        a response that was a part of one             the next response

- Late: a client that reads so slowly that the state changes faster than it reads would get clusters for ever and
  routes never, since every change begins the order of types anew. What takes too long is finished from the snapshot in
  hand (rule 109). From that one and not from the newest for routes alone, or routes would lead to clusters that the
  client does not have.
- Paused: a large response of clusters keeps Envoy's main thread busy, and everything else behind it: of 20,000 changed
  clusters sent within half a second, the route behind them took effect 3.5 s later. The next change of clusters waits
  for as long as the last one is likely to take (rule 89).
- Pinned: the parts of one response belong to one snapshot (rule 108).

That nothing is known (a snapshot of None) puts nothing off: it stops everything, at once (rule 11).
"""

from __future__ import annotations

import math

from egxds import names
from egxds.sessions.events import Response
from egxds.snapshot.snapshot import Snapshot

SEQUENCE_LIMIT_S = 1.0
"""How long newer snapshots may begin the order of types anew."""

PAUSE_PER_CLUSTER_S = 0.0002
"""What one changed cluster was measured to cost Envoy's main thread."""

LONGEST_PAUSE_S = 1.0
"""However many there are: 5,000 clusters take Envoy as long."""

SHORTEST_PAUSE_S = 0.01
"""A pause that would be shorter is not worth a delay: a few clusters never wait."""


class Pacing:
    """The snapshot in hand, and the newest."""

    def __init__(self) -> None:
        self._current: Snapshot | None = None
        self._newest: Snapshot | None = None
        self._began_at_s: float | None = None
        self._paused_until_s = -math.inf
        self._is_pinned = False

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot."""
        return self._newest

    def offer(self, snapshot: Snapshot | None) -> None:
        """Take note of a newer snapshot; None stops everything at once."""
        self._newest = snapshot
        if snapshot is None:
            self._current = None
            self._is_pinned = False

    def take(self, now_s: float) -> Snapshot | None:
        """Return the snapshot to make the next response from."""
        if self._may_change(now_s):
            self._current = self._newest
        # For one response only; one that is a part again pins again.
        self._is_pinned = False
        return self._current

    def wrote(self, response: Response, now_s: float) -> None:
        """Take note of a response."""
        if self._began_at_s is None:
            self._began_at_s = now_s
        if response.type_url == names.CLUSTER:
            pause_s = PAUSE_PER_CLUSTER_S * (len(response.resources) + len(response.removed))
            if pause_s >= SHORTEST_PAUSE_S:
                self._paused_until_s = now_s + min(pause_s, LONGEST_PAUSE_S)

    def pin(self) -> None:
        """Keep the snapshot for the next response, whatever comes: it is a part of what this one is a part of."""
        self._is_pinned = True

    def finish(self, now_s: float) -> bool:
        """Take note that the snapshot in hand gives no response now.

        Returns:
            Whether a newer one can be taken up instead.
        """
        self._began_at_s = None
        return self._current is not self._newest and self._may_change(now_s)

    def wakes_at_s(self) -> float:
        """Return when a snapshot that waits may be taken up; infinity where none waits."""
        return self._paused_until_s if self._current is not self._newest else math.inf

    def _may_change(self, now_s: float) -> bool:
        if self._current is None or self._newest is None:
            return True
        # The pause is for changes of clusters alone: routes and endpoints of a newer snapshot do not wait for it, as
        # long as its clusters are those of the one in hand.
        is_late = self._began_at_s is not None and now_s >= self._began_at_s + SEQUENCE_LIMIT_S
        return not (self._is_pinned or is_late or (now_s < self._paused_until_s and self._changes_clusters()))

    def _changes_clusters(self) -> bool:
        current, newest = self._current, self._newest
        return current is None or newest is None or current.of(names.CLUSTER) is not newest.of(names.CLUSTER)
