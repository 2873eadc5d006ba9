"""What a client may hold without saying so when it comes back. Pure.

Envoy uses the good clusters and Listeners of a response that it refuses, but does not record them: where the stream
breaks before they were sent again, the versions it reports on the next one leave them out, and nobody would remove them
any more. So what was sent and not taken since is remembered by node, beyond the stream.
"""

from __future__ import annotations

from collections.abc import Iterable

NODES_LIMIT = 10_000
"""How many nodes are remembered; the one that came longest ago makes room."""

NAMES_LIMIT = 100_000
"""How many names of one type and node; the one that was sent longest ago makes room."""


class Trail:
    """Names of one node and one type, oldest first."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, names: Iterable[str]) -> None:
        """Remember names that the client may use from now on."""
        for name in names:
            self._names.pop(name, None)
            self._names[name] = None
        while len(self._names) > NAMES_LIMIT:
            del self._names[next(iter(self._names))]

    def forget(self, names: Iterable[str]) -> None:
        """Forget names that the client has recorded, or is rid of."""
        for name in names:
            self._names.pop(name, None)

    def names(self) -> tuple[str, ...]:
        """Return what the client may hold."""
        return tuple(self._names)


class Unrecorded:
    """The trails of all nodes. Streams of one node share them: a new one may open before the old one is seen to end."""

    def __init__(self) -> None:
        self._nodes: dict[str, dict[str, Trail]] = {}

    def trail(self, node_id: str, type_url: str) -> Trail:
        """Return the trail of a node and a type."""
        types = self._nodes.pop(node_id, {})
        self._nodes[node_id] = types
        if len(self._nodes) > NODES_LIMIT:
            del self._nodes[next(iter(self._nodes))]
        return types.setdefault(type_url, Trail())
