"""In which order Listeners go out whose addresses change hands. Pure.

Envoy binds an address once. A Listener that is to have the address of another is refused where both come in one
response, though the other is about to leave it: its socket is open until it has moved (seen with Envoy 1.40). So the
one that frees an address goes first, and the one that takes it in the next response, after the ACK:

    x: 80 -> 81    y: 81 -> 82          res[y]                ACK    res[x]
    x: 80 -> 81    y: 81 -> 80          res[x] rem[y]         ACK    res[y]
    x: 80 -> 81 -> z's 82 -> x's 80     res[z] rem[x] ...     ACK    the next, and so on

Where they go round in a circle nobody can be first, and one of them is removed. It loses nothing by that: its address
is taken over in the same response, for Envoy removes before it adds, and its own new one is free only after that. What
does not change hands waits for nothing.

Known is what the client has taken on this stream. What it was sent and has not answered to, or what came beside one
that it refused, it may use, too: that counts for the addresses of before and for the new ones, until it has said so, or
one of them is another's. Of what it reports from an earlier stream only the version is known, and the addresses where
that is the version that there is, and it cannot hold another (`used_unacked`). Of the rest Envoy says itself that
another Listener has the address; among several that are refused for that reason, each is in the way of the others.

What is not our doing, an address that another program has or a Listener that stays where it is, orders nothing: what
wants it is sent, refused and tried again (`pending`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from egxds.resources.validation.addresses import Socket
from egxds.snapshot.snapshot import VersionedResource, VersionedResources

_HELD_BY_ANOTHER = "has duplicate address"
"""What Envoy says of a Listener whose address another Listener has."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What may go now, of some Listeners.

    Attributes:
        updated: those that need not wait.
        removed: name of one that has to go so that another can come; empty where there is none. It comes back later.
        later: names of those that wait, the removed one among them.
    """

    updated: tuple[VersionedResource, ...]
    removed: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


def is_held_by_another(message: str) -> bool:
    """Tell from a refusal whether another Listener of that Envoy has the address."""
    return _HELD_BY_ANOTHER in message


class PortOrder:
    """Which Listener of one client has which address."""

    def __init__(self) -> None:
        self._sockets: dict[str, frozenset[Socket]] = {}
        self._holders: dict[Socket, str] = {}
        self._perhaps: dict[Socket, set[str]] = {}
        self._perhaps_at: dict[str, set[Socket]] = {}
        self._reported: Mapping[str, str] = {}
        self._unknown: frozenset[str] = frozenset()

    def begin(self, reported: Mapping[str, str], doubts: Collection[str]) -> None:
        """Take what a client holds from an earlier stream.

        Args:
            reported: name → version.
            doubts: names of which it may hold something else than it says.
        """
        self._reported, self._unknown = {**reported, **dict.fromkeys(doubts, "")}, frozenset(doubts)

    def compare(self, mapping: VersionedResources) -> None:
        """Learn where what was reported listens: it is known of what is as it was. Once for a stream."""
        if self._reported:
            reported, self._reported = self._reported, {}
            same = [one for name, one in mapping.items() if reported.get(name) == one.version]
            self.took(same, ())
            self._unknown = frozenset(reported) - {one.name for one in same}

    def took(self, resources: Iterable[VersionedResource], removed: Iterable[str]) -> None:
        """Note that the client uses these, and is rid of those."""
        for name in removed:
            self._leave(name)
        for resource in resources:
            self._leave(resource.name)
            self._sockets[resource.name] = resource.sockets
            self._holders.update(dict.fromkeys(resource.sockets, resource.name))
            for socket in resource.sockets:
                self._perhaps.pop(socket, None)

    def sent(self, resources: Iterable[VersionedResource]) -> None:
        """Note that the client may use these from now on, or what it had before."""
        for resource in resources:
            self._perhaps_at.setdefault(resource.name, set()).update(resource.sockets)
            for socket in resource.sockets:
                self._perhaps.setdefault(socket, set()).add(resource.name)

    def refused(self, resources: Iterable[VersionedResource]) -> None:
        """Note that the client does not use these: it has what it had before."""
        for resource in resources:
            self._perhaps_at.get(resource.name, set()).difference_update(resource.sockets)
            self._is_not_at(resource.name, resource.sockets)

    def turn(self, updated: Collection[VersionedResource], is_in_the_way: Callable[[str], bool] | None = None) -> Turn:
        """Divide Listeners that are due into those that go now, and those that wait.

        Args:
            updated: in the order in which they are to go.
            is_in_the_way: says of a name that its Listener, which is where nobody knows, may have the address of any
                of these; None where nothing is known of that.
        """
        moving = {resource.name: resource.sockets for resource in updated}
        blocked = {name for name in moving if is_in_the_way is not None and is_in_the_way(name)}
        unknown = self._unknown & blocked
        waiting = {one.name: self._waits_for(one, moving, unknown if one.name in blocked else ()) for one in updated}
        if not any(waiting.values()):
            return Turn(tuple(updated))
        removed = () if not all(waiting.values()) else (_one_of_a_circle(waiting),)
        now = tuple(one for one in updated if waiting[one.name] <= {*removed} and one.name not in removed)
        going = {one.name for one in now}
        return Turn(now, removed, tuple(name for name in moving if name not in going))

    def _waits_for(
        self, resource: VersionedResource, moving: Mapping[str, frozenset[Socket]], unknown: Collection[str]
    ) -> AbstractSet[str]:
        """Return who has to leave an address of a Listener first, and is about to; where nobody has it, who may."""
        held = [(name, socket) for socket in resource.sockets for name in self._having(socket)]
        leaving = {name for name, socket in held if name in moving and socket not in moving[name]}
        # One that has no address itself is in nobody's way, and goes when there is a turn.
        has_one = resource.name in unknown or resource.name in self._sockets
        others = unknown if has_one and not resource.sockets <= self._holders.keys() else ()
        return {*leaving, *others} - {resource.name}

    def _having(self, socket: Socket) -> AbstractSet[str]:
        """Return who has an address, or may have it."""
        others: AbstractSet[str] = self._perhaps.get(socket, frozenset())
        return others | {self._holders[socket]} if socket in self._holders else others

    def _leave(self, name: str) -> None:
        for socket in self._sockets.pop(name, ()):
            if self._holders.get(socket) == name:
                del self._holders[socket]
        self._is_not_at(name, self._perhaps_at.pop(name, ()))
        self._unknown -= {name}

    def _is_not_at(self, name: str, sockets: Iterable[Socket]) -> None:
        for socket in sockets:
            others = self._perhaps.get(socket, set())
            others.discard(name)
            if not others:
                self._perhaps.pop(socket, None)


def _one_of_a_circle(waiting: Mapping[str, AbstractSet[str]]) -> str:
    """Return one of those that wait for each other, where all wait for someone."""
    name, seen = next(iter(waiting)), set[str]()
    while name not in seen:
        seen.add(name)
        name = min(waiting[name])
    return name
