"""Makes snapshots at random, in which most of what is referred to exists."""

from __future__ import annotations

from random import Random
from types import MappingProxyType

from egxds.names import CLUSTER, ENDPOINT, LISTENER, ROUTE_CONFIGURATION, SECRET
from egxds.resources.resource import Key
from egxds.snapshot.snapshot import NOTHING, Snapshot, VersionedResource, VersionedResources
from tests.transcripts.fake_envoy import BAD, IN_ORDER_OF_USE

CLUSTERS = ("c1", "c2", "c3")
LISTENERS = ("l1", "l2", "l3")
PORTS = (81, 82, 83)
ROUTES = ("r1", "r2", "r3")
SECRETS = ("s1", "s2")
UNRELATED = 7
"""One in so many revisions does not know the one before."""


def _some(names: tuple[str, ...], random: Random, at_least: int = 0) -> list[str]:
    return sorted(random.sample(names, random.randint(at_least, len(names))))


class World:
    """Makes snapshots in which most of what is referred to exists."""

    def __init__(self) -> None:
        self.routed: dict[VersionedResource, frozenset[str]] = {}
        self.revisions: dict[str, VersionedResources] = {}
        self.revision_count = 0

    def snapshot(self, random: Random) -> Snapshot:
        """Make another snapshot; few things are bad."""
        clusters = _some(CLUSTERS, random)
        ports = random.sample(PORTS, len(PORTS))
        listeners = [self._listener(name, ports.pop(), random) for name in _some(LISTENERS, random)]
        routes = sorted({name for item in listeners for kind, name in item.children if kind == ROUTE_CONFIGURATION})
        resources = [
            *(self._cluster(name, random) for name in clusters),
            *(self._made(ENDPOINT, name, random) for name in clusters if random.random() < 0.9),
            *listeners,
            *(self._route(name, clusters, random) for name in routes if random.random() < 0.95),
            *(self._made(SECRET, name, random) for name in SECRETS if random.random() < 0.9),
        ]
        types = {
            type_url: self._revision(type_url, {item.name: item for item in resources if item.type_url == type_url})
            for type_url in IN_ORDER_OF_USE
        }
        return Snapshot(MappingProxyType(types))

    def _revision(self, type_url: str, made: dict[str, VersionedResource]) -> VersionedResources:
        """Make a revision that knows where it differs from the one before, or, at times, one of another origin."""
        self.revision_count += 1
        last = NOTHING if self.revision_count % UNRELATED == 0 else self.revisions.get(type_url, NOTHING)
        revision = last.renewed({name: _same(last.get(name), item) for name, item in made.items()})
        self.revisions[type_url] = revision
        return revision

    def _made(
        self, type_url: str, name: str, random: Random, children: tuple[Key, ...] = (), content: str = "", port: int = 0
    ) -> VersionedResource:
        version = f"{random.randint(1, 3)}{content}{BAD if random.random() < 0.12 else ''}"
        sockets = frozenset({("TCP", "", port)} if port else ())
        return VersionedResource(type_url, name, version, b"", bytes(100), children=children, sockets=sockets)

    def _cluster(self, name: str, random: Random) -> VersionedResource:
        secrets = _some(SECRETS, random) if random.random() < 0.3 else []
        children = ((ENDPOINT, name), *((SECRET, secret) for secret in secrets))
        return self._made(CLUSTER, name, random, children, "".join(secrets))

    def _listener(self, name: str, port: int, random: Random) -> VersionedResource:
        routes, secrets = _some(ROUTES, random), _some(SECRETS, random)
        children = (*((ROUTE_CONFIGURATION, route) for route in routes), *((SECRET, secret) for secret in secrets))
        return self._made(LISTENER, name, random, children, "".join([f"{port}", *routes, *secrets]), port)

    def _route(self, name: str, clusters: list[str], random: Random) -> VersionedResource:
        used = _some(tuple(clusters), random)
        made = self._made(ROUTE_CONFIGURATION, name, random, content="".join(used))
        self.routed[made] = frozenset(used)
        return made


def _same(before: VersionedResource | None, now: VersionedResource) -> VersionedResource:
    return before if before == now else now
