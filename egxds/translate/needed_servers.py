"""The servers that Envoy itself asks at a Gateway, each counted → their clusters, where they are others. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from egxds.model.resolve.features.policy_servers import PolicyServer
from egxds.object_key import ObjectKey
from egxds.translate.backends.policy_servers import write_policy_server
from egxds.translate.backends.rules import WrittenCluster


@dataclass(frozen=True, slots=True)
class ServersEdit:
    """Clusters of servers.

    Attributes:
        written: those that may be others than before.
        gone: names of those that nobody needs any more.
    """

    written: tuple[WrittenCluster, ...] = ()
    gone: frozenset[str] = frozenset()

    def __or__(self, other: ServersEdit) -> ServersEdit:
        """Return this and another edit, of other clusters."""
        return ServersEdit(self.written + other.written, self.gone | other.gone)


class NeededServers:
    """Knows who needs which."""

    def __init__(self) -> None:
        """Start without any."""
        self._needed: defaultdict[str, _Users] = defaultdict(_Users)
        self._of_users: dict[str, tuple[tuple[ObjectKey, ...], tuple[str, ...]]] = {}
        self._touched: set[str] = set()

    def need(self, user: str, policies: tuple[ObjectKey, ...], servers: Iterable[PolicyServer]) -> None:
        """Note what somebody needs who needed nothing before.

        Args:
            user: name of who needs them.
            policies: that it comes from.
            servers: what it needs.
        """
        found = {each.cluster: each for each in servers}
        for name, server in found.items():
            self._needed[name].add(user, policies, server)
        self._of_users[user] = policies, tuple(found)
        self._touched.update(found)

    def let_go(self, user: str) -> None:
        """Note that somebody needs nothing any more, or did not."""
        policies, servers = self._of_users.pop(user, ((), ()))
        for name in servers:
            self._needed[name].remove(user, policies)
        self._touched.update(servers)

    def edit(self) -> ServersEdit:
        """Write what is another than when this was called the last time."""
        touched = {name: self._needed[name] for name in self._touched}
        self._touched = set()
        gone = frozenset(name for name, users in touched.items() if not users.servers)
        for name in gone:
            del self._needed[name]
        return ServersEdit(tuple(users.written() for users in touched.values() if users.servers), gone)


class _Users:
    """Who needs one server, which all of them describe alike."""

    def __init__(self) -> None:
        self.servers: dict[str, PolicyServer] = {}
        self._policies: Counter[ObjectKey] = Counter()

    def add(self, user: str, policies: tuple[ObjectKey, ...], server: PolicyServer) -> None:
        self.servers[user] = server
        self._policies.update(policies)

    def remove(self, user: str, policies: tuple[ObjectKey, ...]) -> None:
        del self.servers[user]
        take_off(self._policies, policies)

    def written(self) -> WrittenCluster:
        return write_policy_server(self.servers[min(self.servers)], self._policies)


def take_off(counted: Counter[ObjectKey], keys: Iterable[ObjectKey]) -> None:
    """Count some keys once less, and leave out those that are none any more."""
    for key in keys:
        counted[key] -= 1
        if not counted[key]:
            del counted[key]
