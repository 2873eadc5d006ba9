"""Who the certificates of backends are to be issued by, over all clusters of a Gateway. Pure.

Clusters share them, and Envoy fetches each once. They go when the last cluster lets them go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from egxds.incremental.identity import keep_equal
from egxds.model.resolve.upstreams import Authorities
from egxds.resources.resource import Resource
from egxds.translate.tls import authorities_secret

Edit = tuple[Mapping[str, Resource], frozenset[str]]
"""Secrets that are others than before, and the names of those that nobody needs any more."""


class TrustedAuthorities:
    """Counts the clusters that need each.

    Attributes:
        by_name: those that are needed, as SDS delivers them.
    """

    def __init__(self) -> None:
        """Start without clusters."""
        self.by_name: dict[str, Resource] = {}
        self._of_clusters: dict[str, str] = {}
        self._users: Counter[str] = Counter()

    def edit(self, clusters: Mapping[str, Authorities | None]) -> Edit:
        """Take over what some clusters need.

        Args:
            clusters: name → what it needs; None where it needs nothing, or is gone.
        """
        let_go = {self._let_go(cluster) for cluster in clusters}
        needed = {found.name: found for found in clusters.values() if found is not None}
        for cluster, found in clusters.items():
            if found is not None:
                self._of_clusters[cluster] = found.name
                self._users[found.name] += 1
        put = {name: keep_equal(self.by_name.get(name), authorities_secret(each)) for name, each in needed.items()}
        self.by_name.update(put)
        gone = frozenset(name for name in let_go if name and not self._users[name])
        for name in gone:
            del self._users[name], self.by_name[name]
        return put, gone

    def _let_go(self, cluster: str) -> str:
        """Forget what a cluster needs, and return its name; empty where it needs nothing."""
        name = self._of_clusters.pop(cluster, "")
        if name:
            self._users[name] -= 1
        return name
