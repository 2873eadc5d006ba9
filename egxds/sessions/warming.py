"""Which clusters a client has been sent but cannot use yet: what leads traffic to them waits. Pure.

Envoy asks for the endpoints and secrets of a cluster once it has the cluster, and sends no request to it before it has
them too: one that is routed there meanwhile fails. With routes sent back to back behind new clusters, about half of
all requests were answered 503 until the endpoints came. So routes go out when the children of their clusters have (xDS
protocol, Eventual consistency considerations; rules 81, 82).

    a response with the cluster ----> WARMING ----> every child of it given -------------------> warm
                                         |--------> refused, or removed: it asks for nothing --> forgotten
                                         '--------> 10 s since the first one that warms -------> forgotten, with all

Three things are as they are for a reason. It is the client's question that is waited for, and not its ACK, which comes
when the slowest of all its clusters is warm. A child that is not in the snapshot is not waited for: it comes from
elsewhere, or not at all. And while something waits, the limit runs from the first cluster and is not extended by later
ones, or constant change would keep routes back for ever.

Whether one is over, warm or past the limit, is looked at when a Listener or a route is due, and when something goes
out while nothing waits: a cluster that has been warm for minutes must take nothing from the time of the next, and a
client to which no route is due for months must not keep all its clusters here. It is looked at from the oldest on, up
to the first that is not warm, so that each costs once for each time it is sent.

"Given" is told of absence, too (a removal ends Envoy's wait), and owed is not given: the endpoints of a changed cluster
were given once, are owed again behind it, and count when they have gone out. So what is over is told apart before the
children of the next response are owed, or a cluster that goes out again would seem to have been cold all the time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable

from egxds import names
from egxds.resources.resource import Key
from egxds.sessions.events import Response
from egxds.snapshot.snapshot import Snapshot

LIMIT_S = 10.0
"""How long a client may leave it at the clusters. Envoy itself goes on without children after 15 s, its default."""


class Warming:
    """Clusters of one stream, from their response to that with the last of their children."""

    def __init__(self) -> None:
        self._children: dict[str, tuple[Key, ...]] = {}
        self._until_s = -math.inf

    def sent(self, response: Response, snapshot: Snapshot, now_s: float) -> None:
        """Take note of a response.

        Args:
            response: of any type; only clusters count.
            snapshot: what it was made from; children that are not in it come from elsewhere.
            now_s: monotonic seconds.
        """
        if response.type_url != names.CLUSTER:
            return
        self.drop(response.removed)
        if not self._children:
            self._until_s = now_s + LIMIT_S
        there = {type_url: resources.keys() for type_url, resources in snapshot.resources.items()}
        for cluster in response.resources:
            found = [child for child in cluster.children if child[1] in there.get(child[0], ())]
            # Mostly all of them are there: then no client keeps a copy.
            self._children[cluster.name] = cluster.children if len(found) == len(cluster.children) else tuple(found)

    def drop(self, clusters: Iterable[str]) -> None:
        """Forget clusters that the client refused, or is rid of: it does not ask for their children."""
        for name in clusters:
            self._children.pop(name, None)

    def until_s(self, is_given: Callable[[Key], bool], now_s: float) -> float:
        """Return how long routes wait at most.

        Args:
            is_given: says whether the client has been given a resource.
            now_s: monotonic seconds.

        Returns:
            Monotonic seconds; minus infinity where they do not wait.
        """
        self.forget_over(is_given, now_s)
        return self._until_s if self._children else -math.inf

    def forget_over(self, is_given: Callable[[Key], bool], now_s: float) -> None:
        """Forget what is over: clusters that are warm, as far as that is to be looked at, or all past the limit.

        Args:
            is_given: says whether the client has been given a resource.
            now_s: monotonic seconds.
        """
        if now_s >= self._until_s:
            self._children = {}
        # One that is not warm is enough to wait.
        warm = list(itertools.takewhile(lambda name: all(map(is_given, self._children[name])), self._children))
        if len(warm) < len(self._children):
            self.drop(warm)
        else:
            # A dict would keep the room of all that was taken out.
            self._children = {}
