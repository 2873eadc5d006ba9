"""What a client may hold without saying so when it comes back. Pure.

Envoy uses the good clusters and Listeners of a response that it refuses, but does not record them. Where the stream
breaks before they were sent again, it reports on the next one what it had recorded before, an older version or
nothing: nobody would remove them any more, or bring the older version back (rules 56, 57, 73). So what was sent and
not taken since is remembered by node, beyond the stream:

    sent a@1        a: [1]
    sent a@2        a: [1, 2]
    ACK of a@1      a: [2]              what came after it may be in use
    removed a       a: [2, gone]        a removal may be lost like anything else
    ACK of that     nothing             the client records from here on

On the next stream a name is in doubt unless what may be in use is the one thing that the client reports. A name in
doubt is sent, or removed, whatever was reported: at worst Envoy gets what it has, or is to drop what it has not, and
does nothing.

Only clusters and Listeners need this: of other types Envoy reports the old version of all names of a refused response,
and gets them all again. Everything here is bounded, the oldest making room, since names and node ids are a stranger's
choice; what is forgotten costs no more than if the memory had not been there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from egxds.snapshot.snapshot import VersionedResource

NODES_LIMIT = 10_000
"""How many nodes are remembered; the one that came longest ago makes room."""

NAMES_LIMIT = 100_000
"""How many names of one type and node; the one that was sent longest ago makes room."""

VERSIONS_LIMIT = 4
"""How many versions of one resource are told apart; with more than one, nobody can say which the client holds."""

_GONE = ""
"""Stands for the version of a resource that the client was told is gone."""


class UsedUnacked:
    """What was sent of one type to one node and not taken since; the name that was sent longest ago comes first."""

    def __init__(self) -> None:
        self._versions: dict[str, tuple[str, ...]] = {}

    def sent(self, resources: Iterable[VersionedResource], removed: Iterable[str]) -> None:
        """Remember what the client may use, or be rid of, from now on."""
        versions = self._versions
        for name, version in _versions(resources, removed):
            # Taken out and put in again, so that the order of the dict is the order of sending.
            known = versions.pop(name, None)
            if known is None:
                versions[name] = (version,)
            else:
                versions[name] = known if known[-1] == version else (*known, version)[-VERSIONS_LIMIT:]
        while len(versions) > NAMES_LIMIT:
            del versions[next(iter(versions))]

    def taken(self, resources: Iterable[VersionedResource], removed: Iterable[str]) -> None:
        """Forget what the client has recorded, and what it was sent before that."""
        for name, version in _versions(resources, removed):
            known = self._versions.get(name, ())
            # A late ACK of a version that was forgotten, or of one from before: it says nothing of what came after.
            if version not in known:
                continue
            rest = known[known.index(version) + 1 :]
            if rest:
                self._versions[name] = rest
            else:
                del self._versions[name]
        if not self._versions:
            # A dict keeps the room of what was taken out: of all the clusters of an Envoy that has started, here.
            self._versions = {}

    def doubts(self, reported: Mapping[str, str]) -> Iterator[str]:
        """Yield names of which the client may hold something else than it says.

        Args:
            reported: name → version that it says it holds.
        """
        for name, versions in self._versions.items():
            if set(versions) != {reported.get(name, _GONE)}:
                yield name


def _versions(resources: Iterable[VersionedResource], removed: Iterable[str]) -> list[tuple[str, str]]:
    return [*((resource.name, resource.version) for resource in resources), *((name, _GONE) for name in removed)]


class UsedUnackedByNode:
    """Of all nodes and types. Streams of one node share them: a new one may open before the old one is seen to end."""

    def __init__(self) -> None:
        self._nodes: dict[str, dict[str, UsedUnacked]] = {}

    def of(self, node_id: str, type_url: str) -> UsedUnacked:
        """Return what one node may use of one type."""
        types = self._nodes.pop(node_id, {})
        self._nodes[node_id] = types
        if len(self._nodes) > NODES_LIMIT:
            del self._nodes[next(iter(self._nodes))]
        return types.setdefault(type_url, UsedUnacked())
