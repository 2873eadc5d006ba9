"""One Gateway's resources, version by version: what did not change keeps its object and its bytes. Pure.

Of each type the revision is kept that was handed in last. The next one says which names differ from it, and only those
are looked at and versioned: an edit costs what it changes, and a copy of one dict by the interpreter.

Equal is what has equal bytes (bodies are encoded deterministically), and then the object of before is taken for the
new one, with its version and its children: they depend on the bytes alone. Only the sources may differ, when a resource
is made from other objects and says the same; that is shown to people and sent to nobody, and changes no version.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from egxds import names
from egxds.object_key import ObjectKey
from egxds.resources.references import children
from egxds.resources.resource import Resource, Resources
from egxds.resources.validation.addresses import sockets
from egxds.snapshot.snapshot import EMPTY, Snapshot, VersionedResource, VersionedResources, version_resource


class SnapshotBuilder:
    """Turn the resources of one Gateway into snapshots, each sharing with the one before what is equal.

    Attributes:
        encodings: how many resources have been encoded and versioned so far.
    """

    def __init__(self) -> None:
        self.encodings = 0
        self._given: Mapping[str, Resources] = {}
        self._last = EMPTY

    def beside(self) -> SnapshotBuilder:
        """Return one that goes on from here by itself, for what the Gateway comes to elsewhere."""
        other = SnapshotBuilder()
        other._given, other._last = self._given, self._last
        return other

    def build(self, resources: Mapping[str, Resources]) -> Snapshot:
        """Return a snapshot of these resources.

        Args:
            resources: all of the Gateway's: type URL → resources.

        Returns:
            The same object as last time where nothing differs; else one that holds the same revision for every
            type and the same object for every resource in which nothing differs.

        Raises:
            UnreadableMessageError: a Listener or a Cluster does not parse.
        """
        self._last = self._last.replaced(
            {type_url: self._of_type(type_url, resources[type_url]) for type_url in resources}
        )
        # Only now: where one of them could not be read, the next call is to find it again.
        self._given = dict(resources)
        return self._last

    def _of_type(self, type_url: str, resources: Resources) -> VersionedResources:
        last, given = self._last.of(type_url), self._given.get(type_url)
        changed, gone = {}, []
        # Sorted, so that a first load is in order, and to sort all names of it costs next to nothing from then on.
        for name in sorted(resources.changed_since(given)):
            resource = resources.get(name)
            if resource is None:
                gone.append(name)
            else:
                before = given.get(name) if given is not None else None
                changed[name] = self._versioned(resource, last.get(name), before)
        return last.edited(changed, gone)

    def _versioned(
        self, resource: Resource, last: VersionedResource | None, before: Resource | None
    ) -> VersionedResource:
        """Return a resource with its version.

        Args:
            resource: what is sent.
            last: what was made of it the last time; None where it is new.
            before: the resource that this was made of.
        """
        if last is None or last.body != resource.body or last.ttl_s != resource.ttl_s:
            self.encodings += 1
            known = resource.content
            # Where a body has thousands of parts, to look at each would cost more than all else.
            found = known.children if known is not None else children(resource.type_url, resource.body)
            frame = known.frame if known is not None else resource.body
            bound = sockets(frame) if resource.type_url == names.LISTENER else frozenset()
            versioned = version_resource(resource, found, bound)
            if last is None or known is None or before is None or before.content is None:
                return versioned
            renewed = known.children_since(before.content)
            return versioned.following(last, renewed) if renewed is not None else versioned
        if not _are_same(last.sources, resource.sources):
            return dataclasses.replace(last, sources=resource.sources)
        return last


def _are_same(before: Sequence[ObjectKey], now: Sequence[ObjectKey]) -> bool:
    """Tell whether sources are the same, without gathering those that are gathered only where somebody looks."""
    return before is now or (isinstance(before, tuple) and isinstance(now, tuple) and before == now)
