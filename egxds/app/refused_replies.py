"""Brings what Envoys refuse back to the hooks that made it, as input of their next run.

A refusal is told once for each version of a resource, and only while that version is what is published: what the hooks
have been run for since is no news to them. Of an address that the Envoy cannot bind they are not told: somebody else
has it, or it may not have it, whatever the hooks say (`egxds.inspect.machine_faults`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from egxds.hooks.policy.taken_back import Nack
from egxds.inspect.machine_faults import is_of_socket
from egxds.inspect.refusals import RefusedResource, RefusedResources
from egxds.snapshot.store import SnapshotStore

Place = tuple[str, str, str, str]
"""Gateway, type URL, name, version."""


class RefusedReplies:
    """Knows which refusals the hooks have been told of."""

    def __init__(self, store: SnapshotStore, tell: Callable[[str, tuple[Nack, ...]], None]) -> None:
        """Know of none.

        Args:
            store: what is published.
            tell: takes the name of a Gateway, and what Envoys refuse of it.
        """
        self._store = store
        self._tell = tell
        self._told: set[Place] = set()

    def refused(self, refusals: RefusedResources) -> None:
        """Take what Envoys refuse at this moment."""
        now = {place: one for one in refusals if not is_of_socket(one.message) for place in places_of(one, self._store)}
        news: defaultdict[str, list[Nack]] = defaultdict(list)
        for place, one in now.items():
            if place not in self._told:
                news[place[0]].append(nack_of(one))
        self._told = set(now)
        for gateway, nacks in news.items():
            self._tell(gateway, tuple(nacks))


def places_of(one: RefusedResource, store: SnapshotStore) -> Iterator[Place]:
    """Yield where the very version is published that an Envoy refuses.

    Args:
        one: what it refuses.
        store: what is published.
    """
    for gateway in one.gateways:
        view = store.view(gateway)
        resource = view.snapshot.of(one.type_url).get(one.name) if view else None
        if resource is not None and resource.version == one.version:
            yield gateway, one.type_url, one.name, one.version


def nack_of(one: RefusedResource) -> Nack:
    """Return a refusal as the hooks are told of it."""
    return Nack(one.node_id, one.type_url, one.name, one.reason)
