"""What the clusters of a Gateway have Envoy fetch for TLS to backends: authorities, and what is shown. Pure.

Clusters share them, and Envoy fetches each once. They go when the last cluster lets them go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from egxds.incremental.identity import keep_equal
from egxds.resources.resource import Resource

Edit = tuple[Mapping[str, Resource], frozenset[str]]
"""Secrets that are others than before, and the names of those that nobody needs any more."""


class FetchedSecrets:
    """Counts the clusters that need each.

    Attributes:
        by_name: those that are needed, as SDS delivers them.
    """

    def __init__(self) -> None:
        """Start without clusters."""
        self.by_name: dict[str, Resource] = {}
        self._of_clusters: dict[str, tuple[str, ...]] = {}
        self._users: Counter[str] = Counter()

    def edit(self, clusters: Mapping[str, Iterable[Resource]]) -> Edit:
        """Take over what some clusters need.

        Args:
            clusters: name → what it needs; nothing where it is gone.
        """
        let_go = {name for cluster in clusters for name in self._let_go(cluster)}
        needed: dict[str, Resource] = {}
        for cluster, found in clusters.items():
            of_cluster = {each.name: each for each in found}
            if of_cluster:
                self._of_clusters[cluster] = tuple(of_cluster)
                self._users.update(of_cluster.keys())
                needed |= of_cluster
        put = {name: keep_equal(self.by_name.get(name), each) for name, each in needed.items()}
        self.by_name.update(put)
        gone = frozenset(name for name in let_go if not self._users[name])
        for name in gone:
            del self._users[name], self.by_name[name]
        return put, gone

    def _let_go(self, cluster: str) -> tuple[str, ...]:
        """Forget what a cluster needs, and return the names of it."""
        names = self._of_clusters.pop(cluster, ())
        self._users.subtract(names)
        return names
